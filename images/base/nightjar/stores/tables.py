"""The tables of the warehouse, `records/<table>/date=YYYY-MM-DD/`: every column with its type, unit and meaning."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from nightjar.domain.rules import Safe
from nightjar.stores.columns import MOMENT, NUMBERS, REAL, TEXT, TEXTS, WHOLE, YES_NO, Column, Table


class PictureOutcome(StrEnum):
    """The outcome of a received picture: exactly one for each."""

    DETECTED = "detected"
    QUARANTINED = "quarantined"
    DUPLICATE = "duplicate"
    FAILED = "failed"


class Verdict(StrEnum):
    """The verdict of the rules about a detected picture: the gravest that applies."""

    THREAT = "threat"
    SUPPRESSED = "suppressed"
    SAFE = "safe"
    NOTHING = "nothing"


class Unalerted(StrEnum):
    """The reason why nobody was alerted about an event; those of `nightjar.domain.policy.Held` are among them."""

    TOO_LATE = "too-late"  # it had ended longer ago than alerts are sent for
    ALERTS_OFF = "alerts-off"  # the rules switch alerts off, or count only what came later
    MUTED = "muted"
    QUIET_HOURS = "quiet-hours"
    COOL_DOWN = "cool-down"  # soon after the camera's last alert
    CAP = "cap"  # the user had as many alerts as they want
    NO_CHANNEL = "no-channel"  # the rules name no channel for its severity
    UNKNOWN_CAMERA = "unknown-camera"  # the rules do not know the camera any more
    NOT_TRIED = "not-tried"  # its shard's notify did not get through


_MISSES = ", ".join(f"`{reason}`" for reason in Safe if reason is not Safe.NOT_UNSAFE)
_MARK = Column(
    TEXT,
    "how the picture came by its objects: `looked-at`, `interpolated` or `carried` from others; "
    "missing before 0.3, when every picture was looked at",
    optional=True,
)


def _since_0_3(meaning: str) -> Column:
    """A column of text that rows before 0.3 do not have."""
    return Column(TEXT, f"{meaning}; since 0.3", optional=True)


_SHARD = _since_0_3("its shard in that run, whose manifests name every object with its version")
_STANDARD_VERSION = _since_0_3("the standardised picture's S3 version")
_DETECTOR_DIGEST = _since_0_3("digest of the detect image, where it is known")
_LOOKED_IN = _since_0_3("the run in which it was looked at, or marked: it may be an earlier one")


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureRow:
    """One row a received picture, a still or a frame; a video that gave none, or its unreadable rest, is one too."""

    id: Annotated[str, Column(TEXT, "stable id of the row")]
    run: Annotated[str, Column(TEXT, "the run that recorded it, a folder below `runs/`")]
    trigger: Annotated[str, Column(TEXT, "stable id of the footage object: one motion trigger")]
    outcome: Annotated[str, Column(TEXT, "`detected`, `quarantined`, `duplicate` or `failed`")]
    reason: Annotated[str | None, Column(TEXT, "why it was quarantined or failed", optional=True)]
    user: Annotated[str | None, Column(TEXT, "the owner; missing when the name could not be read", optional=True)]
    device: Annotated[str | None, Column(TEXT, "the device", optional=True)]
    camera: Annotated[str | None, Column(TEXT, "`<user>-<device>`", optional=True)]
    taken_at: Annotated[datetime | None, Column(MOMENT, "when it was taken", unit="UTC, milliseconds", optional=True)]
    video: Annotated[bool, Column(YES_NO, "whether it came from a video")]
    source_key: Annotated[
        str | None, Column(TEXT, "the name it landed under; known of what was not filed", optional=True)
    ]
    source_version: Annotated[str | None, Column(TEXT, "the S3 version that landed", optional=True)]
    footage_key: Annotated[str | None, Column(TEXT, "the original", optional=True)]
    footage_version: Annotated[str | None, Column(TEXT, "the original's S3 version", optional=True)]
    footage_sha256: Annotated[str | None, Column(TEXT, "the original's SHA-256", optional=True)]
    standard_key: Annotated[str | None, Column(TEXT, "the standardised picture", optional=True)]
    standard_sha256: Annotated[str | None, Column(TEXT, "the standardised picture's SHA-256", optional=True)]
    quarantine_key: Annotated[str | None, Column(TEXT, "where the refused object and the reason are", optional=True)]
    width: Annotated[int | None, Column(WHOLE, "width of the standardised picture", unit="pixels", optional=True)]
    height: Annotated[int | None, Column(WHOLE, "height of the standardised picture", unit="pixels", optional=True)]
    validator: Annotated[
        str | None, Column(TEXT, "id of the validator; of release 0.1, the tag of its image", optional=True)
    ]
    detector: Annotated[str | None, Column(TEXT, "tag of the detect image that saw it", optional=True)]
    model: Annotated[str | None, Column(TEXT, "name of the model", optional=True)]
    model_sha256: Annotated[str | None, Column(TEXT, "SHA-256 of the model", optional=True)]
    settings: Annotated[str | None, Column(TEXT, "fingerprint of the detector's settings", optional=True)]
    objects: Annotated[
        int | None, Column(WHOLE, "objects seen, at any probability recorded", unit="objects", optional=True)
    ]
    verdict: Annotated[
        str | None, Column(TEXT, "when detected and judged: `threat`, `suppressed`, `safe` or `nothing`", optional=True)
    ]
    suppressed_by: Annotated[
        list[str], Column(TEXTS, f"why rules that name what was seen held back, nearest miss first: {_MISSES}")
    ]
    events: Annotated[list[str], Column(TEXTS, "ids of the events it belongs to")]
    mark: Annotated[str | None, _MARK] = None
    shard: Annotated[str | None, _SHARD] = None
    standard_version: Annotated[str | None, _STANDARD_VERSION] = None
    validate_image: Annotated[str | None, _since_0_3("the validate image of the run, with its tag")] = None
    validate_digest: Annotated[str | None, _since_0_3("its digest, where it is known")] = None
    detector_digest: Annotated[str | None, _DETECTOR_DIGEST] = None
    looked_in: Annotated[str | None, _LOOKED_IN] = None
    rules_sha256: Annotated[str | None, _since_0_3("SHA-256 of the rules by which the run judged it")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class DetectionRow:
    """One row an object that the detector saw."""

    id: Annotated[str, Column(TEXT, "stable id of the row")]
    run: Annotated[str, Column(TEXT, "the run that recorded it")]
    picture: Annotated[str, Column(TEXT, "id of the picture, in `pictures`")]
    user: Annotated[str, Column(TEXT, "the owner")]
    device: Annotated[str, Column(TEXT, "the device")]
    camera: Annotated[str, Column(TEXT, "`<user>-<device>`")]
    taken_at: Annotated[datetime, Column(MOMENT, "when the picture was taken", unit="UTC, milliseconds")]
    label: Annotated[str, Column(TEXT, "what it is: one of the detector's labels")]
    probability: Annotated[float, Column(REAL, "how sure the detector is", unit="0 to 1")]
    x_min: Annotated[float, Column(REAL, "left edge of the box", unit="fraction of the width, from the left")]
    y_min: Annotated[float, Column(REAL, "upper edge of the box", unit="fraction of the height, from the top")]
    x_max: Annotated[float, Column(REAL, "right edge of the box", unit="fraction of the width, from the left")]
    y_max: Annotated[float, Column(REAL, "lower edge of the box", unit="fraction of the height, from the top")]
    threat: Annotated[bool, Column(YES_NO, "whether an event counts this object as unsafe")]
    detector: Annotated[str, Column(TEXT, "tag of the detect image")]
    model: Annotated[str, Column(TEXT, "name of the model")]
    model_sha256: Annotated[str, Column(TEXT, "SHA-256 of the model")]
    settings: Annotated[str, Column(TEXT, "fingerprint of the detector's settings")]
    standard_key: Annotated[str, Column(TEXT, "the picture it is in")]
    mark: Annotated[str | None, _MARK] = None
    shard: Annotated[str | None, _SHARD] = None
    standard_version: Annotated[str | None, _STANDARD_VERSION] = None
    standard_sha256: Annotated[str | None, _since_0_3("SHA-256 of the picture")] = None
    detector_digest: Annotated[str | None, _DETECTOR_DIGEST] = None
    looked_in: Annotated[str | None, _LOOKED_IN] = None
    rules_sha256: Annotated[str | None, _since_0_3("SHA-256 of the rules by which the run judged it")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class EventRow:
    """One row an event: threats of one camera, rule, label and area that follow each other within the event gap."""

    id: Annotated[str, Column(TEXT, "the event's id, which it keeps when it is extended")]
    run: Annotated[str, Column(TEXT, "the run that recorded it")]
    user: Annotated[str, Column(TEXT, "the owner")]
    device: Annotated[str, Column(TEXT, "the device")]
    camera: Annotated[str, Column(TEXT, "`<user>-<device>`")]
    site: Annotated[str | None, Column(TEXT, "the site of the camera", optional=True)]
    timezone: Annotated[
        str, Column(TEXT, "the user's time zone, an IANA name; UTC when the rules no longer know the user")
    ]
    rule_id: Annotated[int, Column(WHOLE, "id of the rule")]
    rule_name: Annotated[str, Column(TEXT, "name of the rule")]
    started_at: Annotated[datetime, Column(MOMENT, "its first threat", unit="UTC, milliseconds")]
    ended_at: Annotated[datetime, Column(MOMENT, "its last threat", unit="UTC, milliseconds")]
    pictures: Annotated[int, Column(WHOLE, "threats in it", unit="pictures")]
    labels: Annotated[list[str], Column(TEXTS, "what was unsafe, the most probable first; since 0.3 always one")]
    probability: Annotated[float, Column(REAL, "of the most probable unsafe object", unit="0 to 1")]
    best_standard_key: Annotated[str, Column(TEXT, "the picture that shows it best")]
    best_box: Annotated[
        list[float],
        Column(
            NUMBERS, "x_min, y_min, x_max, y_max of the most probable object in it", unit="fractions of the picture"
        ),
    ]
    rules_sha256: Annotated[str, Column(TEXT, "SHA-256 of the rules that judged last")]
    event_key: Annotated[str, Column(TEXT, "the event's object in the bucket")]
    best_standard_sha256: Annotated[
        str | None, Column(TEXT, "SHA-256 of the picture that shows it best; since 0.2", optional=True)
    ] = None
    state: Annotated[
        str | None,
        Column(
            TEXT,
            "`current`, `absorbed` (another event has its threats) or `withdrawn` (judged again, it has none); "
            "since 0.2, before that all are current",
            optional=True,
        ),
    ] = None
    absorbed: Annotated[
        list[str] | None, Column(TEXTS, "ids of events whose threats it has taken over; since 0.2", optional=True)
    ] = None
    revision: Annotated[int | None, Column(WHOLE, "grows with every change of the event; since 0.2", optional=True)] = (
        None
    )
    best_boxes: Annotated[
        list[float] | None,
        Column(
            NUMBERS,
            "x_min, y_min, x_max, y_max of each unsafe object in that picture, one object after the other; since 0.3",
            unit="fractions of the picture",
            optional=True,
        ),
    ] = None
    best_labels: Annotated[
        list[str] | None, Column(TEXTS, "the label of each of these objects; since 0.3", optional=True)
    ] = None
    best_probabilities: Annotated[
        list[float] | None,
        Column(NUMBERS, "the probability of each of these objects; since 0.3", unit="0 to 1", optional=True),
    ] = None
    unalerted: Annotated[
        str | None,
        Column(
            TEXT,
            "why the run alerted nobody about it: `too-late`, `alerts-off`, `muted`, `quiet-hours`, `cool-down`, "
            "`cap`, `no-channel`, `unknown-camera` or `not-tried`; since 0.3",
            optional=True,
        ),
    ] = None
    late_seconds: Annotated[
        float | None,
        Column(REAL, "when too late: from its end until notify looked at it; since 0.3", unit="seconds", optional=True),
    ] = None
    label: Annotated[
        str | None, Column(TEXT, "the one label that it is about; since 0.3, before that see `labels`", optional=True)
    ] = None
    area: Annotated[
        str | None, Column(TEXT, "the area that it is about; empty where its rule names none; since 0.3", optional=True)
    ] = None
    event_version: Annotated[str | None, _since_0_3("S3 version of the event's object as it was recorded")] = None
    judged_in: Annotated[str | None, _since_0_3("the run that changed it last")] = None
    judged_shard: Annotated[str | None, _since_0_3("the shard of that run")] = None
    assess_image: Annotated[str | None, _since_0_3("the assess image that changed it last, with its tag")] = None
    assess_digest: Annotated[str | None, _since_0_3("its digest, where it is known")] = None
    best_standard_version: Annotated[
        str | None, _since_0_3("S3 version of the picture that shows it best, as it was looked at")
    ] = None
    detector: Annotated[str | None, _since_0_3("tag of the detect image that saw that picture")] = None
    detector_digest: Annotated[str | None, _DETECTOR_DIGEST] = None
    model: Annotated[str | None, _since_0_3("name of its model")] = None
    model_sha256: Annotated[str | None, _since_0_3("SHA-256 of its model")] = None
    settings: Annotated[str | None, _since_0_3("fingerprint of the detector's settings")] = None


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertRow:
    """One row a delivery: the message about an event to one recipient by one channel, as the ledger has it."""

    id: Annotated[str, Column(TEXT, "stable id of the row: of an event's first delivery, the event's")]
    run: Annotated[str, Column(TEXT, "the run that recorded it")]
    event: Annotated[str, Column(TEXT, "id of the event, in `events`")]
    user: Annotated[str, Column(TEXT, "the owner")]
    device: Annotated[str, Column(TEXT, "the device")]
    camera: Annotated[str, Column(TEXT, "`<user>-<device>`")]
    rule_id: Annotated[int, Column(WHOLE, "id of the rule")]
    started_at: Annotated[datetime, Column(MOMENT, "start of the event when it was alerted", unit="UTC, milliseconds")]
    state: Annotated[str, Column(TEXT, "`sent`, `outbox` (no mail key: rendered, not sent), `failed` or `claimed`")]
    channel: Annotated[str, Column(TEXT, "how it was sent")]
    recipient: Annotated[str, Column(TEXT, "to whom; empty for a channel whose URL says so")]
    subject: Annotated[str, Column(TEXT, "subject of the message")]
    possibly_repeated: Annotated[
        bool, Column(YES_NO, "whether it may have been sent twice, after a kill while sending")
    ]
    alert_run: Annotated[str, Column(TEXT, "the run that sent it")]
    claimed_at: Annotated[datetime, Column(MOMENT, "when sending began", unit="UTC, milliseconds")]
    finished_at: Annotated[datetime | None, Column(MOMENT, "when it was done", unit="UTC, milliseconds", optional=True)]
    calls: Annotated[int, Column(WHOLE, "calls made to the channel's API", unit="calls")]
    status: Annotated[int | None, Column(WHOLE, "HTTP status of the last call's answer", optional=True)]
    message_id: Annotated[str | None, Column(TEXT, "the API's id of the message", optional=True)]
    outbox_key: Annotated[str | None, Column(TEXT, "where the message was rendered", optional=True)]
    ledger_key: Annotated[str, Column(TEXT, "the alert's line in the ledger")]
    severity: Annotated[
        str | None, Column(TEXT, "`info`, `warning` or `critical`, of the event's rule; since 0.3", optional=True)
    ] = None
    told_with: Annotated[
        str | None, Column(TEXT, "id of the event whose message told of this one as well; since 0.3", optional=True)
    ] = None
    problem: Annotated[
        str | None, Column(TEXT, "why it could not be sent, if no API said so; since 0.3", optional=True)
    ] = None
    ledger_version: Annotated[str | None, _since_0_3("S3 version of that line as it was recorded")] = None
    event_version: Annotated[
        str | None, _since_0_3("S3 version of the event's object as it was when the message was made")
    ] = None
    pictures: Annotated[
        list[str] | None, Column(TEXTS, "keys of the pictures that the message showed; since 0.3", optional=True)
    ] = None
    picture_versions: Annotated[list[str] | None, Column(TEXTS, "their S3 versions; since 0.3", optional=True)] = None
    alert_shard: Annotated[str | None, _since_0_3("the shard of the run that sent it")] = None
    notify_image: Annotated[str | None, _since_0_3("the image that sent it, with its tag")] = None
    notify_digest: Annotated[str | None, _since_0_3("its digest, where it is known")] = None
    rules_sha256: Annotated[str | None, _since_0_3("SHA-256 of the rules by which it was sent")] = None


_BY_PICTURE = ("camera", "taken_at", "id")
_BY_EVENT = ("camera", "started_at", "id")

PICTURES = Table(
    "pictures",
    PictureRow,
    _BY_PICTURE,
    "the UTC day of `taken_at`, else of the footage or its arrival",
    whole_by="trigger",
)
DETECTIONS = Table("detections", DetectionRow, _BY_PICTURE, "the UTC day of `taken_at`")
_EVENT_DAY = "the UTC day on which the event began when it was made; it stays when the event is extended"
EVENTS = Table("events", EventRow, _BY_EVENT, _EVENT_DAY, newest_by="revision")
ALERTS = Table("alerts", AlertRow, _BY_EVENT, _EVENT_DAY, newest_by="finished_at")
TABLES: tuple[Table[Any], ...] = (PICTURES, DETECTIONS, EVENTS, ALERTS)
