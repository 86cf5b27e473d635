"""Which code reads the rules: what one release finds good another may refuse, also while both work on a bucket."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import nightjar.domain
import nightjar.runtime


@cache
def reader_id() -> str:
    """16 hex digits that change with any code, and with the database of zones, by which rules are read and checked."""
    domain, runtime = (Path(str(package.__file__)).parent for package in (nightjar.domain, nightjar.runtime))
    files = [*sorted(domain.rglob("*.py")), *sorted(runtime.glob("*rules*.py")), *sorted(runtime.glob("*yaml*.py"))]
    digest = hashlib.sha256(version("tzdata").encode())
    for file in files:
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
