"""`python -m tests.golden RELEASE`: keep one object of every kind that `make demo` has just left in its bucket."""

import re
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path

from nightjar.domain.alerts import DigestLine
from nightjar.domain.detections import FailedPicture
from nightjar.domain.events import Event
from nightjar.runtime.manifests import jsonl
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.event_keys import event_key
from nightjar.stores.records import Records
from nightjar_local.layout import DEMO
from nightjar_local.seaweedfs import S3Access, running
from nightjar_local.summary import Bucket

HERE = Path(__file__).parent
# Pictures, plots and messages are not read back as documents; two cameras show all that the others do.
LEFT_OUT = re.compile(r"(incoming|footage|standard|outbox|reports|alerts)/|.*/object$|.*\.mjpeg$|.*\.sock$")
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
        keys = bucket.keys("")
        kept = kinds(keys)
        events = {key.rpartition("/")[2] for key in kept if key.startswith("events/")}
        kept += [key for key in keys if key.startswith("alerts/") and key.rpartition("/")[2] in events]
        objects = {key: bucket.read(key) for key in kept}
        objects |= _deleted(access, "claims/")  # they are deleted as soon as they have served
    objects |= dict(_not_in_the_demo(objects))
    for key, data in objects.items():
        file = target / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _deleted(access: S3Access, prefix: str) -> dict[str, bytes]:
    """One object below `prefix`, in whatever version."""
    client = access.client()
    versions = client.list_object_versions(Bucket=access.bucket, Prefix=prefix).get("Versions", [])
    return {
        v["Key"]: client.get_object(Bucket=access.bucket, Key=v["Key"], VersionId=v["VersionId"])["Body"].read()
        for v in versions[:1]
    }


def _not_in_the_demo(objects: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The kinds that only trouble leaves, and news, which are gone for good once the page is made."""
    detect = next(key for key in objects if re.search(r"/detect/.*/_manifest\.json", key))
    failed = FailedPicture(
        standard_key="standard/2026/11/25/23/alice-yard/1795650000.jpg",
        reason="picture-missing",
        detail="expected a picture at 'standard/2026/11/25/23/alice-yard/1795650000.jpg', got none",
    )
    yield detect.replace("_manifest.json", "failures.jsonl"), b"".join(jsonl([failed]))
    event = Event.model_validate_json(next(data for key, data in objects.items() if key.startswith("events/")))
    digest = DigestLine.of(event, event_key(event.camera, event.ref), event.ended_at + timedelta(hours=3))
    store = MemoryStore()
    Records(store).announce(event.day, "nightjar_live/20261126T024601Z-a6736f636d35")
    yield from ((info.key, store.get(info.key)[0]) for info in store.list_objects("records/news/"))
    yield detect.replace("/detect/", "/notify/").replace("_manifest.json", "digest.jsonl"), b"".join(jsonl([digest]))


if __name__ == "__main__":
    main(sys.argv[1])
