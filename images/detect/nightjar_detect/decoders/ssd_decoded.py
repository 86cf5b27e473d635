"""SSD whose graph decodes its boxes by itself."""

from typing import ClassVar, Literal

from nightjar_detect.decoders.interface import Candidates, Decode, DecoderKind, Outputs


class SsdDecoded(DecoderKind):
    """Scores [N, C] in 0..1; boxes [N, 4] or [N, 1, 4] in fractions, as y_min, x_min, y_max, x_max."""

    roles: ClassVar[tuple[str, ...]] = ("scores", "boxes")
    method: ClassVar[str] = "ssd-decoded-1"

    kind: Literal["ssd-decoded"]

    def decoder(self, height: int, width: int) -> Decode:
        return decode


def decode(outputs: Outputs) -> Candidates:
    """The outputs as they are; raises ValueError where the two do not fit each other."""
    scores, boxes = outputs["scores"], outputs["boxes"]
    if scores.ndim != 2 or boxes.size != 4 * len(scores):
        raise ValueError(f"expected scores [N, C] and boxes [N, 4], got {list(scores.shape)} and {list(boxes.shape)}")
    return scores, boxes.reshape(-1, 4)
