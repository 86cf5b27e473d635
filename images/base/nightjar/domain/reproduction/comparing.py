"""The comparison of what a stage left then and now: byte for byte, or else field by field."""

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nightjar.domain.layout import last_segment
from nightjar.domain.manifest import Manifest, ObjectRef
from nightjar.domain.reproduction.answer import FieldDifference, ObjectDifference, StageAnswer, Verdict

# Reads the bytes of an object; None when they are not there.
Read = Callable[[ObjectRef], bytes | None]

_NAMED_OBJECTS, _NAMED_FIELDS, _EXAMPLES = 20, 20, 5
_LONGEST = 200  # characters of a value that are shown
# The fields that say what a line is about.
_NAMES = ("id", "standard_key", "footage_key", "taken_at", "rule_id", "label", "area")
_MAKERS = ("validator", "detector")  # in a manifest's result: the id of what decided, which stands in keys too
_REUSED = ("reused", "known")  # in the details of a manifest's counts


@dataclass
class Renamed:
    """Versions, and the SHA-256 of objects that name versions: they differ, since the reproduction wrote its own.

    By what they are now, what they were then. Filled stage by stage, in the order of the chain.
    """

    names: dict[str, str] = field(default_factory=dict)

    def of(self, value: Any) -> Any:
        """`value`, of JSON, with the names of then."""
        if isinstance(value, str):
            return self.names.get(value, value)
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if isinstance(value, dict):
            return {key: self.of(each) for key, each in value.items()}
        return value

    def add(self, then: ObjectRef, now: ObjectRef) -> None:
        """The object `now` is the one that `then` was."""
        if now.version_id != then.version_id:
            self.names[now.version_id] = then.version_id
        if now.sha256 and then.sha256 and now.sha256 != then.sha256:
            self.names[now.sha256] = then.sha256


@dataclass(frozen=True)
class Side:
    """One side: the manifest, all objects that were written, by key, and how they are read."""

    manifest: Manifest
    objects: Mapping[str, ObjectRef]
    read: Read


def last_of_each(objects: Iterable[ObjectRef]) -> dict[str, ObjectRef]:
    """The objects by key; of several versions of a key, the last one."""
    return {ref.key: ref for ref in objects}


def compare_stage(then: Side, now: Side, renamed: Renamed, is_whole: bool) -> StageAnswer:
    """How the two sides compare; adds to `renamed` what later stages may name.

    Without `is_whole`, the manifest of then names only the objects that other stages go by: others are not compared.
    """
    by_key = {_as_then(key, then.manifest, now.manifest): ref for key, ref in now.objects.items()}
    same = same_but_versions = 0
    differences: list[ObjectDifference] = []
    # An object that is named in another one comes before it: pictures before their list.
    for key in sorted(then.objects.keys() | by_key.keys(), key=_lists_last):
        before, after = then.objects.get(key), by_key.get(key)
        if before is None or after is None:
            if before is None and not is_whole:
                continue
            side = "only then" if after is None else "only now"
            differences.append(ObjectDifference(key=key, problem=f"written {side}"))
            continue
        if before.sha256 and before.sha256 == after.sha256:
            same += 1
            renamed.add(before, after)
            continue
        difference = _compare(key, then.read(before), now.read(after), renamed)
        if difference is None:
            is_equal = then.read(before) == now.read(after)
            same, same_but_versions = same + is_equal, same_but_versions + (not is_equal)
            renamed.add(before, after)
        else:
            differences.append(difference)
    facts = list(_facts(then.manifest, now.manifest))
    return StageAnswer(
        stage=then.manifest.stage,
        verdict=Verdict.DIFFERS if differences or facts else Verdict.SAME,
        same=same,
        same_but_versions=same_but_versions,
        differing=len(differences),
        differences=tuple(differences[:_NAMED_OBJECTS]),
        facts=tuple(facts),
        reused_then=reused(then.manifest),
        reused_now=reused(now.manifest),
    )


def reused(manifest: Manifest) -> int:
    """How much a stage took over from what earlier runs had stored: footage of validate, pictures of detect."""
    return sum(manifest.counts.details.get(name, 0) for name in _REUSED)


def _lists_last(key: str) -> tuple[bool, str]:
    return key.endswith((".json", ".jsonl")), key


def _as_then(key: str, then: Manifest, now: Manifest) -> str:
    """`key` with the id of the validator or detector of then, where it holds another one now."""
    for maker in _MAKERS:
        was, is_now = then.result.get(maker), now.result.get(maker)
        if isinstance(was, str) and isinstance(is_now, str):
            key = key.replace(f"/{is_now}/", f"/{was}/")
    return key


def _facts(then: Manifest, now: Manifest) -> Iterator[str]:
    """Differences between the manifests that are about the work itself."""
    for maker in _MAKERS:
        was, is_now = then.result.get(maker), now.result.get(maker)
        if was != is_now:
            yield f"the {maker} was {was}, it is {is_now}: model, code or settings that decide are others"
    outcomes = sorted(then.counts.outcomes.keys() | now.counts.outcomes.keys())
    for outcome in outcomes:
        was, is_now = then.counts.outcomes.get(outcome, 0), now.counts.outcomes.get(outcome, 0)
        if was != is_now:
            yield f"{outcome}: {was:,} then, {is_now:,} now"
    if then.result.get("events") != now.result.get("events"):
        yield f"events to alert: {then.result.get('events')} then, {now.result.get('events')} now"


def _compare(key: str, then: bytes | None, now: bytes | None, renamed: Renamed) -> ObjectDifference | None:
    """How the contents differ; None when they do not, but for what `renamed` holds."""
    if then is None or now is None:
        gone = "of then" if then is None else "of now"
        return ObjectDifference(key=key, problem=f"the content {gone} cannot be read any more")
    if then == now:
        return None
    try:
        if key.endswith((".json", ".jsonl")):
            return _compare_lines(key, _lines(key, then), _lines(key, now), renamed)
    except ValueError:  # no JSON after all
        pass
    return ObjectDifference(key=key, problem=f"other bytes: {len(then):,} then, {len(now):,} now")


def _lines(key: str, data: bytes) -> list[Any]:
    """The lines of JSON lines, or the one document; raises ValueError for what is neither."""
    return [json.loads(line) for line in data.splitlines()] if key.endswith("l") else [json.loads(data)]


def _compare_lines(key: str, then: Sequence[Any], now: Sequence[Any], renamed: Renamed) -> ObjectDifference | None:
    before, after = _by_name(then), _by_name([renamed.of(line) for line in now])
    fields: Counter[str] = Counter()
    first: dict[str, FieldDifference] = {}
    for name, line in before.items():
        if name not in after:
            continue
        differing = set[str]()
        for place, was, is_now in _differing(line, after[name]):
            place = _without_numbers(place)
            differing.add(place)
            first.setdefault(
                place, FieldDifference(field=place, number=0, line=name, was=_shown(was), now=_shown(is_now))
            )
        fields.update(differing)
    only_then, only_now = (
        [name for name in one if name not in other] for one, other in ((before, after), (after, before))
    )
    if not (fields or only_then or only_now):
        return None
    most = sorted(fields, key=lambda place: (-fields[place], place))
    return ObjectDifference(
        key=key,
        fields=tuple(first[place].model_copy(update={"number": fields[place]}) for place in most[:_NAMED_FIELDS]),
        only_then=len(only_then),
        only_now=len(only_now),
        examples=tuple(
            [f"only then: {name}" for name in only_then[:_EXAMPLES]]
            + [f"only now: {name}" for name in only_now[:_EXAMPLES]]
        ),
    )


def _by_name(lines: Sequence[Any]) -> dict[str, Any]:
    """The lines by what they are about; those about the same thing are numbered."""
    numbers: dict[str, int] = defaultdict(int)
    named: dict[str, Any] = {}
    for line in lines:
        name = _name(line)
        numbers[name] += 1
        named[f"{name} ({numbers[name]})" if numbers[name] > 1 else name] = line
    return named


def _name(line: Any) -> str:
    """The subject of a line: the picture, the footage or the event, with rule and label where it has these."""
    if not isinstance(line, dict):
        return "the whole"
    scopes = [line, *(each for each in (line.get("picture"), line.get("shown")) if isinstance(each, dict))]
    scopes += [each["picture"] for each in scopes if isinstance(each.get("picture"), dict)]
    values: dict[str, str] = {}
    for scope in scopes:
        for name in _NAMES:
            if isinstance(value := scope.get(name), (str, int)):
                values.setdefault(name, str(value))
    keys = [last_segment(values[name]) if name.endswith("_key") else values[name] for name in _NAMES if name in values]
    return " ".join(keys) or "the whole"


def _differing(then: Any, now: Any, place: str = "") -> Iterator[tuple[str, Any, Any]]:
    """The places at which two values of JSON differ, each with both values; None stands for a missing one."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in sorted(then.keys() | now.keys()):
            yield from _differing(then.get(key), now.get(key), f"{place}.{key}" if place else key)
    elif isinstance(then, list) and isinstance(now, list):
        if len(then) != len(now):
            yield f"{place}.length", len(then), len(now)
        for number, (was, is_now) in enumerate(zip(then, now, strict=False)):
            yield from _differing(was, is_now, f"{place}[{number}]")
    elif then != now:
        yield place, then, now


def _without_numbers(place: str) -> str:
    """`objects[3].box[0]` as `objects[].box[]`."""
    parts = place.split("[")
    return "[".join([parts[0], *(f"]{part.partition(']')[2]}" for part in parts[1:])])


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
