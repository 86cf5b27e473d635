"""NanoDet, and what else learns each side of a box as a distribution (Generalised Focal Loss)."""

from functools import partial
from typing import Annotated, ClassVar, Literal

import numpy as np
from pydantic import Field

from nightjar_detect.decoders.interface import Candidates, Decode, DecoderKind, Floats, Outputs

Stride = Annotated[int, Field(ge=1, le=1024)]


class NanoDet(DecoderKind):
    """Scores [N, C] in 0..1; distances [N, 4 * bins] as logits of how far left, top, right, bottom lie of the centre.

    The distance of a side is the mean of its distribution over 0, 1, … bins - 1, in units of the layer's stride. N
    counts the cells of all layers, in the order of `strides`, in each by rows; the centre of cell i is at
    (i + `centre`) strides.
    """

    roles: ClassVar[tuple[str, ...]] = ("scores", "distances")
    method: ClassVar[str] = "nanodet-1"

    kind: Literal["nanodet"]
    strides: tuple[Stride, ...] = Field(min_length=1)
    bins: Annotated[int, Field(ge=2, le=256)]
    centre: Annotated[float, Field(ge=0, le=1)] = 0.5

    def decoder(self, height: int, width: int) -> Decode:
        cells = [_cells(height, width, stride, self.centre) for stride in self.strides]
        return partial(decode, cells=np.concatenate(cells), bins=self.bins, size_hw=(height, width))


def _cells(height: int, width: int, stride: int, centre: float) -> Floats:
    """[rows * columns, 3] as y and x of the centre, in pixels, and the stride."""
    rows, columns = (stride * (np.arange(-(-side // stride)) + centre) for side in (height, width))
    centres = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    return np.concatenate([centres, np.full((len(centres), 1), stride)], axis=1).astype(np.float32)


def decode(outputs: Outputs, cells: Floats, bins: int, size_hw: tuple[int, int]) -> Candidates:
    """`cells` is [N, 3] as y and x of the centre, and stride, in pixels; raises ValueError for another N."""
    scores, distances = outputs["scores"], outputs["distances"]
    if scores.ndim != 2 or len(scores) != len(cells) or distances.shape != (len(cells), 4 * bins):
        raise ValueError(
            f"expected scores [{len(cells)}, C] and distances [{len(cells)}, {4 * bins}], as there are cells, "
            f"got {list(scores.shape)} and {list(distances.shape)}"
        )
    logits = distances.reshape(-1, 4, bins)
    weights = np.exp(logits - logits.max(axis=2, keepdims=True))
    means = weights @ np.arange(bins, dtype=np.float32) / weights.sum(axis=2)
    left_top, right_bottom = np.split(means * cells[:, 2:], 2, axis=1)
    centres = cells[:, :2]
    corners = np.concatenate([centres - left_top[:, ::-1], centres + right_bottom[:, ::-1]], axis=1)
    return scores, (corners / np.array([*size_hw, *size_hw])).astype(np.float32)
