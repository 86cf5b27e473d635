"""The detect stage over shards: what it finds, what it skips, what it survives."""

import hashlib
import json
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from nightjar.domain.detections import FailedPicture, ListedPicture, Picture
from nightjar.domain.layout import PICTURES
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError, TryAgainError, UsageError
from nightjar.runtime import s3
from nightjar.runtime.manifests import read_lines, read_manifest
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.s3 import S3Store
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.stage import StageContext, StoppedError, run
from nightjar.runtime.store import ObjectMissingError, ObjectStore
from nightjar.settings.detect import DetectSettings
from nightjar.stores.detections import Detections
from nightjar.stores.detectors import Detectors
from nightjar.stores.line_store import Place
from nightjar.stores.runs import HISTORY, LIVE
from nightjar_detect.fetch import Fetch, s3_fetch
from nightjar_detect.model import ModelCard
from nightjar_detect.stage import detect_shard
from nightjar_local.chaos.s3_proxy import S3Proxy
from tests.bucket import NOON, PORCH, YARD, put_picture
from tests.images.detect.shards import detections, noise, series, validated

DAY = "2026/11/20"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def fetch_from(store: MemoryStore) -> Fetch:
    """Reads pictures from the store in memory."""
    return lambda key, version_id: store.get(key, version_id)[0]


@pytest.fixture
def detect(store: MemoryStore, settings: DetectSettings) -> Callable[[StageContext], Manifest]:
    """Runs the stage over the store in memory."""
    return lambda context: run(lambda c: detect_shard(c, settings, fetch_from(store)), context)


Detect = Callable[[StageContext], Manifest]


def counted(known: int, looked_at: int, interpolated: int = 0, carried: int = 0) -> dict[str, int]:
    """The details of the manifest."""
    return {"known": known, "looked_at": looked_at, "interpolated": interpolated, "carried": carried}


def counts(manifest: Manifest) -> tuple[int, dict[str, int], dict[str, int]]:
    return manifest.counts.received, manifest.counts.outcomes, manifest.counts.details


def test_a_line_has_the_format_that_outside_programs_rely_on(
    store: MemoryStore, detect: Detect, pictures: dict[str, bytes], card: ModelCard
) -> None:
    context = validated(store, [put_picture(store, pictures["bikes.mp4 125"])])
    manifest = detect(context)
    [ref] = Detections(store).objects_among(manifest.objects)
    assert ref.key == f"detections/{manifest.result['detector']}/{DAY}/alice-porch/b1.jsonl"
    line = json.loads(store.get(ref.key)[0])
    assert list(line) == ["schema", "picture", "detector", "objects", "counts", "run", "shard"]
    assert "schema" not in line["picture"]
    assert line["picture"]["taken_at"] == "2026-11-20T12:00:00Z"
    assert line["detector"]["tag"] == "d1"
    assert line["detector"]["model"] == card.name
    assert line["objects"][0]["label"] == "person"
    assert line["objects"][0]["box"] == pytest.approx([0.56, 0.0, 0.77, 0.97], abs=0.05)
    assert line["counts"]["person"] >= 1
    stored = json.loads(store.get(f"detections/{manifest.result['detector']}/model_card.json")[0])
    assert "person" in stored["labels"].values()


def test_a_release_finds_its_detector(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, [])
    manifest = detect(context)
    identity = context.release()[0].stage("detect").identity
    published = Detectors(store).get(identity)
    assert (published.id, published.tag) == (manifest.result["detector"], "d1")
    assert {"person", "cat"} < set(published.labels)
    published_keys = {info.key for folder in ("detectors/", "detections/") for info in store.list_objects(folder)}
    assert published_keys == {ref.key for ref in manifest.objects}
    before = list(store.list_versions("detect"))
    detect(context)
    assert list(store.list_versions("detect")) == before


def test_a_line_says_who_looked_and_keeps_it_when_another_run_knows_it(store: MemoryStore, detect: Detect) -> None:
    [first] = series(store, [noise(1)])
    info = store.head(first.standard_key)
    assert info
    detect(validated(store, [ListedPicture.of(first, info.version_id)]))
    [line] = next(iter(detections(store).values()))
    assert (line.run, line.shard, line.detector.tag) == (f"{LIVE}/b1", "alice-porch", "d1")
    assert line.picture.standard_version == info.version_id
    manifest = detect(validated(store, [first], run="2026-11-20", dag=HISTORY, tag="d2"))
    assert manifest.counts.details["known"] == 1
    [ref] = Detections(store).objects_among(manifest.objects)
    [again] = Detections(store).read_object(ref)
    assert (again.origin, again.objects) == (line.origin, line.objects)


def test_a_known_line_keeps_what_a_later_release_added_to_it(store: MemoryStore, detect: Detect) -> None:
    [first] = series(store, [noise(1)])
    [ref] = Detections(store).objects_among(detect(validated(store, [first])).objects)
    [line] = Detections(store).read_object(ref)
    store.put(ref.key, line.model_copy(update={"weather": "snow"}).model_dump_json(by_alias=True).encode())
    manifest = detect(validated(store, [first], run="2026-11-20", dag=HISTORY, tag="d2"))
    [ref] = Detections(store).objects_among(manifest.objects)
    [again] = Detections(store).read_object(ref)
    assert again.model_extra == {"weather": "snow"}


def test_the_manifest_names_every_picture_that_was_looked_at(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, series(store, [noise(1), noise(2)]))
    pictures = {(info.key, info.version_id): info.size for info in store.list_objects("standard/") if info.size}
    manifest = detect(context)
    read = {ref.key: ref for ref in manifest.inputs if ref.key.startswith("standard/")}
    assert {key: ref.size for key, ref in read.items()} == {key: size for (key, _), size in pictures.items()}
    for ref in read.values():
        assert hashlib.sha256(store.get(ref.key)[0]).hexdigest() == ref.sha256
    again = detect(context)
    assert not any(ref.key.startswith("standard/") for ref in again.inputs)  # all are known


def test_an_empty_shard_is_done_without_loading_the_model(store: MemoryStore, detect: Detect) -> None:
    manifest = detect(validated(store, []))
    assert counts(manifest) == (0, {"detected": 0}, counted(0, 0))
    assert not any(ref.key.endswith(".jsonl") for ref in manifest.objects)


def test_bad_pictures_fail_with_a_reason_and_the_others_go_on(
    store: MemoryStore, detect: Detect, pictures: dict[str, bytes]
) -> None:
    cat = pictures["chelsea.png"]
    good, gone, altered, cut, empty, last = series(store, [cat, noise(1), noise(2), cat[:9000], b"", noise(4)])
    store.delete(gone.standard_key)
    store.put(altered.standard_key, noise(3))
    context = validated(store, [good, gone, altered, cut, empty, last])
    manifest = detect(context)
    failed = {"failed:picture-missing": 1, "failed:picture-altered": 1, "failed:picture-undecodable": 2}
    assert counts(manifest) == (6, {"detected": 2} | failed, counted(0, 2))
    assert [any(p.standard_key in w for w in manifest.warnings) for p in (gone, altered, cut, empty)] == [True] * 4
    [lines] = detections(store).values()
    assert [line.picture for line in lines] == [good, last]
    assert read_manifest(store, context.output_prefix)[0] == manifest


def test_pictures_that_s3_does_not_give_fail_by_name_with_the_code(store: MemoryStore, detect: Detect) -> None:
    pictures = series(store, [noise(1), noise(2), noise(3)])
    store.make_unreadable(pictures[1].standard_key)
    manifest = detect(validated(store, pictures))
    failed = {"failed:picture-unreadable:InvalidObjectState": 1}
    assert counts(manifest) == (3, {"detected": 2} | failed, counted(0, 2))
    [warning] = manifest.warnings
    assert pictures[1].standard_key in warning and "InvalidObjectState" in warning


def test_pictures_are_those_that_validate_listed_whatever_came_later(store: MemoryStore, detect: Detect) -> None:
    pictures = series(store, [noise(1), noise(2), noise(3)])
    context = validated(store, [ListedPicture.of(p, version_of(store, p)) for p in pictures])
    store.put(pictures[0].standard_key, noise(9))
    store.delete(pictures[1].standard_key)
    store.delete(pictures[2].standard_key, version_of(store, pictures[2]))
    assert counts(detect(context))[1] == {"detected": 2, "failed:picture-missing": 1}


def version_of(store: MemoryStore, picture: Picture) -> str:
    info = store.head(picture.standard_key)
    assert info
    return info.version_id


def test_many_failures_do_not_flood_the_manifest(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, series(store, [b""] * 50))
    manifest = detect(context)
    assert counts(manifest)[1] == {"detected": 0, "failed:picture-undecodable": 50}
    assert len(manifest.warnings) == 21
    assert "30 more" in manifest.warnings[-1]
    [named] = [ref for ref in manifest.objects if ref.key.startswith(context.output_prefix)]
    assert named.key == f"{context.output_prefix}failures.jsonl"
    failures, _ = read_lines(store, named.key, FailedPicture)
    assert len({failure.standard_key for failure in failures}) == 50
    assert {failure.reason for failure in failures} == {"picture-undecodable"}


def test_two_cameras_and_midnight_give_an_object_each(store: MemoryStore, detect: Detect) -> None:
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    late = [put_picture(store, noise(n), midnight + timedelta(milliseconds=500 * n)) for n in (-2, -1, 0, 1)]
    other = put_picture(store, noise(9), NOON, YARD)
    manifest = detect(validated(store, [*reversed(late), other], shard="pack-0001"))
    found = {key: [line.picture for line in lines] for key, lines in detections(store).items()}
    assert found == {
        "2026/11/20/alice-porch/b1.jsonl": late[:2],
        "2026/11/20/alice-yard/b1.jsonl": [other],
        "2026/11/21/alice-porch/b1.jsonl": late[2:],
    }
    named = Detections(store).objects_among(manifest.objects)
    assert sorted(ref.key.split("/", 2)[2] for ref in named) == sorted(found)


def test_parts_of_one_camera_do_not_overwrite_each_other(store: MemoryStore, detect: Detect) -> None:
    first, second = series(store, [noise(1), noise(2)])
    detect(validated(store, [first], shard="alice-porch.1"))
    detect(validated(store, [second], shard="alice-porch.2"))
    assert sorted(detections(store)) == [f"{DAY}/alice-porch/b1.{n}.jsonl" for n in (1, 2)]


def test_running_again_computes_nothing_and_changes_nothing(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, series(store, map(noise, range(5))))
    first = detect(context)
    again = detect(context)
    assert counts(first) == (5, {"detected": 5}, counted(0, 5))
    assert counts(again) == (5, {"detected": 5}, counted(5, 0))
    assert list(again.objects) == Detections(store).objects_among(first.objects)


def test_history_knows_what_live_saw_and_a_late_picture_costs_only_itself(store: MemoryStore, detect: Detect) -> None:
    early = series(store, [noise(1), noise(2)])
    detect(validated(store, early[:1], run="b1"))
    detect(validated(store, early[1:], run="b2"))
    late = put_picture(store, noise(3), NOON + timedelta(minutes=1))
    manifest = detect(validated(store, [*early, late], run="2026-11-20", dag=HISTORY))
    assert counts(manifest)[2] == counted(2, 1)
    found = detections(store)
    assert [line.picture for line in found[f"{DAY}/alice-porch/2026-11-20.jsonl"]] == [*early, late]


def test_a_live_run_cleared_after_history_computes_nothing(store: MemoryStore, detect: Detect) -> None:
    pictures = series(store, [noise(1), noise(2)])
    manifest = detect(validated(store, pictures, run="2026-11-20", dag=HISTORY))
    Detections(store).compact(Place(str(manifest.result["detector"]), PORCH, NOON.date()))
    assert counts(detect(validated(store, pictures, run="b1")))[2] == counted(2, 0)


@pytest.mark.parametrize(
    ("tag", "change", "known"),
    [
        pytest.param("d1", {}, 2, id="the same detector"),
        pytest.param("d1", {"min_probability": 0.2}, 0, id="other settings"),
        pytest.param("d2", {}, 2, id="a rebuilt image of the same model"),
        pytest.param("d1", {"detect_threads": 2, "detect_readers": 1}, 2, id="settings that do not change results"),
    ],
)
def test_known_means_picture_model_and_settings_agree(
    store: MemoryStore, detect: Detect, settings: DetectSettings, tag: str, change: dict[str, float], known: int
) -> None:
    pictures = series(store, [noise(1), noise(2)])
    detect(validated(store, pictures, run="2026-11-19", dag=HISTORY))
    other = settings.model_copy(update=change)
    pinned = {name: str(value) for name, value in change.items()}
    context = validated(store, pictures, run="2026-11-20", dag=HISTORY, tag=tag, settings=pinned)
    again = run(lambda c: detect_shard(c, other, fetch_from(store)), context)
    assert counts(again)[2] == counted(known, 2 - known)


def test_a_picture_standardised_anew_is_looked_at_again(store: MemoryStore, detect: Detect) -> None:
    detect(validated(store, [put_picture(store, noise(1))]))
    assert counts(detect(validated(store, [put_picture(store, noise(2))])))[2] == counted(0, 1)


def test_detections_that_cannot_be_read_are_computed_again(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, [put_picture(store, noise(1))])
    [ref] = Detections(store).objects_among(detect(context).objects)
    good = store.get(ref.key)[0]
    store.put(ref.key, b'{"half a li')
    assert counts(detect(context))[2] == counted(0, 1)
    assert store.get(ref.key)[0] == good


@pytest.mark.parametrize("error", [StoppedError("SIGTERM"), TryAgainError("S3 is down")])
def test_what_was_computed_before_a_stop_is_kept(
    store: MemoryStore, detect: Detect, settings: DetectSettings, error: TryAgainError | StoppedError
) -> None:
    pictures = series(store, map(noise, range(60)))
    context = validated(store, pictures)
    lock, fetched = threading.Lock(), set()

    def failing(key: str, version_id: str | None) -> bytes:
        with lock:
            fetched.add(key)
            if len(fetched) > 40:
                raise error
        return store.get(key, version_id)[0]

    with pytest.raises(type(error)):
        run(lambda c: detect_shard(c, settings, failing), context)
    with pytest.raises(InputError, match=r"_manifest\.json"):
        read_manifest(store, context.output_prefix)
    [kept] = detections(store).values()
    assert 0 < len(kept) < 60
    manifest = detect(context)
    assert counts(manifest)[2] == counted(len(kept), 60 - len(kept))
    [lines] = detections(store).values()
    assert [line.picture for line in lines] == pictures


def _without_manifest(store: MemoryStore, context: StageContext) -> None:
    store.delete(f"{context.input_prefix}_manifest.json")


def _without_pictures(store: MemoryStore, context: StageContext) -> None:
    store.delete(f"{context.input_prefix}{PICTURES}")


def _other_pictures(store: MemoryStore, context: StageContext) -> None:
    store.put(f"{context.input_prefix}{PICTURES}", b"")


def _broken_pictures(store: MemoryStore, context: StageContext) -> None:
    store.put(f"{context.input_prefix}{PICTURES}", b'{"user": "alice"}\n')


@pytest.mark.parametrize("harm", [_without_manifest, _without_pictures, _other_pictures, _broken_pictures])
def test_a_shard_that_validate_did_not_finish_is_refused(
    store: MemoryStore, detect: Detect, harm: Callable[[MemoryStore, StageContext], None]
) -> None:
    context = validated(store, series(store, map(noise, range(8))))
    harm(store, context)
    with pytest.raises(InputError, match="expected"):
        detect(context)


def test_a_shard_with_a_picture_twice_is_refused(store: MemoryStore, detect: Detect) -> None:
    one: Picture = put_picture(store, noise(1))
    with pytest.raises(InputError, match="each picture once"):
        detect(validated(store, [one, one]))


def test_a_tag_that_was_another_detector_is_refused(store: MemoryStore, detect: Detect) -> None:
    context = validated(store, [])
    detect(context)
    key = f"detectors/{context.release()[0].stage('detect').identity}.json"
    other = json.loads(store.get(key)[0]) | {"id": "0" * 16, "model": "another"}
    store.put(key, json.dumps(other).encode())
    with pytest.raises(UsageError, match=r"0{16} \(another\).*new tag"):
        detect(context)


def test_pictures_come_from_s3(s3_settings: StoreSettings, s3_store: ObjectStore, settings: DetectSettings) -> None:
    pictures = series(s3_store, map(noise, range(20)))
    fetch = s3_fetch(s3_settings, s3_store)
    first = s3_store.head(pictures[0].standard_key)
    assert first
    s3_store.put(first.key, noise(99))
    context = validated(s3_store, [ListedPicture.of(pictures[0], first.version_id), *pictures[1:]])
    manifest = run(lambda c: detect_shard(c, settings, fetch), context)
    assert counts(manifest) == (20, {"detected": 20}, counted(0, 20))
    with pytest.raises(ObjectMissingError, match="standard/none"):
        fetch("standard/none", None)


@pytest.mark.parametrize(
    ("code", "status"), [("InvalidObjectState", 403), ("AccessDenied", 403), ("IncompleteBody", 200)]
)
def test_one_picture_that_s3_does_not_give_is_told_from_an_outage(
    s3_settings: StoreSettings, code: str, status: int, settings: DetectSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAUSES", (0.01, 0.01, 0.01))
    with S3Proxy(int(str(s3_settings.s3_endpoint).rsplit(":", 1)[1])) as proxy:
        through = s3_settings.model_copy(update={"s3_endpoint": proxy.url})
        store = S3Store(through)
        pictures = series(store, map(noise, range(3)))
        proxy.make_unreadable(pictures[1].standard_key, code, status)
        fetch = s3_fetch(through, store)
        manifest = run(lambda c: detect_shard(c, settings, fetch), validated(store, pictures))
    assert manifest.counts.outcomes == {"detected": 2, f"failed:picture-unreadable:{code}": 1}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        pytest.param({"AWS_SECRET_ACCESS_KEY": "wrong"}, UsageError, "refuses", id="wrong secret"),
        pytest.param({"NIGHTJAR_S3_ENDPOINT": "http://127.0.0.1:9"}, TryAgainError, "bucket", id="nobody there"),
    ],
)
def test_s3_that_refuses_or_fails(
    s3_settings: StoreSettings,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, str],
    error: type[Exception],
    says: str,
) -> None:
    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(error, match=says):
        s3_fetch(StoreSettings(), S3Store(StoreSettings()))("standard/none", None)
