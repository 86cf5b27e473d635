"""Settings of the collect stage."""

from typing import Annotated

from pydantic import Field

from nightjar.runtime.settings import Settings


class CollectSettings(Settings):
    """How much one batch takes at the most, and how many objects are moved at once."""

    batch_objects: Annotated[int, Field(ge=1, le=100_000, description="objects")] = 5000
    batch_bytes: Annotated[int, Field(ge=1, description="bytes; one larger object still is a batch")] = 20 << 30
    max_object_bytes: Annotated[int, Field(ge=1, description="bytes of what is read; more is refused unread")] = 4 << 30
    transfers: Annotated[int, Field(ge=1, le=64, description="objects moved at once")] = 8
