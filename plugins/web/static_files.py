"""Scripts, styles and images that ship with the pages: known when the app is made, so that no path leads elsewhere."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, Request, Response

from plugins.web.errors import NotFound
from plugins.web.pages import PageFolder

_WEB = Path(__file__).parent / "static"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
_FOR_GOOD = "private, max-age=31536000, immutable"  # an address with the digest of what it gives


@dataclass(frozen=True)
class StaticFile:
    """A file, and the digest of its content."""

    path: Path
    digest: str

    @property
    def content_type(self) -> str:
        """By the extension."""
        return _TYPES[self.path.suffix]


def static_files(pages: Sequence[PageFolder]) -> dict[str, StaticFile]:
    """All of them by their path below `/static/`: the shared ones as `web/…`, a page's as `<name>/…`."""
    folders = {"web": _WEB, **{each.page.name: each.folder / "static" for each in pages}}
    return {
        f"{name}/{path.relative_to(folder).as_posix()}": StaticFile(path, _digest(path))
        for name, folder in folders.items()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix in _TYPES
    }


def static_router(files: dict[str, StaticFile]) -> APIRouter:
    """Serves `files`."""
    router = APIRouter()

    @router.get("/static/{path:path}")
    def give(path: str, request: Request, v: str = "") -> Response:
        file = files.get(path)
        if file is None:
            raise NotFound("There is no such file.")
        etag = f'"{file.digest}"'
        headers = {"ETag": etag, "Cache-Control": _FOR_GOOD if v == file.digest else "private, no-cache"}
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        return Response(file.path.read_bytes(), media_type=file.content_type, headers=headers)

    return router


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
