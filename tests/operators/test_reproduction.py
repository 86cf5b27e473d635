"""Runs done again on the versions that they had, and what the answer says of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nightjar.domain.false_boxes import FalseBox
from nightjar.domain.reproduction.answer import Answer, ShardAnswer, StageAnswer, Verdict
from nightjar.domain.reproduction.request import REPRODUCED
from nightjar.errors import InputError, UsageError
from nightjar.stores.false_boxes import FalseBoxes
from nightjar.stores.reproductions import Reproductions
from operators.reproduction import ask
from operators.reproduction_answer import answered, problems
from tests.bucket import PORCH, RunWorld
from tests.operators.reproducing import World, model_at

FIRST, SECOND = "20261120T130500Z-0123456789ab", "20261120T130600Z-0123456789ab"

pytestmark = pytest.mark.slow  # decoders are processes, and every stage runs in full


def a_world(folder: Path) -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NIGHTJAR_DECODERS", "1")
        yield World(model_at(folder / "model"))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    yield from a_world(tmp_path)


class Ran:
    """A bucket in which a second run went on with the event of the first, and its day was run; nothing is destroyed."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.first = world.live(FIRST, [*world.shots("alice-porch", 0, 10, 20), *world.shots("alice-yard", 5)])
        # A picture of a moment that the first run has, by another file: refused.
        self.second = world.live(
            SECOND, [*world.shots("alice-porch", 30, 40), *world.shots("alice-porch", 10, kind="png")]
        )
        self.day = world.history()


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ran]:
    for world in a_world(tmp_path_factory.mktemp("ran")):
        yield Ran(world)


def shard_of(answer: Answer, name: str = "alice-porch") -> ShardAnswer:
    return next(shard for shard in answer.shards if shard.name == name)


def stage_of(answer: Answer, stage: str) -> StageAnswer:
    return next(each for each in shard_of(answer).stages if each.stage == stage)


def is_same(answer: Answer) -> bool:
    assert answer.verdict == Verdict.SAME, answer.model_dump_json(indent=1)
    return True


@pytest.mark.parametrize("which", ["first", "second"])
def test_a_live_run_gives_the_same_again_though_its_events_were_rewritten_since(ran: Ran, which: str) -> None:
    run, before = getattr(ran, which), ran.world.outside()
    answer = ran.world.reproduce(run, which)
    assert is_same(answer)
    assert ran.world.outside() == before
    assert answer.run == f"nightjar_live/{run.name}"
    assert {shard.name for shard in answer.shards} == {
        "first": {"alice-porch", "alice-yard"},
        "second": {"alice-porch"},
    }[which]
    for shard in answer.shards:
        assert [stage.stage for stage in shard.stages] == list(REPRODUCED)
        assert (shard.inexact, shard.problem, shard.gone) == (None, None, ())
        assert all(stage.same + stage.same_but_versions and not stage.reused_now for stage in shard.stages)
    assert stage_of(answer, "assess").same >= 4  # event, minutes, journal, lists


def test_the_second_run_has_the_events_of_the_first_as_they_were(ran: Ran) -> None:
    """Otherwise it would begin an event of its own; and the refused picture is refused again for the same reason."""
    answer = ran.world.reproduce(ran.second, "events")
    given = Reproductions(ran.world.store).overlay("events", "alice-porch")
    assert len(list(given.list_objects("events/"))) == 1
    manifest, _ = ran.world.run_of(ran.second).manifest("validate", "alice-porch")
    assert manifest.counts.outcomes == {"quarantined:identity-conflict": 1, "standard": 2}
    assert is_same(answer)


def test_a_day_is_done_again_with_what_it_took_over_and_anew_without(ran: Ran) -> None:
    before = ran.world.outside()
    answer = ran.world.reproduce(ran.day, "day")
    assert is_same(answer)
    assert stage_of(answer, "detect").reused_now == stage_of(answer, "detect").reused_then == 5
    anew = ran.world.reproduce(ran.day, "anew", anew=True)
    assert stage_of(anew, "validate").verdict == Verdict.SAME
    # A day is one burst, of which live runs saw parts: fewer pictures are looked at.
    [difference] = stage_of(anew, "detect").differences
    assert "mark" in {field.field for field in difference.fields}
    assert (stage_of(anew, "detect").reused_then, stage_of(anew, "detect").reused_now) == (5, 0)
    assert (stage_of(anew, "validate").reused_then, stage_of(anew, "validate").reused_now) == (6, 0)
    assert ran.world.outside() == before


def test_two_reproductions_at_the_same_time_have_a_folder_each(ran: Ran) -> None:
    before = ran.world.outside()
    asked = [ask(ran.world.store, name, FIRST, shards=["alice-porch"]) for name in ("one", "two")]
    for stage in REPRODUCED:
        for request in asked:
            ran.world.work(ran.first, "alice-porch", [stage], again=request.id)
    for request in asked:
        assert is_same(answered(ran.world.store, request.id, ran.world.now))
    assert ran.world.outside() == before
    assert {"one", "two"} <= set(Reproductions(ran.world.store).ids())


@pytest.mark.parametrize(
    ("name", "shards", "error", "says"),
    [
        ("", [], UsageError, "expected a run whose shards were worked on"),
        ("nightjar_report/2026-11-20", [], UsageError, "expected a run whose shards"),
        ("nightjar_history/2026-13-20", [], UsageError, "expected a run whose shards"),
        ("../" + FIRST, [], UsageError, "expected a run whose shards"),
        ("{{ 7 * 7 }}", [], UsageError, "expected a run whose shards"),
        ("2026-11-21", [], InputError, "expected a run at runs/nightjar_history/2026-11-21/, found none"),
        (FIRST, ["alice-attic"], UsageError, "got alice-attic"),
    ],
)
def test_a_run_that_cannot_be_meant(ran: Ran, name: str, shards: list[str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        ask(ran.world.store, "wrong", name, shards=shards)
    assert not list(ran.world.store.list_objects("reproductions/wrong/"))


def test_versions_that_were_overwritten_since_are_read_as_they_were(world: World) -> None:
    footage = world.shots("alice-porch", 0, 10)
    run = world.live(FIRST, footage)
    world.store.put(footage[0].key, b"other")
    world.store.delete(footage[1].key)
    for info in list(world.store.list_objects("standard/")):
        world.store.put(info.key, b"other")
    for info in [*world.store.list_objects("events/"), *world.store.list_objects("threats/")]:
        world.store.delete(info.key)
    FalseBoxes(world.store).add(
        PORCH, [FalseBox(label="red patch", box=(0.5, 0.0, 1.0, 0.5), confirmed_by="eve", confirmed_at=world.now)]
    )
    world.live(SECOND, world.shots("alice-porch", 20))
    run.pin(b"version: 1\nrules: {}\nusers: {}\n")  # the run was cleared since: its folder has another release
    before = world.outside()
    assert is_same(world.reproduce(run))
    assert world.outside() == before


def test_a_version_that_was_erased_is_named_and_the_other_shards_are_done(world: World) -> None:
    footage = world.shots("alice-porch", 0)
    run = world.live(FIRST, [*footage, *world.shots("alice-yard", 0)])
    world.store.delete(footage[0].key, footage[0].version_id)
    answer = world.reproduce(run)
    assert answer.verdict == Verdict.INCOMPLETE
    assert shard_of(answer).gone == (f"{footage[0].key} {footage[0].version_id}",)
    assert f"these are erased: {footage[0].key} in version {footage[0].version_id}" in next(problems(answer))
    assert shard_of(answer, "alice-yard").verdict == Verdict.SAME
    assert Reproductions(world.store).answer("r1") == answer


def test_a_run_of_an_earlier_release_is_done_again_as_far_as_its_manifests_tell(world: World) -> None:
    world.live(FIRST, world.shots("alice-porch", 0, 10))
    run = world.live(SECOND, [*world.shots("alice-porch", 20), *world.shots("alice-porch", 10, kind="png")])
    world.as_of_0_2(run, "alice-porch")
    world.live("20261120T130700Z-0123456789ab", world.shots("alice-porch", 30))  # changes the same event
    answer = world.reproduce(run)
    assert is_same(answer)
    assert "the run's manifests do not name all" in (shard_of(answer).inexact or "")


def test_a_day_of_an_earlier_release_takes_over_what_it_took_over(world: World) -> None:
    world.live(FIRST, world.shots("alice-porch", 0, 10))
    day = world.history()
    world.as_of_0_2(day, "alice-porch")
    answer = world.reproduce(day)
    assert is_same(answer)
    assert stage_of(answer, "detect").reused_now == 2


def test_another_model_is_told_with_what_it_sees(world: World, tmp_path: Path) -> None:
    run = world.live(FIRST, world.shots("alice-porch", 0, 10))
    labels = {"0": "scarlet patch", "1": "green patch", "2": "blue patch"}
    world.model = model_at(tmp_path / "other", labels=labels)
    answer = world.reproduce(run)
    assert answer.verdict == Verdict.DIFFERS
    detect = stage_of(answer, "detect")
    assert any(fact.startswith("the detector was") for fact in detect.facts)
    [difference] = detect.differences
    assert {"objects[].label", "detector.settings"} <= {field.field for field in difference.fields}
    assert "events to alert: 1 then, 0 now" in stage_of(answer, "assess").facts


def test_an_image_that_was_rebuilt_is_told(world: World) -> None:
    run = world.live(FIRST, world.shots("alice-porch", 0))
    request = ask(world.store, "r1", FIRST, digests_of=lambda images: dict.fromkeys(images, "sha256:new"))
    kept = Reproductions(world.store)
    kept.write_request(request.model_copy(update={"digests": {"detect": "sha256:old", "assess": "sha256:new"}}))
    world.work_again(run, request)
    answer = answered(world.store, "r1", world.now)
    assert is_same(answer)
    detect, unknown = answer.facts
    assert detect.startswith("detect:") and "was rebuilt: the run had sha256:old, it is sha256:new now" in detect
    assert (
        unknown
        == "whether the image of validate was rebuilt is not known: the run, or this machine, does not tell its content"
    )


def test_a_stage_that_does_not_come_to_its_end_is_no_difference(world: World) -> None:
    run = world.live(FIRST, world.shots("alice-porch", 0))
    request = ask(world.store, "r1", FIRST)
    world.work(run, "alice-porch", ["validate"], again=request.id)
    answer = answered(world.store, "r1", world.now)
    assert answer.verdict == Verdict.INCOMPLETE
    assert list(problems(answer)) == [
        "alice-porch: detect: it did not come to its end this time: the log of the task shard.detect says why"
    ]


def test_a_shard_that_the_run_did_not_end_is_compared_as_far_as_it_came(world: World) -> None:
    run = world.live(FIRST, world.shots("alice-porch", 0), stages=["validate"])
    answer = world.reproduce(run)
    assert [(stage.stage, stage.verdict) for stage in shard_of(answer).stages] == [
        ("validate", Verdict.SAME),
        ("detect", Verdict.INCOMPLETE),
    ]
    assert "left no manifest" in (stage_of(answer, "detect").problem or "")


def test_a_run_that_was_tried_twice_is_computed_again_and_not_taken_over(world: World) -> None:
    run = world.live(FIRST, world.shots("alice-porch", 0, 10))
    world.work(run, "alice-porch")  # cleared: its own lines are known by then
    answer = world.reproduce(run)
    assert is_same(answer)
    assert (stage_of(answer, "detect").reused_then, stage_of(answer, "detect").reused_now) == (2, 0)


def test_a_run_without_work_has_nothing_to_do_again(world: World) -> None:
    run = RunWorld(world.store, FIRST)
    run.pin()
    with pytest.raises(InputError, match="expected shards in"):
        ask(world.store, "r1", FIRST)
    world.run_of(run).write_shard("alice-porch", world.shots("alice-porch", 0))
    with pytest.raises(InputError, match="expected a manifest of validate"):
        ask(world.store, "r1", FIRST)
