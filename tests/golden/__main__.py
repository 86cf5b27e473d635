"""`python -m tests.golden RELEASE`: keep one object of every kind that `make demo` has just left in its bucket."""

import re
import sys
from pathlib import Path

from nightjar_local.layout import DEMO
from nightjar_local.seaweedfs import running
from nightjar_local.summary import Bucket

HERE = Path(__file__).parent
# Pictures, plots and messages are not read back as documents; two cameras show all that the others do.
LEFT_OUT = re.compile(r"(incoming|footage|standard|outbox|reports)/|.*/object$|.*\.mjpeg$|.*\.sock$")
CAMERAS = ("alice-yard", "carol-garden")


def kinds(keys: list[str]) -> list[str]:
    """The keys to keep: of those that differ only in camera, day, run or hash, one."""
    chosen: dict[str, str] = {}
    for key in keys:
        camera = re.search(r"[a-z]+-(porch|yard|store|lobby|counter|drive|garden|door)", key)
        if LEFT_OUT.match(key) or (camera and camera[0] not in CAMERAS):
            continue
        kind = re.sub(r"\d{4}.\d{2}.\d{2}", "<day>", key)
        kind = re.sub(r"sha-[0-9a-f]{12}|[0-9a-f]{16,64}|<day>/\d\d/|/\d\d\.json", "<id>", kind)
        kind = re.sub(r"date=|\d{8}T\d{6}Z-[0-9a-f]{12}|scheduled__[^/]*|manual__[^/]*", "<run>", kind)
        chosen.setdefault(f"{kind} {camera[0] if camera else ''}", key)
    return sorted(chosen.values())


def main(release: str) -> None:
    """Copy the objects into `tests/golden/<release>/`, which must not be there yet."""
    target = HERE / release
    target.mkdir()
    with running(DEMO / "seaweedfs") as access:
        bucket = Bucket(access)
        for key in kinds(bucket.keys("")):
            file = target / key
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(bucket.read(key))


if __name__ == "__main__":
    main(sys.argv[1])
