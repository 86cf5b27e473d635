"""Pictures, as small as they are shown: `/pictures/<key>?w=320`. Only keys of pictures that pages may show are read."""

import io
import logging
from functools import partial

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Request, Response
from PIL import Image, UnidentifiedImageError

from nightjar.runtime.annotate import encoded, within
from nightjar.runtime.store import ObjectMissingError, ObjectStore, ObjectUnreadableError
from nightjar.stores.runs import LIVE
from nightjar.stores.standard import is_standard_key
from plugins.web.access import must_read
from plugins.web.rendering import refuse
from plugins.web.world import World

log = logging.getLogger(__name__)

WIDTHS = (160, 320, 640, 1280)  # pixels

_LONGEST_KEY = 400  # characters; ours have at most 180
_AT_ONCE = 4  # pictures in memory; the others wait without a thread
_KEPT = "private, max-age=3600"
_MOST_PIXELS = 50_000_000  # of a picture that is decoded; validate lets none through that has more
_PLACEHOLDER = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="360" viewBox="0 0 320 180" role="img">'
    b'<rect width="320" height="180" fill="#8883"/>'
    b'<text x="160" y="96" font-family="system-ui, sans-serif" font-size="16" text-anchor="middle" fill="#888">'
    b"no picture</text></svg>"
)


def picture_router() -> APIRouter:
    """Serves pictures; `w` is one of WIDTHS. A picture that is not there is an SVG that says so, with status 404."""
    router = APIRouter()
    limiter = CapacityLimiter(_AT_ONCE)

    @router.get("/pictures/{key:path}")
    async def give(key: str, request: Request, w: str = "640") -> Response:
        return await anyio.to_thread.run_sync(partial(_answer, request, key, w), limiter=limiter)

    return router


def _answer(request: Request, key: str, w: str) -> Response:
    must_read(request, LIVE)  # the DAG whose pictures they are
    if w not in map(str, WIDTHS):
        refuse(f"w to be one of {', '.join(map(str, WIDTHS))}", w)
    if len(key) > _LONGEST_KEY or not is_standard_key(key):
        return _none()
    world: World = request.app.state.world()
    try:
        return _picture(world.store, key, int(w), request.headers.get("if-none-match"))
    except (ObjectMissingError, ObjectUnreadableError):
        return _none()
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError, ValueError) as error:
        log.warning("expected a picture at %r: %s", key, type(error).__name__)
        return _none()


def _picture(store: ObjectStore, key: str, width: int, known: str | None) -> Response:
    if known is not None:
        info = store.head(key)
        if info is not None and known == _etag(info.etag, width):
            return Response(status_code=304, headers={"ETag": known, "Cache-Control": _KEPT})
    data, info = store.get(key)
    headers = {"ETag": _etag(info.etag, width), "Cache-Control": _KEPT}
    return Response(smaller(data, width), media_type="image/jpeg", headers=headers)


def smaller(data: bytes, width: int) -> bytes:
    """The JPEG `data`, no wider than `width`. Raises what Pillow raises, and ValueError for too many pixels."""
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as opened:
        if opened.width * opened.height > _MOST_PIXELS:
            raise ValueError(f"expected at most {_MOST_PIXELS} pixels, got {opened.width} x {opened.height}")
        height = opened.height
        if opened.width <= width:
            return data
    return encoded(within(data, (width, height)))


def _etag(etag: str, width: int) -> str:
    return f'"{etag.strip(chr(34))}-{width}"'


def _none() -> Response:
    return Response(_PLACEHOLDER, 404, media_type="image/svg+xml", headers={"Cache-Control": "private, no-cache"})
