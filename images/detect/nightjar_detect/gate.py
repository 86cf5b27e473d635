"""The gate: which pictures the detector looks at, and the objects of those that it does not look at.

    frames ─► pieces, from one end of a span to the other ─► windows of some pieces ─► results, in the same order

A burst is pictures of one camera that follow each other shortly. It is cut into spans, and the pictures at both ends of
each span are looked at first. Where the ends agree, the pictures between get their objects by interpolation; where they
do not, the picture in the middle is looked at, and so on. A picture that shows something at a place where none of the
objects is, and neither end does, is looked at as well: somebody may come and go between the ends. A picture that is the
same as an earlier one that was looked at has the objects of that one.

Looks are asked for by window, many at once. A picture that is known from before serves like a look if it was seen.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence

from nightjar.domain.names import Camera
from nightjar.errors import TryAgainError
from nightjar.runtime.stage import StoppedError
from nightjar_detect.frames import Ask, Frame, Result, Slot, Sparing
from nightjar_detect.pieces import Piece, pieces
from nightjar_detect.spans import Span, may_carry

_WINDOW = 16  # pictures, and the rest of a piece, are held at a time


def gate(frames: Iterable[Frame], ask: Ask, sparing: Callable[[Camera], Sparing | None]) -> Iterator[Result]:
    """The result of each frame, in order; frames come by camera and time.

    `sparing` says how looks are spared at a camera; None where every picture is looked at.
    """
    keeper, until_error = _Keeper(ask), _UntilError(frames)
    window: list[Piece] = []
    held = 0
    for piece in pieces(until_error, sparing):
        window.append(piece)
        held += len(piece.slots)
        if held >= _WINDOW:
            yield from keeper.decided(window)
            window, held = [], 0
    yield from keeper.decided(window)
    if until_error.error:
        raise until_error.error


class _UntilError:
    """Frames up to the one that could not be had since the store failed: those before it are decided all the same."""

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = frames
        self.error: TryAgainError | StoppedError | None = None

    def __iter__(self) -> Iterator[Frame]:
        try:
            yield from self._frames
        except (TryAgainError, StoppedError) as error:
            self.error = error


class _Keeper:
    """Decides windows one after the other; of those before it keeps two pictures, and of these not the pixels."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._before: Slot | None = None  # the end of the last piece
        self._root: Slot | None = None  # the last end that was looked at

    def decided(self, window: Sequence[Piece]) -> Iterator[Result]:
        """Decide the pictures of a window: first the ends of the spans, then what is between them."""
        ends = [(piece, end) for piece in window if (end := piece.end)]
        self._decide_ends(ends)
        spans = list(self._spans(ends))
        while spans:
            asked: list[Slot] = []
            spans = [smaller for span in spans for smaller in span.narrowed(asked)]
            self._look(asked)
        for piece in window:
            for slot in piece.slots:
                slot.pixels = None
                yield slot.result()

    def _decide_ends(self, ends: Sequence[tuple[Piece, Slot]]) -> None:
        asked: list[Slot] = []
        carried: list[tuple[Slot, Slot]] = []
        for piece, slot in ends:
            if slot.objects is not None:
                continue
            if self._root and piece.sparing and may_carry(self._root, slot, piece.sparing):
                carried.append((slot, self._root))
            else:
                asked.append(slot)
                self._root = slot
        self._look(asked)
        for slot, root in carried:
            slot.carry(root)

    def _spans(self, ends: Sequence[tuple[Piece, Slot]]) -> Iterator[Span]:
        for piece, end in ends:
            if piece.continues and piece.sparing and self._before:
                inside = [slot for slot in piece.slots if slot is not end and not slot.is_failure]
                yield from Span(self._before, end, inside, piece.sparing).at_seen()
            self._before = end

    def _look(self, asked: Sequence[Slot]) -> None:
        pixels = [slot.pixels for slot in asked if slot.pixels is not None]
        for slot, objects in zip(asked, self._ask(pixels) if pixels else (), strict=True):
            slot.see(objects)
