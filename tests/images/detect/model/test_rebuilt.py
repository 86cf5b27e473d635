"""Networks that are rebuilt for another input size compute what those that were shipped compute."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nightjar_local.detectors import SOURCE
from nightjar_local.images import model_builder

PROGRAM = Path(__file__).parent / "rebuilt.py"


@pytest.fixture(scope="module")
def apart() -> dict[str, Any]:
    """How far they are apart; one program, as TensorFlow and the packages take ten seconds to come."""
    done = subprocess.run(
        [str(model_builder()), str(PROGRAM), str(SOURCE)], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    compared: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return compared


@pytest.mark.slow
@pytest.mark.parametrize(
    ("detector", "compared", "most"),
    [
        # Scores reach 1, logits of distances 10.
        ("nano", "shipped", 1e-5),
        ("nano", "converted", 1e-4),
    ],
)
def test_rebuilt_networks(apart: dict[str, Any], detector: str, compared: str, most: float) -> None:
    assert apart[detector][compared] <= most
