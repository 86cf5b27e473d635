"""Bumping the Variable, and the history that it leaves."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from nightjar.domain.bumps import BumpKind, dropped, promoted
from nightjar.domain.manifest import ObjectRef
from nightjar.domain.release import FrozenRules, Images, Release, StageRelease, parse_images
from nightjar.domain.stages import STAGE_IMAGES
from nightjar.errors import TryAgainError, UsageError
from nightjar.queries.release_history import history, named_by_audit
from nightjar.queries.releasing import bump_images, changed_tags, going_back, tags_changed
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.releases import Releases

NOW = datetime(2026, 11, 27, 8, 30, tzinfo=UTC)
REGISTRY = "registry.example.com/nightjar"
CLOCK = [NOW]  # of the store, in a run that is noted
A, B = f"sha256:{'a' * 64}", f"sha256:{'b' * 64}"


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


def images(**tags: str | None) -> Images:
    return Images.model_validate({"registry": REGISTRY, **dict.fromkeys(STAGE_IMAGES, "1"), **tags})


class Variable:
    """Airflow's Variable in memory; `fails` is raised instead of setting it."""

    def __init__(self, value: Images | None) -> None:
        self.value = value.model_dump_json(by_alias=True) if value else None
        self.fails: Exception | None = None

    def get(self) -> str | None:
        return self.value

    def set(self, value: str) -> None:
        if self.fails:
            raise self.fails
        self.value = value


class Source:
    """Images that are there, by `image:tag`."""

    def __init__(self, **digests: str) -> None:
        self.digests = {name.replace("_", ":"): digest for name, digest in digests.items()}
        self.asked: list[str] = []

    def place(self, registry: str) -> str:
        return registry

    def digest(self, image: str, reference: str) -> str | None:
        assert reference.startswith(f"{REGISTRY}/{image}:")
        name = reference.rpartition("/")[2]
        self.asked.append(name)
        if name not in self.digests:
            raise UsageError(f"expected the image {reference}")
        return self.digests[name] or None


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(lambda: CLOCK[0])


def bump(store: MemoryStore, variable: Variable, change: Callable[[Images], Images], **other: Any) -> Any:
    named: dict[str, Any] = {"kind": BumpKind.RELEASE, "by": "erin", "why": "finds cats", "now": NOW} | other
    return bump_images(store, variable, change, **named)


def test_a_bump_is_written_down_and_the_variable_set(store: MemoryStore) -> None:
    variable, source = Variable(images()), Source(detect_2=A)
    made = bump(store, variable, tags_changed(["detect=2"]), source=source)
    assert parse_images(variable.get() or "") == images(detect="2")
    assert Releases(store).bumps(5) == [made]
    assert (made.by, made.why, made.changes) == ("erin", "finds cats", ["detect: 1 → 2"])
    assert source.asked == ["detect:2"], "the images that stay are not looked at"
    assert Releases(store).recorded_digest(REGISTRY, "detect", "2") == A


@pytest.mark.parametrize(
    ("words", "other", "message"),
    [
        (["detect=1"], {}, "expected a change of Variable nightjar_images, it has this value already"),
        (["detect_candidate=1"], {}, "expected a candidate detector other than the deployed one, got 1 for both"),
        (["detect=3"], {}, "expected the image registry.example.com/nightjar/detect:3"),
        (["detect=latest"], {}, "never reused, got 'latest'"),
        (["detect=a b"], {}, "expected an image tag"),
        (["detect=2"], {"why": " "}, "expected a line of 1 to 500 characters that says why"),
        (["detect=2"], {"why": "a\nb"}, "that says why"),
    ],
)
def test_a_wrong_bump_changes_nothing(
    store: MemoryStore, words: list[str], other: dict[str, str], message: str
) -> None:
    variable = Variable(images())
    with pytest.raises(UsageError, match=message):
        bump(store, variable, tags_changed(words), source=Source(detect_2=A), **other)
    assert parse_images(variable.get() or "") == images()
    assert Releases(store).bumps(5) == []


def test_a_tag_used_again_is_refused_before_the_variable_is_set(store: MemoryStore) -> None:
    bump(store, Variable(images()), tags_changed(["detect=2"]), source=Source(detect_2=A))
    variable = Variable(images())
    with pytest.raises(UsageError, match=f"to be {A}, as the bump of erin had it .* got {B}"):
        bump(store, variable, tags_changed(["detect=2"]), source=Source(detect_2=B), by="frank", now=later(1))
    assert parse_images(variable.get() or "") == images()


def test_an_image_of_which_nobody_tells_is_deployed(store: MemoryStore) -> None:
    variable = Variable(images())
    bump(store, variable, tags_changed(["detect=2"]), source=Source(detect_2=""))
    assert parse_images(variable.get() or "").detect == "2"


def test_a_bump_that_airflow_does_not_take_is_withdrawn(store: MemoryStore) -> None:
    variable = Variable(images())
    variable.fails = TryAgainError("Airflow did not answer")
    with pytest.raises(TryAgainError):
        bump(store, variable, tags_changed(["detect=2"]))
    assert Releases(store).bumps(5) == []


@pytest.mark.parametrize(
    ("value", "message"),
    [(None, "expected an Airflow Variable nightjar_images, there is none"), ("{", "to be JSON"), ("{}", "missing key")],
)
def test_a_variable_that_is_missing_or_wrong(store: MemoryStore, value: str | None, message: str) -> None:
    variable = Variable(None)
    variable.value = value
    with pytest.raises(UsageError, match=message):
        bump(store, variable, tags_changed(["detect=2"]))


@pytest.mark.parametrize("word", ["detect", "=2", "detect=", "transcode=2", "", "detect_candidates=2"])
def test_words_that_are_no_change(word: str) -> None:
    with pytest.raises(UsageError, match=r"expected <image>=<tag>, the image one of .*, got"):
        tags_changed([word])
    with pytest.raises(UsageError, match="at least one <image>=<tag>"):
        tags_changed([])


def test_going_back_is_the_same_bump(store: MemoryStore) -> None:
    variable = Variable(images())
    with pytest.raises(UsageError, match="expected one bump"):
        going_back(store, None)
    first = bump(store, variable, tags_changed(["detect=2", "validate=2"]))
    bump(store, variable, tags_changed(["detect=3"]), now=later(1))
    bump(store, variable, going_back(store, None), why="misses dogs", now=later(2))
    assert parse_images(variable.get() or "") == images(detect="2", validate="2")
    bump(store, variable, going_back(store, first.id), now=later(3))
    assert parse_images(variable.get() or "") == images()
    assert Releases(store).bumps(1)[0].changes == ["validate: 2 → 1", "detect: 2 → 1"]
    with pytest.raises(UsageError, match="got '2026', which 4 are"):
        going_back(store, "2026")
    Releases(store).take_note(json.loads(images(detect="9").model_dump_json(by_alias=True)), later(9))


def test_a_candidate_is_tried_then_promoted_or_dropped(store: MemoryStore) -> None:
    variable = Variable(images())
    bump(store, variable, tags_changed(["detect_candidate=2"]), source=Source(detect_2=A))
    source = Source()
    made = bump(store, variable, promoted, kind=BumpKind.PROMOTE, now=later(1), source=source)
    assert made.changes == ["detect: 1 → 2", "detect_candidate: 2 → nothing"]
    assert source.asked == [], "it was looked at when it became the candidate"
    bump(store, variable, tags_changed(["detect_candidate=3"]), now=later(2))
    assert bump(store, variable, dropped, kind=BumpKind.DROP, now=later(3)).changes == ["detect_candidate: 3 → nothing"]
    bump(store, variable, tags_changed(["detect_candidate=3"]), now=later(4))
    assert parse_images(variable.get() or "").detect_candidate == "3"
    bump(store, variable, tags_changed(["detect_candidate="]), now=later(5))
    assert parse_images(variable.get() or "") == images(detect="2")


def test_another_registry_means_all_images() -> None:
    moved = images().model_copy(update={"registry": "elsewhere.example.com"})
    assert changed_tags(images(), moved) == [(image, "1") for image in STAGE_IMAGES]


def release(tag: str) -> Release:
    source = ObjectRef(key="config/rules.yaml", version_id="1", sha256="r", size=1)
    rules = FrozenRules(key="rules/r.yaml", sha256="r", source=source)
    return Release(run="a", stages={"detect": StageRelease(image=f"{REGISTRY}/detect:{tag}")}, rules=rules)


def run_at(store: MemoryStore, value: Images, name: str, minutes: float) -> None:
    """The notes that freeze_release leaves of a run."""
    CLOCK[0] = later(minutes)
    releases = Releases(store)
    noted = releases.take_note(value.model_dump(by_alias=True), later(minutes))
    releases.record(release(value.detect), f"runs/nightjar_live/{name}/", later(minutes), noted)


def test_the_history_has_the_runs_of_each_bump_also_after_going_back(store: MemoryStore) -> None:
    variable = Variable(images())
    run_at(store, images(), "first", 0)
    bump(store, variable, tags_changed(["detect=2"]), now=later(1))
    run_at(store, images(), "began-before", 0.5)
    run_at(store, images(detect="2"), "second", 2)
    run_at(store, images(detect="2"), "third", 3)
    bump(store, variable, going_back(store, None), now=later(4))
    run_at(store, images(), "fourth", 5)
    assert [(d.bump.kind, d.by, [run.run for run in d.runs]) for d in history(store, 10)] == [
        ("release", "erin", ["fourth"]),
        ("release", "erin", ["third", "second"]),
        ("first", "not known", ["began-before", "first"]),
    ]
    assert [d.until for d in history(store, 10)] == [None, later(4), later(1)]
    assert len(history(store, 1)) == 1 and history(MemoryStore(), 5) == []


def test_who_edited_the_variable_is_found_in_airflows_audit_log(store: MemoryStore) -> None:
    run_at(store, images(), "first", 0)
    run_at(store, images(detect="2"), "second", 10)
    lines = [
        {"owner": "frank", "when": later(9).isoformat()},
        {"owner": "grace", "when": later(11).isoformat()},
        {"owner": "old", "when": later(1).isoformat()},
    ]
    named = named_by_audit(history(store, 5), lines)
    assert [each.by for each in named] == ["frank (Airflow's audit log)", "not known"]
    assert [each.by for each in named_by_audit(history(store, 5), [])] == ["not known", "not known"]
