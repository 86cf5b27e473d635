"""The detect stage where it spares looks: what is stored, what is known, and what has everything looked at."""

import io
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta

import pytest
from PIL import Image

from nightjar.domain.detections import Detection, Picture
from nightjar.domain.manifest import Manifest
from nightjar.errors import InputError, TryAgainError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.stage import StageContext, run
from nightjar.settings.detect import DetectSettings
from nightjar.stores.detections import Detections
from nightjar.stores.line_store import Place
from nightjar.stores.rules import RULES_KEY
from nightjar.stores.runs import HISTORY
from nightjar_detect.stage import detect_shard
from tests.bucket import NOON, PORCH, put_picture
from tests.images.detect.shards import detections, jpeg, validated

RULES = b"""rules:
  1: {name: cats, unsafe: [cat], min_probability: 50%%%s}
users:
  alice: {email: a@example.com, timezone: UTC, rules: [1], devices: {porch: {}, yard: {}}}
"""
AGREE = RULES % b", agree: {pictures: 2, within_seconds: 10}"
Detect = Callable[..., Manifest]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def detect(store: MemoryStore, settings: DetectSettings) -> Detect:
    """Runs the stage over the store in memory, with settings that are not the default."""

    def work(context: StageContext, **change: object) -> Manifest:
        chosen = settings.model_copy(update=change)
        return run(lambda c: detect_shard(c, chosen, lambda key, version_id: store.get(key, version_id)[0]), context)

    return work


@pytest.fixture(scope="module")
def burst(pictures: dict[str, bytes]) -> list[bytes]:
    """A cat in front of a camera that moves a little, ten pictures, none like the one before it."""
    cat = Image.open(io.BytesIO(pictures["chelsea.png"])).resize((500, 330))
    return [jpeg(cat.crop((4 * n, 0, 400 + 4 * n, 300))) for n in range(10)]


def taken(store: MemoryStore, data: Iterable[bytes], apart: float = 0.1) -> list[Picture]:
    return [put_picture(store, each, NOON + timedelta(seconds=n * apart)) for n, each in enumerate(data)]


def details(manifest: Manifest) -> tuple[int, int, int, int]:
    """Known, looked at, interpolated, carried."""
    counts = manifest.counts.details
    return counts["known"], counts["looked_at"], counts["interpolated"], counts["carried"]


def lines(store: MemoryStore) -> Sequence[Detection]:
    [found] = detections(store).values()
    return found


def test_a_burst_costs_few_looks_and_its_lines_say_so(store: MemoryStore, detect: Detect, burst: list[bytes]) -> None:
    pictures = taken(store, burst)
    context = validated(store, pictures)
    manifest = detect(context)
    known, looked_at, interpolated, carried = details(manifest)
    assert (known, looked_at + interpolated + carried, manifest.counts.outcomes) == (0, 10, {"detected": 10})
    assert looked_at <= 4
    assert [line.picture for line in lines(store)] == pictures
    assert all("cat" in line.counts for line in lines(store))
    seen = {line.picture.standard_key for line in lines(store) if line.is_seen}
    assert len(seen) == looked_at
    assert {pictures[0].standard_key, pictures[9].standard_key} <= seen
    for line in lines(store):
        assert not line.mark or {each.standard_key for each in line.mark.sources} <= seen
    [ref] = Detections(store).objects_among(manifest.objects)
    written = [json.loads(text) for text in store.get(ref.key)[0].splitlines()]
    assert [list(line) for line in written if "mark" not in line] == [
        ["schema", "picture", "detector", "objects", "counts", "run", "shard"]
    ] * looked_at
    again = detect(context)
    assert (details(again), list(again.objects)) == ((10, 0, 0, 0), [ref])


def test_a_camera_that_stares_at_an_empty_yard_costs_one_look(store: MemoryStore, detect: Detect) -> None:
    yard = jpeg(Image.new("RGB", (320, 240), (90, 110, 90)))
    manifest = detect(validated(store, taken(store, [yard] * 20, apart=10)))
    assert details(manifest) == (0, 1, 0, 19)


@pytest.mark.parametrize(
    ("rules", "change"),
    [
        pytest.param(RULES % b"", {"look": "everything"}, id="everything"),
        pytest.param(RULES % b"", {"look_everything_at": "bob-door, alice-porch"}, id="this camera"),
        pytest.param(AGREE, {}, id="a rule asks for agreement"),
    ],
)
def test_everything_is_looked_at_and_what_was_not_is_not_known(
    store: MemoryStore, detect: Detect, burst: list[bytes], rules: bytes, change: dict[str, str]
) -> None:
    pictures = taken(store, burst)
    first = detect(validated(store, pictures, run="b1"))
    looked_at = details(first)[1]
    store.put(RULES_KEY, rules)
    again = detect(validated(store, pictures, run="2026-11-20", dag=HISTORY), **change)
    assert details(again) == (looked_at, 10 - looked_at, 0, 0)
    place = Place(str(first.result["detector"]), PORCH, NOON.date())
    assert all(line.is_seen for line in Detections(store).read(place))
    # Sparing again, all of it is known; nor does the live run, cleared, put its marks in the place of looks.
    third = detect(validated(store, pictures, run="2026-11-20", dag=HISTORY))
    assert details(third) == (10, 0, 0, 0)
    store.put(RULES_KEY, RULES % b"")
    detect(validated(store, pictures, run="b1"))
    assert all(line.is_seen for line in Detections(store).read(place))


def test_a_live_run_that_is_younger_than_looks_at_everything_does_not_hide_them(
    store: MemoryStore, detect: Detect, burst: list[bytes]
) -> None:
    pictures = taken(store, burst)
    detect(validated(store, pictures, run="2026-11-20", dag=HISTORY), look="everything")
    manifest = detect(validated(store, pictures, run="b1"))
    assert details(manifest)[2] > 0
    place = Place(str(manifest.result["detector"]), PORCH, NOON.date())
    assert all(line.is_seen for line in Detections(store).read(place))


def test_a_late_picture_of_a_known_burst_is_looked_at(store: MemoryStore, detect: Detect, burst: list[bytes]) -> None:
    pictures = taken(store, burst)
    detect(validated(store, [*pictures[:4], *pictures[5:]], run="b1"))
    manifest = detect(validated(store, pictures, run="2026-11-20", dag=HISTORY))
    assert details(manifest) == (9, 1, 0, 0)


def test_what_was_decided_before_a_stop_is_kept_and_the_rest_loses_nobody(
    store: MemoryStore, settings: DetectSettings, detect: Detect, burst: list[bytes]
) -> None:
    pictures = taken(store, burst * 5, apart=0.3)
    context = validated(store, pictures)
    stopped = {picture.standard_key for picture in pictures[40:]}

    def failing(key: str, version_id: str | None) -> bytes:
        if key in stopped:
            raise TryAgainError("S3 is down")
        return store.get(key, version_id)[0]

    with pytest.raises(TryAgainError):
        run(lambda c: detect_shard(c, settings, failing), context)
    kept = len(lines(store))
    assert 0 < kept <= 40
    known, *new = details(detect(context))
    assert known >= kept  # five times the same bytes: more is known than was kept
    assert known + sum(new) == 50
    assert [line.picture for line in lines(store)] == pictures
    assert all("cat" in line.counts for line in lines(store))


def test_failures_in_a_burst_are_told_by_name(store: MemoryStore, detect: Detect, burst: list[bytes]) -> None:
    pictures = taken(store, [burst[0], burst[1], b"", burst[3], burst[4][:3000], burst[5], burst[6]])
    store.delete(pictures[1].standard_key)
    store.put(pictures[5].standard_key, burst[9])
    manifest = detect(validated(store, pictures))
    failed = {"failed:picture-missing": 1, "failed:picture-altered": 1, "failed:picture-undecodable": 2}
    assert manifest.counts.outcomes == {"detected": 3} | failed
    assert [line.picture for line in lines(store)] == [pictures[n] for n in (0, 3, 6)]


@pytest.mark.parametrize(("number", "reads"), [(1, False), (2, True)])
def test_rules_are_read_and_named_only_where_there_is_something_to_spare(
    store: MemoryStore, detect: Detect, burst: list[bytes], number: int, reads: bool
) -> None:
    manifest = detect(validated(store, taken(store, burst[:number])))
    assert any(ref.key.startswith("rules/") for ref in manifest.inputs) is reads
    assert details(manifest) == (0, number, 0, 0)


def test_rules_that_are_gone_are_no_reason_to_guess(store: MemoryStore, detect: Detect, burst: list[bytes]) -> None:
    context = validated(store, taken(store, burst))
    store.delete(context.release()[0].rules.key)
    with pytest.raises(InputError, match="expected the run's rules"):
        detect(context)
    assert details(detect(context, look="everything")) == (0, 10, 0, 0)
