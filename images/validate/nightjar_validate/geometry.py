"""How a frame is to be shown: turned or mirrored by its display matrix, with the shape of its pixels."""

import struct
from fractions import Fraction
from typing import Any

import av
from av.sidedata.sidedata import Type

_MATRIX = struct.Struct("=9i")  # as FFmpeg has it: a b u c d v x y w, of which a to d turn
_ODDEST = 8  # a pixel more oblong than this is a mistake of the file's

# EXIF's orientation by whether x and y change places, x is reversed, and y is reversed, in this order.
_ORIENTATION = {
    (False, False, False): 1,
    (False, True, False): 2,
    (False, True, True): 3,
    (False, False, True): 4,
    (True, False, False): 5,
    (True, True, False): 6,
    (True, True, True): 7,
    (True, False, True): 8,
}


def orientation_of(frame: av.VideoFrame) -> int:
    """EXIF's orientation, 1 to 8, for how `frame` is to be shown."""
    try:
        notes: Any = frame.side_data  # PyAV's stub knows motion vectors alone; the object has notes of every Type
        matrix = notes[Type.DISPLAYMATRIX]
    except KeyError:
        return 1
    except ValueError:  # PyAV does not know some other note on the frame
        return {0: 1, 90: 8, 180: 3, -180: 3, -90: 6}.get(frame.rotation, 1)
    return orientation(bytes(matrix))


def orientation(matrix: bytes) -> int:
    """EXIF's orientation, 1 to 8, for a display matrix: the nearest of them; 1 where there is no usable matrix."""
    if len(matrix) < _MATRIX.size:
        return 1
    a, b, _, c, d, *_ = _MATRIX.unpack(matrix[: _MATRIX.size])
    # Shown at (a x + c y, b x + d y).
    swapped = abs(b) + abs(c) > abs(a) + abs(d)
    across, down = (c, b) if swapped else (a, d)
    return _ORIENTATION[swapped, across < 0, down < 0]


def shown_size(width: int, height: int, pixel: Fraction | None) -> tuple[int, int]:
    """The size with square pixels; `pixel` is the width of a pixel by its height. No side becomes shorter."""
    if not pixel or not Fraction(1, _ODDEST) <= pixel <= _ODDEST:
        return width, height
    if pixel >= 1:
        return round(width * pixel), height
    return width, round(height / pixel)
