"""SSD whose graph gives box encodings, which are relative to anchors that the card describes."""

from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nightjar_detect.decoders.interface import Candidates, Decode, DecoderKind, Floats, Outputs, Strict

Cells = Annotated[int, Field(ge=1, le=1000)]
Pixels = Annotated[float, Field(gt=0, le=100_000)]
Variance = Annotated[float, Field(gt=0)]


class AnchorLayer(Strict):
    """The anchors of one feature map, in pixels of the input: in each cell, by rows, one of each size.

    The centre of row i is at `first_yx[0] + i * stride_yx[0]`, columns likewise.
    """

    grid_hw: tuple[Cells, Cells]
    stride_yx: tuple[Pixels, Pixels]
    first_yx: tuple[float, float]
    sizes_hw: tuple[tuple[Pixels, Pixels], ...] = Field(min_length=1)

    def anchors(self) -> NDArray[np.float64]:
        """[rows * columns * sizes, 4] as y and x of the centre, height and width, in pixels."""
        rows, columns = (
            first + stride * np.arange(cells)
            for cells, stride, first in zip(self.grid_hw, self.stride_yx, self.first_yx, strict=True)
        )
        shape = (*self.grid_hw, len(self.sizes_hw), 2)
        centres = np.broadcast_to(np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1)[:, :, None], shape)
        sizes = np.broadcast_to(np.array(self.sizes_hw), shape)
        return np.concatenate([centres, sizes], axis=-1).reshape(-1, 4)


class SsdAnchors(DecoderKind):
    """Scores [N, C] in 0..1; encodings [N, 4] as offsets of the centre (y, x) and logarithms of height and width.

    Offsets are divided by `variances` (y, x, height, width), and are in units of the anchor's height and width. N is
    the number of anchors, in the order of `layers`.
    """

    roles: ClassVar[tuple[str, ...]] = ("scores", "encodings")
    method: ClassVar[str] = "ssd-anchors-1"

    kind: Literal["ssd-anchors"]
    variances: tuple[Variance, Variance, Variance, Variance]
    layers: tuple[AnchorLayer, ...] = Field(min_length=1)

    def decoder(self, height: int, width: int) -> Decode:
        pixels = np.concatenate([layer.anchors() for layer in self.layers])
        anchors = (pixels / np.array([height, width, height, width])).astype(np.float32)
        return partial(decode, anchors=anchors, variances=np.array(self.variances, np.float32))


# A box cannot grow by more than this, so that damaged weights give large boxes rather than warnings of overflow.
_MOST_LOG_SIZE = np.float32(10)


def decode(outputs: Outputs, anchors: Floats, variances: Floats) -> Candidates:
    """`anchors` is [N, 4] as y and x of the centre, height and width in fractions; raises ValueError for another N."""
    scores, encodings = outputs["scores"], outputs["encodings"]
    if scores.ndim != 2 or len(scores) != len(anchors) or encodings.size != anchors.size:
        raise ValueError(
            f"expected scores [{len(anchors)}, C] and encodings [{len(anchors)}, 4], as there are anchors, "
            f"got {list(scores.shape)} and {list(encodings.shape)}"
        )
    offsets = encodings.reshape(-1, 4) / variances
    centres = anchors[:, :2] + offsets[:, :2] * anchors[:, 2:]
    halves = anchors[:, 2:] * np.exp(np.minimum(offsets[:, 2:], _MOST_LOG_SIZE)) / 2
    return scores, np.concatenate([centres - halves, centres + halves], axis=1)
