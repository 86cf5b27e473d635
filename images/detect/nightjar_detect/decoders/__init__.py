"""The kinds of decoders. A model of a known kind is a card and a file; a new kind is a module here and its line."""

from typing import Annotated

from pydantic import Field

from nightjar_detect.decoders.nanodet import NanoDet
from nightjar_detect.decoders.ssd_anchors import SsdAnchors
from nightjar_detect.decoders.ssd_decoded import SsdDecoded

Decoder = Annotated[NanoDet | SsdAnchors | SsdDecoded, Field(discriminator="kind")]
