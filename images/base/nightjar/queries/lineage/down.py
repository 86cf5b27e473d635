"""Down: the things that a thing was made of."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice

from nightjar.domain.batch import BatchLine, Outcome
from nightjar.domain.comparison.documents import UserCompared
from nightjar.domain.events import Event, ThreatPicture
from nightjar.domain.lineage.growing import Expansion, Thing
from nightjar.domain.lineage.nodes import printable
from nightjar.domain.reproduction.request import REPRODUCED
from nightjar.errors import InputError
from nightjar.queries.lineage.described import thing
from nightjar.queries.lineage.finding import detection_of, looked_at, original_of, picture_of, reproduction, upload_of
from nightjar.queries.lineage.makers import read
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.reports import rows_behind, things_in
from nightjar.queries.lineage.subjects import (
    AlertOf,
    By,
    ComparedOf,
    DetectionOf,
    EventOf,
    ImageOf,
    ObjectOf,
    OriginalOf,
    PictureOf,
    RefusalOf,
    ReportOf,
    ReproducedOf,
    Rest,
    RowsOf,
    RulesOf,
    RunOf,
    Subject,
    UploadOf,
)
from nightjar.queries.lineage.told import behind_notice, event_as_told, others_told
from nightjar.stores.events import Events
from nightjar.stores.false_boxes import false_boxes_key
from nightjar.stores.footage import FootageStore

Steps = Iterator[tuple[str, Subject]]


def expand_down(reading: Reading, most: int, things: Sequence[Thing[Subject]]) -> Iterable[Expansion[Subject]]:
    """The things that each of `things` was made of, at most `most` for each."""
    return reading.each(partial(_expanded, reading, most), things)


def _expanded(reading: Reading, most: int, asked: Thing[Subject]) -> Expansion[Subject]:
    rest = Rest()
    steps = gathered(_steps(reading, most, asked.subject, rest), most, rest)
    return bounded(reading, steps, most, rest)


def gathered(steps: Steps, most: int, rest: Rest) -> list[tuple[str, Subject]]:
    """At most `most` steps, and one more if there are more; those before an object that cannot be read."""
    found: list[tuple[str, Subject]] = []
    try:
        found.extend(islice(steps, most + 1))  # on an error it keeps those before
    except InputError as error:
        rest.notes.append(f"more cannot be read: {printable(str(error))}")
    return found


def bounded(reading: Reading, steps: Sequence[tuple[str, Subject]], most: int, rest: Rest) -> Expansion[Subject]:
    """At most `most` of `steps`, as things; one more than these says that there are more, of a number not known."""
    described = reading.each(lambda step: thing(reading, step[1]), steps[:most])
    words = [word for word, _ in steps[:most]]
    return Expansion(list(zip(words, described, strict=True)), rest.number, len(steps) > most, rest.notes)


def _steps(reading: Reading, most: int, subject: Subject, rest: Rest) -> Steps:
    match subject:
        case AlertOf(line):
            event = event_as_told(reading, line, rest.notes)
            if event is not None:
                yield "tells of", event
            yield from (("tells of", each) for each in others_told(reading, line, rest.notes))
            yield from (("tells of", each) for each in behind_notice(reading, line))
        case EventOf():
            yield from _of_event(reading, most, subject, rest)
        case DetectionOf(line, by=by):
            yield "seen in", picture_of(reading, line.picture, by)
            for source in line.mark.sources if line.mark else ():
                yield "objects from", looked_at(reading, source, line.picture.camera, by)
        case PictureOf():
            original = original_of(reading, subject)
            if original is None:
                rest.notes.append("its original was not recorded")
            else:
                yield "made of", original
        case OriginalOf():
            upload = upload_of(reading, subject)
            if upload is None:
                rest.notes.append("the upload that it was filed from was not recorded")
            else:
                yield "filed from", upload
        case RefusalOf(_, entry):
            kind = OriginalOf if FootageStore.holds(entry.source_key) else UploadOf
            yield "refused", kind(entry.source_key, entry.source_version, entry.sha256)
        case ReportOf():
            yield from (("drawn from", rows) for rows in rows_behind(reading, subject, rest))
        case RowsOf():
            if not subject.by.run:
                rest.notes.append("the run that recorded these rows was not found: they were put together since")
            yield from (("about", each) for each in things_in(reading, subject))
        case RulesOf(sha256, (key, version)) if key:
            yield "put as", ObjectOf(key, version, sha256)
        case RunOf(prefix):
            yield from _of_run(reading, prefix)
        case ComparedOf():
            yield from _of_comparison(reading, subject)
        case ReproducedOf(identity):
            request = reproduction(reading, identity)
            if request:
                yield "did again", RunOf(request.run, REPRODUCED)


def _of_event(reading: Reading, most: int, subject: EventOf, rest: Rest) -> Steps:
    event = subject.event
    released = reading.release(subject.by.run) if subject.by.run else None
    source = released[0].rules.source if released and released[0].rules.sha256 == event.rules_sha256 else None
    judged: list[Subject] = [RulesOf(event.rules_sha256, (source.key, source.version_id) if source else ("", ""))]
    places = read(reading, subject.by, false_boxes_key(event.camera))
    if places:
        title = f"places where the detector errs, of {event.camera.name}"
        judged.append(ObjectOf(places.key, places.version_id, places.sha256, title))
    threats = _pictures(reading, event, max(1, most - len(judged)))
    rest.number += max(0, event.picture_count - len(threats)) if event.has_threats else 0
    yield from (("made of", found) for found in reading.each(partial(detection_of, reading), threats))
    yield from (("judged by", each) for each in judged)


def _pictures(reading: Reading, event: Event, most: int) -> list[ThreatPicture]:
    """The pictures of an event by time: its best, first and last one, and the earliest of the others, `most` in all."""
    if not event.has_threats:
        return []
    kept = [*event.best.values(), event.first, event.last]
    chosen = {each.picture.standard_key: each for each in kept[: max(1, most)]}
    if event.picture_count > len(chosen):
        for threat in islice(Events(reading.store).pictures(event), most):
            if len(chosen) >= most:
                break
            chosen.setdefault(threat.shown.picture.standard_key, threat.shown)
    return sorted(chosen.values(), key=lambda each: each.picture.taken_at)


def _of_comparison(reading: Reading, subject: ComparedOf) -> Steps:
    """Both sides, the deployed one first, and the pictures that it shows."""
    compared = reading.document(subject.key, UserCompared, subject.version or None)
    if compared is None:
        return
    for word, side in (("deployed was", compared.before), ("candidate was", compared.after)):
        if side.tag:
            yield word, ImageOf("detect", side.tag, stages=("detect",))
        if side.rules:
            yield word, RulesOf(side.rules)
    pictures = {each.picture.standard_key: each.picture for each in compared.examples}
    yield from (("shows", picture_of(reading, picture, By())) for picture in pictures.values())


def _of_run(reading: Reading, prefix: str) -> Steps:
    released = reading.release(prefix)
    if released:
        rules = released[0].rules
        yield "pinned to", RulesOf(rules.sha256, (rules.source.key, rules.source.version_id))
    for line in reading.lines(reading.run(prefix).batch_key, BatchLine):
        if line.outcome is Outcome.FILED and line.footage_key:
            yield "worked on", OriginalOf(line.footage_key, line.footage_version or "", line.sha256 or "", prefix)
