"""Clips: the videos that footage was, in parts, as a player asks for them. Only keys of video footage are read."""

import re
from collections.abc import AsyncIterator

import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from nightjar.runtime.store import ObjectInfo, ObjectMissingError, ObjectStore, ObjectUnreadableError
from nightjar.stores.footage import footage_of
from nightjar.stores.runs import LIVE
from plugins.web.access import must_read
from plugins.web.errors import NotFound
from plugins.web.world import World

TYPES = {
    "mp4": "video/mp4",
    "m4v": "video/mp4",
    "mov": "video/quicktime",
    "mkv": "video/x-matroska",
    "webm": "video/webm",
    "avi": "video/x-msvideo",
}
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_LONGEST_KEY = 400  # characters
_PART = 1 << 20  # bytes in memory for each clip under way
_AT_ONCE = 4  # parts that are being read
_KEPT = "private, max-age=3600"
_NONE = "There is no such clip, or it was erased."


def clip_router() -> APIRouter:
    """Serves clips, whole or the range that is asked for (206; 416 for one that the clip does not have)."""
    router = APIRouter()
    limiter = CapacityLimiter(_AT_ONCE)

    @router.get("/clips/{key:path}")
    async def give(key: str, request: Request) -> Response:
        def find() -> tuple[ObjectStore, ObjectInfo]:
            return _find(request, key)

        async def part(store: ObjectStore, info: ObjectInfo, first: int, length: int) -> bytes:
            return await anyio.to_thread.run_sync(
                lambda: store.get_range(info.key, first, length, info.version_id), limiter=limiter
            )

        store, info = await anyio.to_thread.run_sync(find, limiter=limiter)
        headers = {"Accept-Ranges": "bytes", "ETag": info.etag, "Cache-Control": _KEPT}
        if request.headers.get("if-none-match") == info.etag:
            return Response(status_code=304, headers=headers)
        asked = _asked(request, info)
        if asked is None:
            return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{info.size}"})
        first, last, status = asked
        if status == 206:
            headers["Content-Range"] = f"bytes {first}-{last}/{info.size}"
        headers["Content-Length"] = str(last - first + 1)

        starts = range(first, last + 1, _PART)
        try:  # before the answer begins, since an archived one has a head and no body
            begin = await part(store, info, first, min(_PART, last + 1 - first)) if starts else b""
        except (ObjectMissingError, ObjectUnreadableError):
            raise NotFound(_NONE) from None

        async def parts() -> AsyncIterator[bytes]:
            yield begin
            for at in starts[1:]:
                yield await part(store, info, at, min(_PART, last + 1 - at))

        kind = TYPES[key.rpartition(".")[2]]
        return StreamingResponse(parts(), status, headers=headers, media_type=kind)

    return router


def span(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a Range header over an object of `size` bytes; None where it has none of them.

    Raises ValueError for what is no single range of bytes, which counts as not asked.
    """
    match = _RANGE.fullmatch(header.strip())
    if not match or match[1] == match[2] == "":
        raise ValueError(f"expected bytes=<first>-<last>, got {header!r}")
    if match[1] == "":  # the last so many bytes
        length = min(int(match[2]), size)
        return (size - length, size - 1) if length else None
    first, last = int(match[1]), min(int(match[2] or size), size - 1)
    if match[2] and int(match[2]) < first:
        raise ValueError(f"expected the last byte after the first, got {header!r}")
    return (first, last) if first < size else None


def _asked(request: Request, info: ObjectInfo) -> tuple[int, int, int] | None:
    """First byte, last byte and status; None for a range that is not there."""
    header, condition = request.headers.get("range"), request.headers.get("if-range")
    if header is None or condition not in (None, info.etag):
        return 0, info.size - 1, 200
    try:
        found = span(header, info.size)
    except ValueError:
        return 0, info.size - 1, 200
    return (*found, 206) if found else None


def _find(request: Request, key: str) -> tuple[ObjectStore, ObjectInfo]:
    must_read(request, LIVE)
    name = footage_of(key) if len(key) <= _LONGEST_KEY else None
    if name is None or not name.is_video:
        raise NotFound(_NONE)
    world: World = request.app.state.world()
    try:
        info = world.store.head(key)
    except (ObjectMissingError, ObjectUnreadableError):
        info = None
    if info is None:
        raise NotFound(_NONE)
    return world.store, info
