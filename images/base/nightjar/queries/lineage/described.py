"""The node of each thing: what people read of it, its object in the version that took part, and who made it."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import singledispatch

from nightjar.domain.comparison.documents import UserCompared
from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import EventState
from nightjar.domain.layout import last_segment
from nightjar.domain.lineage.growing import Thing
from nightjar.domain.lineage.nodes import Kind, Maker, Node, State, printable
from nightjar.domain.probability import percent
from nightjar.domain.release import Started
from nightjar.domain.reproduction.answer import Answer
from nightjar.domain.tally import many
from nightjar.queries.lineage.finding import reproduction
from nightjar.queries.lineage.makers import collected_by, filed_by, maker_of, of_prefix
from nightjar.queries.lineage.reading import Found, Reading
from nightjar.queries.lineage.reports import reported_by
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
    ReviewOf,
    RowsOf,
    RulesOf,
    RunOf,
    Subject,
    UploadOf,
)
from nightjar.runtime.store import ObjectUnreadableError
from nightjar.stores.event_keys import event_key
from nightjar.stores.key_kinds import kind_of, rules_key
from nightjar.stores.ledger import NOTICES
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.reproductions import answer_key, reproduction_key
from nightjar.stores.runs import LIVE, folder_of, run_prefix

_MOST_LABELS = 2
RUN_ID = "run in Airflow"  # the fact of a run that names it there
_NO_RUN = "the run that made it was not recorded, or is not kept"


def thing(reading: Reading, subject: Subject) -> Thing[Subject]:
    """The thing with its node; costs a HEAD of its object, and the manifest and release of its run, each once."""
    return Thing(_node(subject, reading), subject)


@singledispatch
def _node(subject: object, reading: Reading) -> Node:
    raise TypeError(f"expected a subject of a lineage, got {type(subject).__name__}")


@_node.register
def _alert(subject: AlertOf, reading: Reading) -> Node:
    line, alert = subject.line, subject.line.alert
    by = of_prefix(alert.holder)
    if not by.run and alert.run:
        by = By(run_prefix(LIVE, alert.run), "notify")
    is_notice = line.key.startswith(NOTICES)
    told = [f"{each.address}: {each.told_state(False)}" for each in alert.each_delivery]
    return _with_object(
        Kind.NOTICE if is_notice else Kind.ALERT,
        alert.subject or alert.event_id,
        Found(line.key, line.ref.version_id, line.ref.sha256, line.ref.size, State.CURRENT),
        maker_of(reading, by),
        [*(("told", one) for one in told), ("claimed", _time(alert.claimed_at)), ("severity", alert.severity)],
    )


@_node.register
def _event(subject: EventOf, reading: Reading) -> Node:
    event = subject.event
    key = event_key(event.camera, event.ref)
    found = reading.found(key, subject.version, subject.sha256)
    notes = []
    if found.state is State.OVERWRITTEN:
        notes.append("this is the event as it was told; it has changed since")
    if not subject.by.run:
        notes.append(_NO_RUN)
    if event.state != EventState.CURRENT:
        into = f" into {event.absorbed_by.id}" if event.absorbed_by else ""
        notes.append(f"the event is {event.state}{into}")
    maker = maker_of(reading, subject.by) or Maker(stage="assess", rules_sha256=event.rules_sha256)
    return _with_object(
        Kind.EVENT,
        f"{' and '.join(event.labels)} at {event.camera.name}, {_time(event.started_at)}",
        found,
        maker,
        [
            ("event", event.id),
            ("ended", _time(event.ended_at)),
            ("rule", f"{event.rule_id} {event.rule_name}"),
            ("pictures", f"{event.picture_count:,}"),
        ],
        notes,
    )


@_node.register
def _detection(subject: DetectionOf, reading: Reading) -> Node:
    line = subject.line
    found = reading.found(subject.key, subject.version, subject.sha256) if subject.key else None
    facts = [("picture", f"{line.picture.camera.name} {_time(line.picture.taken_at)}")]
    if line.mark:
        facts.append(("mark", line.mark.told))
    notes = [] if found else ["its line in the detections store is not found: this is what the event keeps of it"]
    if found and not subject.by.run:
        notes.append(_NO_RUN)
    node = _with_object(
        Kind.DETECTION,
        f"{_objects(line.objects)}{', ' + line.mark.word if line.mark else ''}",
        found,
        maker_of(reading, subject.by, line.detector),
        facts,
        notes,
    )
    stem = last_segment(line.picture.standard_key).removesuffix(".jpg")
    part = f"{line.detector.sha256} {line.picture.standard_key}"  # the object alone does not tell a line apart
    return replace(node, id=f"{node.id}#{part}", name=f"{node.key}#{stem}" if node.key else "")


@_node.register
def _picture(subject: PictureOf, reading: Reading) -> Node:
    found = reading.found(subject.key, subject.version, subject.sha256)
    return _with_object(
        Kind.PICTURE,
        f"{subject.camera.name} {_time(subject.taken_at)}",
        found,
        maker_of(reading, subject.by),
        notes=[] if subject.by.run else [_NO_RUN],
    )


@_node.register
def _original(subject: OriginalOf, reading: Reading) -> Node:
    found = reading.found(subject.key, subject.version, subject.sha256)
    by = collected_by(reading, subject.batch) if subject.batch else By()
    if not by.run and found.state.is_there:
        by = filed_by(reading, subject.key, reading.head(subject.key, found.version or None))
    notes = [] if by.run else [_NO_RUN]
    return _with_object(Kind.ORIGINAL, last_segment(subject.key), found, maker_of(reading, by), notes=notes)


@_node.register
def _upload(subject: UploadOf, reading: Reading) -> Node:
    found = reading.found(subject.key, subject.version, subject.sha256)
    if found.state is State.ERASED:
        found = replace(found, state=State.COLLECTED)
    return _with_object(Kind.UPLOAD, last_segment(subject.key), found, None)


@_node.register
def _refusal(subject: RefusalOf, reading: Reading) -> Node:
    entry = subject.entry
    try:
        held = Quarantine(reading.store).object_of(subject.folder)
    except ObjectUnreadableError:
        held = None
    found = (
        Found(held.key, held.version_id, entry.sha256, held.size, State.CURRENT)
        if held
        else Found(subject.folder, "", entry.sha256, entry.size, State.ERASED)
    )
    maker = maker_of(reading, By(run_prefix(*_parts(entry.run)), entry.stage)) if entry.run else None
    return _with_object(
        Kind.REFUSAL,
        f"{entry.reason}: {last_segment(entry.source_key)}",
        found,
        maker or Maker(stage=entry.stage, image=entry.image),
        [("expected", entry.expected), ("found", entry.found)],
    )


@_node.register
def _report(subject: ReportOf, reading: Reading) -> Node:
    kind = kind_of(subject.key)
    name = str(subject.day) if kind is Kind.REPORT else f"{last_segment(subject.key)} of {subject.day}"
    found = reading.found(subject.key, subject.version)
    by = reported_by(reading, subject)
    return _with_object(kind, name, found, maker_of(reading, by), notes=[] if by.run else [_NO_RUN])


@_node.register
def _rows(subject: RowsOf, reading: Reading) -> Node:
    found = reading.found(subject.key, subject.version)
    title = f"{subject.table} of {subject.day}, {last_segment(subject.key)}"
    return _with_object(Kind.ROWS, title, found, maker_of(reading, subject.by))


@_node.register
def _rules(subject: RulesOf, reading: Reading) -> Node:
    found = reading.found(rules_key(subject.sha256), "", subject.sha256)
    return _with_object(Kind.RULES, subject.sha256[:12], found, None)


@_node.register
def _run(subject: RunOf, reading: Reading) -> Node:
    released = reading.release(subject.prefix)
    facts = [("stages", ", ".join(subject.stages))]
    started = reading.document(reading.run(subject.prefix).started_key, Started)
    if started:
        facts.append((RUN_ID, started.dag_run))
    if released:
        stages = [name for name in released[0].stages if not subject.stages or name in subject.stages]
        facts += [(name, released[0].stages[name].image) for name in stages]
        facts.append(("rules", released[0].rules.sha256))
    notes = () if released else ("its release is not kept",)
    folder = folder_of(subject.prefix)
    return Node(
        id=f"{Kind.RUN}:{folder}",
        kind=Kind.RUN,
        title=printable(folder),
        name=folder,
        key=subject.prefix,
        maker=Maker(
            run=folder,
            release=released[1].sha256 if released else "",
            rules_sha256=released[0].rules.sha256 if released else "",
        ),
        facts=_facts(facts),
        notes=notes,
    )


@_node.register
def _image(subject: ImageOf, reading: Reading) -> Node:
    del reading
    name = f"{subject.image}:{subject.tag}" if subject.tag else subject.digest
    return Node(
        id=f"{Kind.IMAGE}:{name}",
        kind=Kind.IMAGE,
        title=printable(name),
        name=name,
        facts=_facts([("stages", ", ".join(subject.stages)), ("digest", subject.digest)]),
    )


@_node.register
def _comparison(subject: ComparedOf, reading: Reading) -> Node:
    found = reading.found(subject.key, subject.version, subject.sha256)
    compared = reading.document(subject.key, UserCompared, subject.version or None)
    title, facts = last_segment(subject.key), []
    if compared:
        title = f"{compared.user}, {compared.after.tag} beside {compared.before.tag}"
        period = f"{_time(compared.start)} to {_time(compared.end)}"
        facts = [("period", period), ("pictures", f"{compared.pictures:,}")]
    return _with_object(Kind.COMPARISON, title, found, maker_of(reading, subject.by), facts)


@_node.register
def _reproduction(subject: ReproducedOf, reading: Reading) -> Node:
    key = reproduction_key(subject.id)
    request, answer = reproduction(reading, subject.id), reading.document(answer_key(subject.id), Answer)
    facts = [("run", folder_of(request.run) if request else ""), ("verdict", str(answer.verdict) if answer else "")]
    notes = [] if answer else ["it has not ended, or has not come to an answer"]
    return _with_object(Kind.REPRODUCTION, subject.id, reading.found(key), None, facts, notes)


@_node.register
def _review(subject: ReviewOf, reading: Reading) -> Node:
    found = reading.found(subject.key)
    facts = [("by", subject.by), ("at", _time(subject.at))]
    return _with_object(Kind.REVIEW, f"reviewed: {subject.said}", found, None, facts)


@_node.register
def _object(subject: ObjectOf, reading: Reading) -> Node:
    kind = kind_of(subject.key)
    found = reading.found(subject.key, subject.version, subject.sha256) if kind is not Kind.MESSAGE else None
    if found is None:  # who may look into the mails is another question than who may see a lineage
        found = Found(subject.key, subject.version, "", None, State.NONE)
    return _with_object(kind, subject.title or subject.key, found, None, subject.facts)


def _with_object(
    kind: Kind,
    title: str,
    found: Found | None,
    maker: Maker | None,
    facts: Iterable[tuple[str, str]] = (),
    notes: Iterable[str] = (),
) -> Node:
    return Node(
        id=f"{found.key}@{found.version}" if found else "",
        kind=kind,
        title=printable(title),
        name=found.key if found else "",
        key=found.key if found else "",
        version=found.version if found else "",
        sha256=found.sha256 if found else "",
        size=found.size if found else None,
        state=found.state if found else State.UNKNOWN,
        maker=maker,
        facts=_facts(facts),
        notes=tuple(notes),
    )


def _facts(facts: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, printable(value)) for name, value in facts if value)


def _objects(objects: Iterable[DetectedObject]) -> str:
    """The most probable object of each label, in words."""
    best: dict[str, float] = {}
    for each in objects:
        best[each.label] = max(each.probability, best.get(each.label, 0.0))
    names = [f"{label} {percent(p)}" for label, p in sorted(best.items(), key=lambda pair: (-pair[1], pair[0]))]
    more = [many(len(names) - _MOST_LABELS, "more label")] if len(names) > _MOST_LABELS else []
    return ", ".join([*names[:_MOST_LABELS], *more]) or "nothing"


def _parts(folder: str) -> tuple[str, str]:
    """DAG and run of `runs/<dag>/<run>/` or `<dag>/<run>`."""
    dag, _, run = folder_of(folder).partition("/")
    return dag, run


def _time(moment: datetime) -> str:
    milliseconds = f".{moment.microsecond // 1000:03d}" if moment.microsecond >= 1000 else ""
    return f"{moment:%Y-%m-%d %H:%M:%S}{milliseconds} UTC"
