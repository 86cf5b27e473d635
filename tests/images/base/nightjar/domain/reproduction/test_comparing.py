"""How what a stage left then compares with what it leaves now."""

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from nightjar.domain.manifest import Counts, Manifest, ObjectRef
from nightjar.domain.reproduction.answer import Answer, ShardAnswer, StageAnswer, Verdict, worst
from nightjar.domain.reproduction.comparing import Renamed, Side, compare_stage, last_of_each
from nightjar.domain.reproduction.words import told

AT = datetime(2026, 11, 20, tzinfo=UTC)
LINE = {"picture": {"standard_key": "standard/a.jpg"}, "objects": [{"label": "cat", "probability": 0.5}]}


def jsonl(*lines: Mapping[str, Any]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def manifest(**fields: Any) -> Manifest:
    return Manifest(stage="detect", image="r/detect:1", run="b", started_at=AT, finished_at=AT, **fields)


def side(version: str, contents: Mapping[str, bytes], **fields: Any) -> Side:
    """A side whose objects have the version ids `<version>-<key>`."""
    refs = [
        ObjectRef(key=key, version_id=f"{version}-{key}", sha256=hashlib.sha256(data).hexdigest(), size=len(data))
        for key, data in contents.items()
    ]
    return Side(manifest(**fields), last_of_each(refs), lambda ref: contents.get(ref.key))


def compared(then: Mapping[str, bytes], now: Mapping[str, bytes], is_whole: bool = True) -> StageAnswer:
    return compare_stage(side("then", then), side("now", now), Renamed(), is_whole)


@pytest.mark.parametrize("contents", [{}, {"a.jpg": b"x"}, {"a.jsonl": jsonl(LINE), "b/c.json": b"{}"}])
def test_the_same_bytes_are_the_same(contents: Mapping[str, bytes]) -> None:
    answer = compared(contents, contents)
    assert (answer.verdict, answer.same, answer.same_but_versions) == (Verdict.SAME, len(contents), 0)


def test_a_list_that_names_versions_written_anew_is_the_same_but_for_these() -> None:
    def contents(version: str) -> dict[str, bytes]:
        pictures = jsonl({"key": "a.jpg", "standard_version": f"{version}-a.jpg"})
        sha256 = hashlib.sha256(pictures).hexdigest()
        named = {"inputs": [{"key": "pictures.jsonl", "version_id": f"{version}-pictures.jsonl", "sha256": sha256}]}
        return {"a.jpg": b"jpeg", "pictures.jsonl": pictures, "z.json": json.dumps(named).encode()}

    answer = compared(contents("then"), contents("now"))
    assert (answer.verdict, answer.same, answer.same_but_versions, answer.differences) == (Verdict.SAME, 1, 2, ())


def test_a_version_of_something_that_differs_is_told() -> None:
    def contents(version: str) -> dict[str, bytes]:
        return {"a.jpg": version.encode(), "p.jsonl": jsonl({"id": "1", "standard_version": f"{version}-a.jpg"})}

    answer = compared(contents("then"), contents("now"))
    assert answer.verdict == Verdict.DIFFERS
    assert [(each.key, each.problem) for each in answer.differences] == [
        ("a.jpg", "other bytes: 4 then, 3 now"),
        ("p.jsonl", None),
    ]
    assert [each.field for each in answer.differences[1].fields] == ["standard_version"]


@pytest.mark.parametrize(
    ("now", "field", "was", "is_now"),
    [
        ({"label": "cat", "probability": 0.75}, "objects[].probability", "0.5", "0.75"),
        ({"label": "dog", "probability": 0.5}, "objects[].label", '"cat"', '"dog"'),
        ({"label": "cat"}, "objects[].probability", "0.5", "null"),
        ({"label": "cat", "probability": 0.5, "new": {"x": 1}}, "objects[].new", "null", '{"x": 1}'),
    ],
)
def test_a_field_that_differs_is_named_with_its_values(now: dict[str, Any], field: str, was: str, is_now: str) -> None:
    lines = jsonl(LINE), jsonl({**LINE, "objects": [now]})
    [difference] = compared({"d.jsonl": lines[0]}, {"d.jsonl": lines[1]}).differences
    [told_field] = difference.fields
    assert (told_field.field, told_field.was, told_field.now) == (field, was, is_now)
    assert (told_field.line, told_field.number) == ("a.jpg", 1)


def test_lines_of_one_side_are_counted_and_fields_over_all_lines() -> None:
    then = jsonl(*({"id": str(n), "x": [n, n], "y": "a" * 500} for n in range(10)))
    now = jsonl(*({"id": str(n), "x": [n, -n], "y": "b" * 500} for n in range(1, 12)), {"id": "1"})
    [difference] = compared({"d.jsonl": then}, {"d.jsonl": now}).differences
    assert [(each.field, each.number) for each in difference.fields] == [("x[]", 9), ("y", 9)]
    assert (difference.only_then, difference.only_now) == (1, 3)
    assert difference.examples == ("only then: 0", "only now: 10", "only now: 11", "only now: 1 (2)")
    assert max(len(each.was) for each in difference.fields) < 250


@pytest.mark.parametrize(
    ("then", "now", "is_whole", "problems"),
    [
        ({"a": b""}, {}, True, ["written only then"]),
        ({"a": b""}, {}, False, ["written only then"]),
        ({}, {"a": b""}, True, ["written only now"]),
        ({}, {"a": b""}, False, []),  # a manifest of an earlier release does not name all
        ({"a.json": b"no JSON"}, {"a.json": b"{}"}, True, ["other bytes: 7 then, 2 now"]),
        ({"a.jsonl": b"\xff\n"}, {"a.jsonl": b"{}\n"}, True, ["other bytes: 2 then, 3 now"]),
    ],
)
def test_objects_that_differ_as_a_whole(
    then: Mapping[str, bytes], now: Mapping[str, bytes], is_whole: bool, problems: list[str]
) -> None:
    answer = compared(then, now, is_whole)
    assert [each.problem for each in answer.differences] == problems
    assert answer.verdict == (Verdict.DIFFERS if problems else Verdict.SAME)


def test_an_object_that_was_erased_since_cannot_be_compared() -> None:
    then = side("then", {"a.jpg": b"x"})
    [difference] = compare_stage(
        Side(then.manifest, then.objects, lambda _: None), side("now", {"a.jpg": b"y"}), Renamed(), is_whole=True
    ).differences
    assert difference.problem == "the content of then cannot be read any more"


def test_another_detector_is_told_and_its_lines_are_compared_all_the_same() -> None:
    then = side("then", {"d/old/a.jsonl": jsonl(LINE)}, result={"detector": "old"}, counts=Counts(details={"known": 3}))
    now = side("now", {"d/new/a.jsonl": jsonl(LINE)}, result={"detector": "new"})
    answer = compare_stage(then, now, Renamed(), is_whole=True)
    assert (answer.verdict, answer.same, answer.reused_then, answer.reused_now) == (Verdict.DIFFERS, 1, 3, 0)
    [fact] = answer.facts
    assert "detector was old, it is new" in fact


def test_other_counts_and_events_are_told() -> None:
    then = side("then", {}, counts=Counts(received=2, outcomes={"safe": 1, "threat": 1}), result={"events": 1})
    now = side("now", {}, counts=Counts(received=1, outcomes={"safe": 1}), result={"events": 0})
    answer = compare_stage(then, now, Renamed(), is_whole=True)
    assert answer.facts == ("threat: 1 then, 0 now", "events to alert: 1 then, 0 now")


def test_the_last_of_several_versions_of_a_key_is_compared() -> None:
    refs = [ObjectRef(key="k", version_id=version, sha256="", size=0) for version in "12"]
    assert last_of_each(refs)["k"].version_id == "2"


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([], Verdict.INCOMPLETE),
        (["same"], Verdict.SAME),
        (["same", "incomplete"], Verdict.INCOMPLETE),
        (["same", "incomplete", "differs"], Verdict.DIFFERS),
        (["same", "a later one"], Verdict.INCOMPLETE),
    ],
)
def test_the_verdict_over_several(verdicts: list[str], verdict: Verdict) -> None:
    assert worst(verdicts) == verdict


def test_the_answer_in_words() -> None:
    many = {f"{n:02}.jpg": b"x" for n in range(25)}
    shards = (
        ShardAnswer(name="alice-porch", verdict="differs", stages=(compared(many, {}),), inexact="by times"),
        ShardAnswer(name="bob-gate", verdict="incomplete", problem="erased: footage/x"),
        ShardAnswer(
            name="carol-drive",
            verdict="a later one",
            stages=(StageAnswer(stage="validate", verdict="incomplete", problem="it did not come to its end"),),
        ),
    )
    answer = Answer(
        id="1",
        run="nightjar_live/b",
        release="0",
        verdict="differs",
        anew=True,
        facts=("rebuilt",),
        shards=shards,
        at=AT,
    )
    text = "\n".join(told(answer))
    for part in (
        *(
            "nightjar_live/b: the results differ (3 shards)",
            "computed anew",
            "rebuilt",
            "by times",
            "erased: footage/x",
        ),
        *(
            "0 of 25 objects are the same bytes; 25 differ",
            "and 15 more objects",
            "validate: it did not come to its end",
        ),
        "not done again: notify",
    ):
        assert part in text
