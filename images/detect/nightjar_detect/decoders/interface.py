"""A kind of decoder: from the outputs of a network to scores and boxes. The model card says which kind, and how."""

from collections.abc import Callable, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

Floats = NDArray[np.float32]

# The outputs of the network for one picture by their role in decoding, without the batch dimension.
Outputs = Mapping[str, Floats]

# Scores [N, C] in 0..1 and boxes [N, 4] as y_min, x_min, y_max, x_max in fractions of the picture, which may reach
# outside; before the threshold and suppression. N is the number of candidates, C of the channels.
Candidates = tuple[Floats, Floats]

Decode = Callable[[Outputs], Candidates]


class Strict(BaseModel):
    """A part of the card that decides results: a key that is not known would be ignored, so it is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DecoderKind(Strict):
    """The parameters of one kind of decoder, as they stand in a card under `decoder`.

    `outputs` says which of the network's outputs has which role: by the tensor's name in a LiteRT file, or by its
    position among the outputs, from 0. In a SavedModel the names in the signature are the roles. Without it (as in
    cards of schema 1) the roles are found by shape, where the kind can do that.
    """

    roles: ClassVar[tuple[str, ...]]  # the outputs that `decode` needs
    method: ClassVar[str]  # changes whenever code of the kind changes results; part of the detector's id

    outputs: dict[str, str | int] = {}

    def decoder(self, height: int, width: int) -> Decode:
        """The function for pictures that the network gets at this size in pixels; pure, and called by one thread.

        It raises ValueError, with what was expected and what came, if the outputs do not fit the parameters.
        """
        raise NotImplementedError
