"""Upward: the things that a thing took part in."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from nightjar.domain.detections import Detection
from nightjar.domain.detectors import detector_id
from nightjar.domain.layout import digest, last_segment
from nightjar.domain.lineage.growing import Expansion, Thing
from nightjar.domain.names import Camera, NameRefused, parse_footage_name
from nightjar.domain.release import Release
from nightjar.queries.lineage.down import bounded, gathered
from nightjar.queries.lineage.finding import MOST_FILES, files_of, in_file, picture_of, reproduction, validated
from nightjar.queries.lineage.made import things_made
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.subjects import (
    AlertOf,
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
    ReviewOf,
    RulesOf,
    RunOf,
    Subject,
    UploadOf,
)
from nightjar.queries.lineage.told import now_of
from nightjar.stores.camera_minutes import CameraMinutes
from nightjar.stores.comparisons import Comparisons
from nightjar.stores.detections import Detections
from nightjar.stores.events import Events
from nightjar.stores.footage import footage_key, footage_of
from nightjar.stores.ledger import Ledger
from nightjar.stores.line_store import Place
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.reactions import Reviews
from nightjar.stores.reports import Reports
from nightjar.stores.reproductions import Reproductions
from nightjar.stores.run_index import runs_between
from nightjar.stores.runs import CANDIDATE, HISTORY, LIVE, PATROL, REPORT, WATCH, folder_of, run_prefix

Steps = Iterator[tuple[str, Subject]]


@dataclass(frozen=True)
class Period:
    """Where the work of an image, or of rules, is looked for: the runs from `first` to `last`, at most `most_runs`."""

    first: datetime
    last: datetime
    most_runs: int = 500


_STAGES = ("validate", "detect", "assess", "notify", "record")
_OF_TRIAL = ("detect", "compare")
# The DAGs whose runs have a stage.
_DAGS = {
    "collect": (WATCH,),
    "detect": (LIVE, HISTORY, CANDIDATE),
    "compare": (CANDIDATE,),
    "report": (REPORT,),
    "survey": (PATROL,),
    "tell": (PATROL,),
}


def expand_up(
    reading: Reading, most: int, period: Period, things: Sequence[Thing[Subject]]
) -> Iterable[Expansion[Subject]]:
    """The things that each of `things` took part in, at most `most` for each."""
    return reading.each(partial(_expanded, reading, most, period), things)


def _expanded(reading: Reading, most: int, period: Period, asked: Thing[Subject]) -> Expansion[Subject]:
    rest = Rest()
    steps = gathered(_steps(reading, period, asked.subject, rest), most, rest)
    return bounded(reading, steps, most, rest)


def _steps(reading: Reading, period: Period, subject: Subject, rest: Rest) -> Steps:
    match subject:
        case UploadOf(key, version):
            yield from _of_upload(reading, key, version, rest)
        case OriginalOf():
            yield from _of_original(reading, subject, rest)
        case PictureOf():
            yield from _of_picture(reading, subject, rest)
            yield from _again(reading, subject.by.run)
            yield from _report(reading, "counted in", subject.taken_at.date())
        case DetectionOf():
            yield from _of_detection(reading, subject, rest)
        case EventOf():
            yield from _of_event(reading, subject, rest)
        case AlertOf(line):
            for delivery in line.alert.each_delivery:
                if delivery.outbox_key:
                    yield "rendered to", ObjectOf(delivery.outbox_key, title=str(delivery.address))
            yield from _report(reading, "listed in", _day_of(line.key))
        case RefusalOf(_, entry):
            yield from _report(reading, "counted in", (entry.taken_at or entry.received_at).date())
        case RulesOf(sha256):
            yield from _pinned(reading, period, (LIVE, HISTORY), ["assess"], lambda r: r.rules.sha256 == sha256, rest)
        case ImageOf():
            yield from _started(reading, period, subject, rest)
        case RunOf(prefix, stages):
            is_trial = folder_of(prefix).startswith(f"{CANDIDATE}/")
            for stage in stages or (_OF_TRIAL if is_trial else _STAGES):
                yield from (("made", each) for each in things_made(reading, prefix, stage))
            yield from _again(reading, prefix)


def _of_upload(reading: Reading, key: str, version: str, rest: Rest) -> Steps:
    try:
        info = reading.head(footage_key(parse_footage_name(last_segment(key))))
    except NameRefused:
        info = None
    said = (info.metadata.get("source-key-sha256"), info.metadata.get("source-version")) if info else (None, None)
    if info is None or said[0] != digest(key, 64) or (version and said[1] != version):
        rest.notes.append(
            "nothing was filed from it under its name: it was refused, is a duplicate, or is not collected yet"
        )
        return
    yield "filed as", OriginalOf(info.key, info.version_id, info.metadata.get("sha256", ""))


def _of_original(reading: Reading, subject: OriginalOf, rest: Rest) -> Steps:
    """Its pictures and refusals, as each validator has them."""
    name = footage_of(subject.key)
    if name is None:
        rest.notes.append("its name is none of footage, so nothing can have been made of it")
        return
    is_any = False
    for line, by in validated(reading, name, subject.key, subject.version):
        is_any = True
        for picture in line.pictures:
            yield "made into", picture_of(reading, picture, by)
        for refusal in line.refusals:
            entry = Quarantine(reading.store).at(refusal.quarantine_key)
            if entry:
                yield "refused as", RefusalOf(refusal.quarantine_key, entry)
            else:
                rest.notes.append(f"it was refused as {refusal.reason}; the refusal does not hold any longer")
        if line.duplicates:
            rest.notes.append(f"{line.duplicates} of its moments were known from other footage")
    if not is_any:
        rest.notes.append("no validator has its outcome: it was not looked at yet, or that is erased")


def _of_picture(reading: Reading, subject: PictureOf, rest: Rest) -> Steps:
    """The detections of it by each detector, and the pictures that have their objects from it."""
    store, is_any = Detections(reading.store), False
    for detector in reading.once(("detectors",), store.makers):
        place = Place(detector, subject.camera, subject.taken_at.date())
        for info in files_of(reading, store, place, subject.taken_at)[:MOST_FILES]:
            lines: list[Detection] = reading.lines(info.key, Detection)
            own = [line for line in lines if line.picture.standard_key == subject.key]
            if not own:
                continue
            is_any = True
            yield from (("looked at in", in_file(reading, line, info.key, info.version_id)) for line in own)
            for line in lines:
                if line.mark and any(source.standard_key == subject.key for source in line.mark.sources):
                    yield "lent its objects to", in_file(reading, line, info.key, info.version_id)
            break
    if not is_any:
        rest.notes.append("no detector has looked at it, or what it saw is erased")


def _of_detection(reading: Reading, subject: DetectionOf, rest: Rest) -> Steps:
    """The events that count it as a threat."""
    picture, detector = subject.line.picture, subject.line.detector
    minute = CameraMinutes(reading.store, picture.camera, lambda _: None).at(picture.taken_at)
    own = detector_id(detector.sha256, detector.settings)
    yield from _compared(reading, picture.camera, picture.taken_at.date())
    seen = False
    for threat in minute.threats if minute else ():
        shown = threat.shown
        if shown.picture.standard_key != picture.standard_key:
            continue
        if detector_id(shown.detector.sha256, shown.detector.settings) != own:
            rest.notes.append(f"the picture was judged by what another detector saw, {shown.detector.tag}")
            continue
        event = now_of(reading, Events(reading.store).current(picture.camera, threat.event))
        if event:
            seen = True
            yield "part of", event
    if not seen:
        rest.notes.append("no event counts it: no rule called an object in it unsafe")


def _of_event(reading: Reading, subject: EventOf, rest: Rest) -> Steps:
    event = subject.event
    line = Ledger(reading.store).find(event)
    if line:
        yield "told in", AlertOf(line)
    else:
        rest.notes.append("nobody was told of it")
    if event.absorbed_by:
        heir = now_of(reading, Events(reading.store).get(event.camera, event.absorbed_by))
        if heir:
            yield "taken over by", heir
    reviews = Reviews(reading.store)
    review = reviews.get(event.ref)
    if review:
        yield "reviewed in", ReviewOf(event.ref, reviews.key(event.ref), str(review.verdict), review.by, review.at)
    yield from _compared(reading, event.camera, event.day)
    yield from _report(reading, "shown in", event.day)


def _compared(reading: Reading, camera: Camera, day: date) -> Steps:
    """The comparisons over a day of the camera's user."""
    comparisons = Comparisons(reading.store)
    for identity in reading.once(("comparisons",), comparisons.ids):
        key = comparisons.user_key(identity, day, camera.user)
        info = reading.head(key)
        if info:
            yield "compared in", ComparedOf(key, info.version_id)


def _again(reading: Reading, prefix: str) -> Steps:
    """The reproductions of the run with this prefix."""
    by_run = reading.once(("reproductions",), lambda: _reproductions(reading))
    yield from (("done again by", ReproducedOf(identity)) for identity in by_run.get(prefix, ()))


def _reproductions(reading: Reading) -> dict[str, list[str]]:
    """The reproductions that are kept, by the prefix of the run that was done again."""
    by_run: dict[str, list[str]] = {}
    ids = Reproductions(reading.store).ids()
    for identity, request in zip(ids, reading.each(partial(reproduction, reading), ids), strict=True):
        if request:
            by_run.setdefault(request.run, []).append(identity)
    return by_run


def _report(reading: Reading, word: str, day: date | None) -> Steps:
    if day is None:
        return
    key = Reports(reading.store).page_key(day)
    info = reading.head(key)
    if info:
        yield word, ReportOf(day, key, info.version_id)


def _day_of(key: str) -> date | None:
    """The day in the key of a line of the ledger."""
    try:
        year, month, day = map(int, key.split("/")[-4:-1])
        return date(year, month, day)
    except ValueError:
        return None


def _started(reading: Reading, period: Period, subject: ImageOf, rest: Rest) -> Steps:
    """The runs in which stages of an image worked."""
    by_dags: dict[tuple[str, ...], list[str]] = {}
    for stage in subject.stages:
        by_dags.setdefault(_DAGS.get(stage, (LIVE, HISTORY)), []).append(stage)
    for dags, stages in by_dags.items():
        if dags == (WATCH,):
            yield from _watched(reading, period, subject, rest)
        else:
            yield from _pinned(reading, period, dags, stages, partial(_uses, subject, stages), rest)


def _uses(subject: ImageOf, stages: Sequence[str], release: Release) -> bool:
    """Whether a release starts one of `stages` from the image."""
    there = [release.stages[stage] for stage in stages if stage in release.stages]
    if subject.digest:
        return any(each.digest == subject.digest for each in there)
    return any(_names(each.image, subject) for each in there)


def _names(reference: str, subject: ImageOf) -> bool:
    """Whether a reference, which may end with a digest, is one to the image by its tag, from whatever registry."""
    return bool(subject.tag) and reference.partition("@")[0].endswith(f"/{subject.image}:{subject.tag}")


def _pinned(
    reading: Reading,
    period: Period,
    dags: Sequence[str],
    stages: Sequence[str],
    is_it: Callable[[Release], bool],
    rest: Rest,
) -> Steps:
    """The runs of `dags` in the period whose release is one that is asked for, the newest first."""
    for dag in dags:
        names = _runs_in(reading, period, dag, rest)
        released = reading.each(reading.release, [run_prefix(dag, name) for name in names])
        for name, release in zip(names, released, strict=True):
            if release and is_it(release[0]):
                yield "used by", RunOf(run_prefix(dag, name), tuple(stages))


def _watched(reading: Reading, period: Period, subject: ImageOf, rest: Rest) -> Steps:
    """The runs of the watch, which have no release: their manifest names the image."""
    names = _runs_in(reading, period, WATCH, rest)
    proofs = reading.each(lambda name: reading.manifest(run_prefix(WATCH, name), "collect"), names)
    for name, proof in zip(names, proofs, strict=True):
        if proof and (_names(proof[0].image, subject) or (subject.digest and proof[0].image_digest == subject.digest)):
            yield "used by", RunOf(run_prefix(WATCH, name), ("collect",))


def _runs_in(reading: Reading, period: Period, dag: str, rest: Rest) -> list[str]:
    names = runs_between(reading.store, dag, period.first, period.last)
    if len(names) > period.most_runs:
        rest.notes.append(f"of {len(names):,} runs of {dag} in this time, the newest {period.most_runs} were looked at")
    return names[: period.most_runs]
