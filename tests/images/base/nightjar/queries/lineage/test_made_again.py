"""Lineages of what was made again, beside what is deployed: comparisons with a candidate, and reproductions."""

from datetime import timedelta

import pytest

from nightjar.domain.comparison.documents import Change, Example, SideRef, UserCompared
from nightjar.domain.comparison.documents import Kind as Counted
from nightjar.domain.lineage.nodes import Kind, State
from nightjar.domain.reproduction.answer import Answer, Verdict
from nightjar.domain.reproduction.request import Reproduction
from nightjar.errors import InputError
from nightjar.stores.comparisons import Comparisons, comparison_id
from nightjar.stores.reproductions import Reproductions
from nightjar.stores.runs import LIVE, Runs
from tests.images.base.nightjar.queries.lineage.lineage_world import (
    CLIP,
    DETECTOR_ID,
    RUN,
    START,
    STILL,
    Lineages,
    ask,
    kinds,
    lineages,
)

REPRODUCTION = "20261120T150000Z-01234567"
COMPARISON = comparison_id(DETECTOR_ID, "candidate")


@pytest.fixture
def world() -> Lineages:
    """The bucket, whose run was done again, and whose user's day a candidate was compared on."""
    world = lineages()
    store, day = world.store, START.date()
    rules = ask(world, "0000000000000007").of_kind(Kind.RULES)[0].sha256
    example = Example(
        kind=Counted.ALERTS, change=Change.LOST, picture=world.pictures[0], label="person", probability=0.9
    )
    compared = UserCompared(
        user="alice",
        start=START,
        end=START + timedelta(hours=1),
        before=SideRef(detector=DETECTOR_ID, tag="1.0.0", rules=rules),
        after=SideRef(detector="candidate", tag="2.0.0", rules=rules),
        pictures=3,
        examples=(example,),
    )
    Comparisons(store).put_user(COMPARISON, day, compared)
    Comparisons(store).put_user(COMPARISON, day, compared.model_copy(update={"user": "bob"}))
    run = Runs(store).live(RUN)
    request = Reproduction(id=REPRODUCTION, run=run.prefix, release=run.release()[1].sha256)
    Reproductions(store).write_request(request)
    return world


def answer(world: Lineages) -> None:
    """Let the reproduction end."""
    request = Reproductions(world.store).request(REPRODUCTION)
    Reproductions(world.store).write_answer(
        Answer(id=REPRODUCTION, run=f"{LIVE}/{RUN}", release=request.release, verdict=Verdict.SAME, at=START)
    )


@pytest.mark.parametrize("name", [CLIP, STILL, "0000000000000007"])
def test_upward_they_are_reached_from_what_they_were_made_of(world: Lineages, name: str) -> None:
    found = ask(world, name, is_up=True)
    [compared] = found.of_kind(Kind.COMPARISON)
    assert compared.title == "alice, 2.0.0 beside 1.0.0"
    assert (compared.key, compared.state) == (f"comparisons/{COMPARISON}/2026/11/20/alice.json", State.CURRENT)
    again = [each.title for each in found.of_kind(Kind.REPRODUCTION)]
    assert again == ([] if name.startswith("0") else [REPRODUCTION]), "an event is above the run that made it"


def test_a_run_up_to_those_that_did_it_again(world: Lineages) -> None:
    [node] = ask(world, f"{LIVE}/{RUN}", is_up=True).of_kind(Kind.REPRODUCTION)
    assert node.notes == ("it has not ended, or has not come to an answer",)
    answer(world)
    [node] = ask(world, f"{LIVE}/{RUN}", is_up=True).of_kind(Kind.REPRODUCTION)
    assert dict(node.facts) == {"run": f"{LIVE}/{RUN}", "verdict": "same"}


def test_a_comparison_down_to_both_sides_and_the_originals_of_its_pictures(world: Lineages) -> None:
    found = ask(world, f"comparisons/{COMPARISON}/2026/11/20/alice.json")
    assert kinds(found) == {
        Kind.COMPARISON: 1,
        Kind.IMAGE: 2,
        Kind.RULES: 1,
        Kind.PICTURE: 1,
        Kind.ORIGINAL: 1,
        Kind.UPLOAD: 1,
    }
    assert [each.title for each in found.of_kind(Kind.IMAGE)] == ["detect:1.0.0", "detect:2.0.0"]


@pytest.mark.parametrize("file", ["run.json", "answer.json"])
def test_a_reproduction_down_to_the_run_and_its_footage(world: Lineages, file: str) -> None:
    answer(world)
    found = ask(world, f"reproductions/{REPRODUCTION}/{file}")
    assert [each.title for each in found.of_kind(Kind.RUN)] == [f"{LIVE}/{RUN}"]
    assert len(found.of_kind(Kind.ORIGINAL)) == 2


@pytest.mark.parametrize(
    "name",
    [
        "comparisons/00/2026/11/20/alice.json",
        "reproductions/20261120T150000Z-76543210/run.json",
        f"reproductions/{REPRODUCTION}/answer.json",
    ],
)
def test_there_has_to_be_one(world: Lineages, name: str) -> None:
    with pytest.raises(InputError, match="found nothing, and no version of it"):
        ask(world, name)


def test_one_that_cannot_be_read_leaves_the_rest_there(world: Lineages) -> None:
    world.store.put(f"reproductions/{REPRODUCTION}/run.json", b"{")
    world.store.put(f"comparisons/{COMPARISON}/2026/11/20/alice.json", b"[]")
    found = ask(world, CLIP, is_up=True)
    assert [each.title for each in found.of_kind(Kind.COMPARISON)] == ["alice.json"]
    assert len(found.of_kind(Kind.EVENT)) == 1
    assert len(ask(world, f"comparisons/{COMPARISON}/2026/11/20/alice.json").nodes) == 1
