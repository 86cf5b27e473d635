"""Where the local deployment keeps things: this clone's sources, and everything it makes under `.nightjar`."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE = ROOT / ".nightjar"

UV = STATE / "tools" / "bin" / "uv"
PYTHON = STATE / "tools" / "bin" / "python"
CACHE = STATE / "cache"
IMAGES = STATE / "images"
DEPLOYMENT = STATE / "deployment"
DEMO = STATE / "demo"
CHAOS = STATE / "chaos"
ENVIRONMENT_FILE = STATE / "env"


def shown(path: Path) -> str:
    """A path for a person: from the root of the clone where it is below it."""
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
