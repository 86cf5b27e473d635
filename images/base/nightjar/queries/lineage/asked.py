"""The thing that a person names: a key, a picture, an original, an id of an event or message, a run, image, rules."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from nightjar.domain.detections import Detection
from nightjar.domain.events import Event
from nightjar.domain.lineage.nodes import Kind
from nightjar.domain.model import utc_from_ms
from nightjar.domain.names import Camera, NameRefused, parse_footage_name, parse_time_digits, shown
from nightjar.domain.stages import STAGE_IMAGES, STAGES
from nightjar.errors import InputError
from nightjar.queries.lineage.finding import in_file, picture_at, picture_gone, validated, with_maker
from nightjar.queries.lineage.reading import Reading
from nightjar.queries.lineage.reports import recorded_by
from nightjar.queries.lineage.subjects import (
    AlertOf,
    By,
    ComparedOf,
    EventOf,
    ImageOf,
    OriginalOf,
    PictureOf,
    RefusalOf,
    ReportOf,
    ReproducedOf,
    RowsOf,
    RulesOf,
    RunOf,
    Subject,
    UploadOf,
)
from nightjar.queries.lineage.told import now_of
from nightjar.stores.event_keys import ref_of_key
from nightjar.stores.events import Events
from nightjar.stores.footage import footage_key, footage_of
from nightjar.stores.key_kinds import day_of_report, kind_of, reproduction_of, rules_key, rules_of, run_of
from nightjar.stores.ledger import Ledger
from nightjar.stores.quarantine import Quarantine, parse_folder
from nightjar.stores.record_keys import day_of_part, table_of
from nightjar.stores.reports import Reports
from nightjar.stores.rules import RulesStore
from nightjar.stores.runs import run_prefix

EXPECTED = (
    "expected the id of an event or a message, a key of the bucket, a picture like alice-porch-1763647500, an original "
    "like alice-porch-1763647500.mp4, a day that has a report, a run like nightjar_live/<batch>, an image like "
    "detect:1.4.0 or sha256:…, or the SHA-256 of rules"
)
_LONGEST = 1000  # characters of a name
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{3,199}", re.ASCII)
_DAY = timedelta(days=1)
_DAYS_AT_ONCE = 8  # in which an id is looked for together


@dataclass(frozen=True)
class Where:
    """The UTC days in which an id, which names none, is looked for, the last one first."""

    first: date
    last: date


def asked(reading: Reading, name: str, where: Where, *, is_up: bool) -> Subject:
    """The thing called `name`; raises InputError, which says what was expected, when there is no such thing.

    The id of an event is that of its alert on the way down, as far as somebody was told of it.
    """
    text = _without_bucket(name.strip())
    if not text or len(text) > _LONGEST:
        raise InputError(f"{EXPECTED}; got {shown(name)}")
    if text.isascii() and text.isprintable():
        for read in (_by_key, _by_image, _by_rules, _by_picture, _by_day):
            if found := read(reading, text):
                return found
    if _ID.fullmatch(text) and (found := _by_id(reading, text, where, is_up=is_up)):
        return found
    raise InputError(f"{EXPECTED}; found nothing called {shown(name)}{_looked(text, where)}")


def _looked(text: str, where: Where) -> str:
    if "/" in text or not _ID.fullmatch(text):
        return ""
    return f" among the events and messages of {where.first} to {where.last} (UTC)"


def _without_bucket(text: str) -> str:
    """A key may be given as `s3://<bucket>/<key>`."""
    return text.removeprefix("s3://").partition("/")[2] if text.startswith("s3://") else text


def _by_key(reading: Reading, key: str) -> Subject | None:
    if "/" not in key:
        return None
    by_kind: dict[Kind, Callable[[Reading, str], Subject | None]] = {
        Kind.ALERT: _alert,
        Kind.NOTICE: _alert,
        Kind.EVENT: _event,
        Kind.DETECTION: _detection,
        Kind.PICTURE: _picture,
        Kind.ORIGINAL: _original,
        Kind.UPLOAD: lambda _, text: UploadOf(text),
        Kind.REFUSAL: _refusal,
        Kind.REPORT: _report,
        Kind.PLOT: _report,
        Kind.ROWS: _rows,
        Kind.COMPARISON: lambda _, text: ComparedOf(text),
        Kind.REPRODUCTION: lambda _, text: ReproducedOf(reproduction_of(text)),
        Kind.RULES: lambda _, text: _rules(reading, rules_of(text)),
    }
    kind = kind_of(key.partition("#")[0])
    if kind in by_kind:
        found = by_kind[kind](reading, key)
        if found is None or not _is_known(reading, key.partition("#")[0], kind):
            raise InputError(f"expected something at {shown(key)}, found nothing, and no version of it")
        return found
    run = run_of(key)
    if run and (reading.release(run_prefix(*run)) or reading.run(run_prefix(*run)).has_begun()):
        return RunOf(run_prefix(*run))
    return None


def _is_known(reading: Reading, key: str, kind: Kind) -> bool:
    """Whether there is or was such an object. An upload is removed for good once it is filed; a refusal is a folder."""
    if kind in (Kind.UPLOAD, Kind.REFUSAL, Kind.PICTURE):
        return True
    if reading.head(key) is not None or reading.versions(key):
        return True
    name = footage_of(key) if kind is Kind.ORIGINAL else None
    return name is not None and any(validated(reading, name, key, ""))


def _original(reading: Reading, key: str) -> OriginalOf:
    """The newest version, or of one that was deleted the last one."""
    now = reading.head(key)
    last = next(iter(reading.versions(key)), None) if now is None else None
    return OriginalOf(key, now.version_id if now else last.version_id if last else "")


def _alert(reading: Reading, key: str) -> Subject | None:
    line = Ledger(reading.store).read(key)
    return AlertOf(line) if line else None


def _event(reading: Reading, key: str) -> Subject | None:
    ref_of_key(key)
    event = reading.document(key, Event)
    if event:
        return now_of(reading, event)
    last = next(iter(reading.versions(key)), None)  # deleted by hand: the last version is kept
    before = reading.document(key, Event, last.version_id) if last else None
    return EventOf(before, By(), last.version_id) if before and last else None


def _detection(reading: Reading, key: str) -> Subject | None:
    """`<key of a file>#<key or time of a picture>`; of a file with one line, the picture need not be named."""
    file, _, picture = key.partition("#")
    lines: list[Detection] = reading.lines(file, Detection)
    wanted = [each for each in lines if not picture or picture in (each.picture.standard_key, _stem(each))]
    if len(wanted) != 1:
        such = f", such as {file}#{_stem(lines[0])}" if lines else ""
        raise InputError(f"expected a file of detections and one of its pictures{such}; {len(wanted)} are meant")
    return in_file(reading, wanted[0], file, "")


def _stem(line: Detection) -> str:
    return line.picture.standard_key.rpartition("/")[2].removesuffix(".jpg")


def _picture(reading: Reading, key: str) -> Subject | None:
    *_, camera, name = key.split("/")
    try:
        moment = utc_from_ms(parse_time_digits(name.removesuffix(".jpg")))
        return _picture_of(reading, Camera.parse(camera), moment)
    except (NameRefused, ValueError, OverflowError):
        raise InputError(f"expected the key of a picture, got {shown(key)}") from None


def _picture_of(reading: Reading, camera: Camera, moment: datetime) -> PictureOf:
    """The picture of a moment, also one that is erased, as long as it is told of."""
    picture = picture_at(reading, camera, moment) or picture_gone(reading, camera, moment)
    if picture is None:
        raise InputError(f"expected a picture of {camera.name} taken at {moment:%Y-%m-%d %H:%M:%S} UTC, found none")
    return with_maker(reading, picture)


def _refusal(reading: Reading, key: str) -> Subject | None:
    try:
        folder = parse_folder("/".join(key.split("/")[:6]))
    except ValueError as error:
        raise InputError(str(error)) from None
    entry = Quarantine(reading.store).at(folder)
    return RefusalOf(folder, entry) if entry else None


def _report(reading: Reading, key: str) -> Subject | None:
    day = day_of_report(key)
    return ReportOf(day, key) if day else None


def _rows(reading: Reading, key: str) -> Subject | None:
    try:
        day = day_of_part(key)
    except (ValueError, IndexError):
        raise InputError(f"expected the key of a part of the records, got {shown(key)}") from None
    info = reading.head(key)
    version = info.version_id if info else ""
    return RowsOf(table_of(key), day, key, version, recorded_by(reading, key, version))


def _by_image(reading: Reading, text: str) -> Subject | None:
    """`<image>:<tag>`, with a registry in front or not, or the digest of an image."""
    del reading
    name, at, digest = text.rpartition("@")
    text = text if not at or not name else digest  # a reference with a digest names that content, whatever the tag
    algorithm, _, value = text.partition(":")
    if algorithm == "sha256" and _SHA256.fullmatch(value):
        return ImageOf(digest=text, stages=tuple(STAGES))
    image, _, tag = text.rpartition("/")[2].partition(":")
    if image not in STAGE_IMAGES or not tag:
        return None
    return ImageOf(image, tag, stages=tuple(stage.name for stage in STAGES.values() if stage.image == image))


def _by_rules(reading: Reading, text: str) -> Subject | None:
    return _rules(reading, text) if _SHA256.fullmatch(text) else None


def _rules(reading: Reading, sha256: str) -> Subject:
    """Rules that a run has used, with the version of the file that they were put as, where that is still there."""
    if reading.head(rules_key(sha256)) is None:
        raise InputError(f"expected rules that a run has used at {rules_key(sha256)!r}, found none")
    checked = RulesStore(reading.store).checked()
    source = checked.source if checked and checked.sha256 == sha256 else None
    return RulesOf(sha256, (source.key, source.version_id) if source else ("", ""))


def _by_picture(reading: Reading, text: str) -> Subject | None:
    """A picture by camera and time; with an extension, the original of that name."""
    if "/" in text:
        return None
    try:
        name = parse_footage_name(text if "." in text else f"{text}.jpg")
    except NameRefused:
        return None
    if "." in text:
        key = footage_key(name)
        if not _is_known(reading, key, Kind.ORIGINAL):
            raise InputError(f"expected an original at {key!r}, found none, and no version of it")
        return _original(reading, key)
    return _picture_of(reading, name.camera, name.taken_at)


def _by_day(reading: Reading, text: str) -> Subject | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    key = Reports(reading.store).page_key(day)
    if reading.head(key) is None:
        raise InputError(f"expected a report of {day} at {key!r}, found none")
    return ReportOf(day, key)


def _by_id(reading: Reading, text: str, where: Where, *, is_up: bool) -> Subject | None:
    """An event or a message by its id or how it begins; looked for day by day, the last one first."""
    days = [where.last - n * _DAY for n in range((where.last - where.first).days + 1)]
    for n in range(0, len(days), _DAYS_AT_ONCE):
        some = days[n : n + _DAYS_AT_ONCE]
        keys = [key for found in reading.each(lambda day: _keys_of(reading, text, day), some) for key in found]
        alerts = {key.rpartition("/")[2]: key for key in keys if kind_of(key) is not Kind.EVENT}
        events = {key.rpartition("/")[2]: key for key in keys if kind_of(key) is Kind.EVENT}
        names = sorted({*alerts, *events})
        if len(names) > 1:
            such = ", ".join(each.removesuffix(".json") for each in names[:3])
            raise InputError(f"{EXPECTED}; {len(names)} begin with {shown(text)}: {such}")
        if names:
            first, second = (events, alerts) if is_up else (alerts, events)
            return _by_key(reading, first.get(names[0]) or second[names[0]])
    return None


def _keys_of(reading: Reading, text: str, day: date) -> list[str]:
    """The keys of events and messages of a day whose id begins so."""
    keys = [*Ledger(reading.store).keys(day, day), *Events(reading.store).keys_of_day(day)]
    return [key for key in keys if key.rpartition("/")[2].startswith(text)]
