"""One minute of a camera as it is stored: its threats, and all that judging its other pictures has to remember."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field, field_serializer

from nightjar.domain.areas import Box
from nightjar.domain.detections import DetectedObject
from nightjar.domain.events import EventRef, Threat, ThreatPicture
from nightjar.domain.model import Part, Stored, iso_utc
from nightjar.domain.rules import Safe
from nightjar.domain.topics import Topic


def _is_empty(value: Any) -> bool:
    return not value


class StoredLook(Part):
    """The boxes of one picture by label, of labels that can be static: see `static.py`."""

    taken_at: datetime
    boxes: dict[str, tuple[Box, ...]]

    @field_serializer("taken_at")
    def _taken_at(self, moment: datetime) -> str:
        return iso_utc(moment)


class Held(Part):
    """Objects of a topic in one picture that a rule calls unsafe, and why they are no threat all the same.

    The reason is `static` or `too-few-pictures`; other pictures of the camera may take it away. `event` is the event
    that they were in before, if they were in one: whoever was told of it need not be told again.
    """

    rule_id: int
    label: str
    area: str = ""
    reason: Annotated[Safe | str, Field(union_mode="left_to_right")]
    shown: ThreatPicture
    event: Annotated[EventRef | None, Field(exclude_if=_is_empty)] = None

    @classmethod
    def of(cls, topic: Topic, reason: Safe, shown: ThreatPicture, event: EventRef | None) -> "Held":
        """Objects of `topic` that are held for `reason`, and were in `event` before."""
        return cls(rule_id=topic.rule_id, label=topic.label, area=topic.area, reason=reason, shown=shown, event=event)

    @property
    def topic(self) -> Topic:
        """The topic that they would be of."""
        return Topic(self.rule_id, self.label, self.area)

    @property
    def taken_at(self) -> datetime:
        """When the picture was taken."""
        return self.shown.picture.taken_at


class ThreatMinute(Stored):
    """All that is known of one camera in the UTC minute that begins at `minute`: threats by time and topic.

    `looks` are only kept where objects can be static, `held` only where a rule or the camera asks for memory. The
    `revision` grows with every change, so that no two states of the object are ever taken for the same.
    """

    user: str
    device: str
    minute: datetime
    revision: int = 0
    threats: tuple[Threat, ...] = ()
    looks: Annotated[tuple[StoredLook, ...], Field(exclude_if=_is_empty)] = ()
    held: Annotated[tuple[Held, ...], Field(exclude_if=_is_empty)] = ()


def joined(parts: list[ThreatPicture]) -> ThreatPicture:
    """Objects of one topic in one picture, put together again, each once, most probable first; at least one part."""
    objects: dict[DetectedObject, None] = dict.fromkeys(one for part in parts for one in part.objects)
    ordered = tuple(sorted(objects, key=lambda o: (-o.probability, o.label, o.box)))
    return parts[0].model_copy(update={"objects": ordered})
