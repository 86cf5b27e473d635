"""Where the spans of bursts begin and end: that follows from the times of the pictures alone, known or not."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from nightjar.domain.detections import Picture
from nightjar.domain.names import Camera
from nightjar_detect.frames import Frame, Slot, Sparing

MOST_PICTURES = 16  # from one end of a span to the other, both counted


@dataclass(slots=True)
class Piece:
    """Pictures from behind one end of a span up to its other end, which is the last one that is no failure.

    `continues`: the end of the piece before is the other end. If not, the piece has one picture, the first of a burst,
    besides failures. `sparing` is None where every picture is looked at: each is a piece then.
    """

    sparing: Sparing | None
    continues: bool = False
    slots: list[Slot] = field(default_factory=list)

    @property
    def end(self) -> Slot | None:
        """The last picture; None where all are failures."""
        return next((slot for slot in reversed(self.slots) if not slot.is_failure), None)


def pieces(frames: Iterable[Frame], sparing: Callable[[Camera], Sparing | None]) -> Iterator[Piece]:
    """Cut frames, which come by camera and time, into pieces; `sparing` says how looks are spared at a camera.

    A span reaches as far as pictures are near to its start, however many that are up to MOST_PICTURES.
    """
    piece, start, last = Piece(None), None, None  # `start` of the span, and `last` picture so far
    for frame in frames:
        slot, picture = Slot.of(frame), frame.picture
        if not slot.is_failure:
            if last is None:
                piece.sparing = sparing(picture.camera)
            elif not _goes_on(piece, start, picture):
                continues = _is_near(last, picture, piece.sparing)
                yield piece
                start = last if continues else None
                rules = piece.sparing if _same_camera(last, picture) else sparing(picture.camera)
                piece = Piece(rules, continues)
            last = picture
        piece.slots.append(slot)
    if piece.slots:
        yield piece


def _goes_on(piece: Piece, start: Picture | None, picture: Picture) -> bool:
    """Whether `picture` belongs to the same piece."""
    is_short = len(piece.slots) < MOST_PICTURES - 1
    return start is not None and is_short and _is_near(start, picture, piece.sparing)


def _is_near(one: Picture, other: Picture, sparing: Sparing | None) -> bool:
    if sparing is None or (other.taken_at - one.taken_at).total_seconds() > sparing.seconds:
        return False
    return _same_camera(one, other) and one.taken_at.date() == other.taken_at.date()


def _same_camera(one: Picture, other: Picture) -> bool:
    return one.device == other.device and one.user == other.user
