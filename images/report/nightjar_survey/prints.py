"""The coarse print of a picture, by which a picture that stands still is told from one with a little noise in it."""

import io
import logging
from datetime import timedelta

from PIL import Image

from nightjar.domain.detections import Picture
from nightjar.domain.health import Health, Print, printed
from nightjar.runtime.store import ObjectStore
from nightjar.stores.standard import PictureError, StandardPictures

log = logging.getLogger(__name__)

_GRID_WH = (8, 8)
_EVERY = timedelta(hours=1)


def with_print(store: ObjectStore, health: Health, newest: Picture | None) -> Health:
    """The health with a print of the picture `newest`, if the last print is an hour older: one picture is read."""
    if newest is None or (health.prints and newest.taken_at - health.prints[-1].taken_at < _EVERY):
        return health
    try:
        return printed(health, Print(taken_at=newest.taken_at, tiles=tiles(StandardPictures(store).read(newest))))
    except (PictureError, OSError) as error:  # erased meanwhile, or damaged: the next one will do
        log.warning("no print of %s: %s", newest.standard_key, error)
        return health


def tiles(jpeg: bytes) -> str:
    """The mean grey of each tile of an 8 x 8 grid, row by row, two hexadecimal digits each."""
    with Image.open(io.BytesIO(jpeg)) as picture:
        picture.draft("L", (_GRID_WH[0] * 16, _GRID_WH[1] * 16))  # decodes to a small grey picture at once
        return picture.convert("L").resize(_GRID_WH, Image.Resampling.BOX).tobytes().hex()
