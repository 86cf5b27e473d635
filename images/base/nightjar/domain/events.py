"""Events: threats of one camera and rule that follow each other within the event gap."""

from datetime import datetime
from typing import Self

from pydantic import field_serializer

from nightjar.domain.detections import DetectedObject, DetectorRef, Picture
from nightjar.domain.model import Record, iso_utc
from nightjar.domain.names import Camera


class ThreatPicture(Record):
    """One picture of an event with what the rule calls unsafe in it, most probable first."""

    picture: Picture
    detector: DetectorRef
    objects: tuple[DetectedObject, ...]

    @property
    def probability(self) -> float:
        """That of the most probable unsafe object."""
        return max(o.probability for o in self.objects)


class Event(Record):
    """`events/YYYY/MM/DD/<user>-<device>/<event id>.json`: `id` stays when the event is extended. Pictures by time."""

    id: str
    user: str
    device: str
    site: str | None
    rule_id: int
    rule_name: str
    started_at: datetime
    ended_at: datetime
    labels: dict[str, float]  # each unsafe label seen, with its highest probability
    pictures: tuple[ThreatPicture, ...]
    rules_sha256: str  # of the rules that judged last

    @property
    def camera(self) -> Camera:
        """Whose it is."""
        return Camera(self.user, self.device)

    @property
    def best(self) -> ThreatPicture:
        """The picture to show: the most probable, the earliest of equals."""
        return max(self.pictures, key=lambda p: (p.probability, -p.picture.taken_at.timestamp()))

    @field_serializer("started_at", "ended_at")
    def _moments(self, moment: datetime) -> str:
        return iso_utc(moment)

    def model_post_init(self: Self, _context: object) -> None:
        """Refuse an event without pictures: it would be nothing to alert about."""
        if not self.pictures:
            raise ValueError("expected at least one picture in an event, got none")
