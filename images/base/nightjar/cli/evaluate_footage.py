"""Footage from the disk as standard pictures, so that a detector sees what it would see of a camera's footage."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from nightjar.domain.evaluation.labels import Labels, frame_name, picture_name, same_pictures
from nightjar.errors import InputError, UsageError
from nightjar.settings.validate import ValidateSettings

if TYPE_CHECKING:
    from PIL.Image import Image

log = logging.getLogger(__name__)

_PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".ppm"}
_VIDEOS = {".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"}


@contextmanager
def standard_pictures(footage: Path, labels: Labels) -> Iterator[tuple[Path, dict[str, tuple[int, int]]]]:
    """A folder with the labelled pictures of `footage`: upright RGB, as large and as compressed as by validate.

    Beside it, by name, the width and height that each had before it was made smaller.

    A video's frames are pictures in a folder called like the video, `000001` the first; where the footage is the video,
    in none. What cannot be read is told and left out. Raises InputError when nothing is left, and where two pictures
    have the name of one.
    """
    with TemporaryDirectory(prefix="nightjar-evaluate-") as folder:
        sizes: dict[str, tuple[int, int]] = {}
        for name, image in _images(footage, labels):
            sizes[name] = image.size
            _save(image, Path(folder) / f"{name}.jpg")
        if not sizes:
            example = next(iter(labels.pictures), "none")
            raise InputError(f"expected labelled pictures, such as {example!r}, in {str(footage)!r}, got none")
        yield Path(folder), sizes


def _images(footage: Path, labels: Labels) -> Iterator[tuple[str, "Image"]]:
    root = footage if footage.is_dir() else footage.parent
    files = sorted(footage.rglob("*")) if footage.is_dir() else [footage]
    pictures: dict[str, list[Path]] = {}
    for path in files:
        if _is(path, _PICTURES):
            pictures.setdefault(picture_name(path.relative_to(root).as_posix()), []).append(path)
    for name in sorted(set(same_pictures(labels.pictures, pictures).values())):
        if len(pictures[name]) > 1:
            came = " and ".join(repr(str(path)) for path in pictures[name])
            raise InputError(f"expected one picture called {name!r}, whatever its extension, got {came}")
        if image := _opened(pictures[name][0]):
            yield name, image
    videos: dict[str, Path] = {}
    for path in files:
        if _is(path, _VIDEOS):
            prefix = "" if path == footage else f"{picture_name(path.relative_to(root).as_posix())}/"
            if (other := videos.setdefault(prefix, path)) != path:
                came = f"{str(other)!r} and {str(path)!r}"
                raise InputError(f"expected one video called {prefix[:-1]!r}, whatever its extension, got {came}")
    for prefix, path in videos.items():
        yield from _frames(path, prefix, labels)
    if not pictures and not videos:
        kinds = " ".join(sorted(_PICTURES | _VIDEOS))
        raise UsageError(f"expected pictures or videos at {str(footage)!r} ({kinds}), got none")


def _is(path: Path, kinds: set[str]) -> bool:
    return path.suffix.lower() in kinds and path.is_file()


def _opened(path: Path) -> "Image | None":
    """The picture at `path`, upright; None, and a warning, when it is none."""
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError as error:
        raise UsageError(f"pictures need Pillow, which this installation lacks: {error}") from None
    try:
        with Image.open(path) as image:
            return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:  # Pillow's for damaged files
        log.warning("not looked at: %s: %s", path, error)
        return None


def _frames(path: Path, prefix: str, labels: Labels) -> Iterator[tuple[str, "Image"]]:
    """The labelled frames of a video, as far as it can be decoded."""
    try:
        import av
    except ModuleNotFoundError as error:
        hint = "ffmpeg -i VIDEO FOLDER/%06d.jpg makes pictures of it"
        raise UsageError(f"videos need PyAV, which this installation lacks: {error}; {hint}") from None
    alike: dict[int, list[str]] = {}
    for labelled in labels.pictures:
        if (last := labelled.rpartition("/")[2]).isascii() and last.isdigit():
            alike.setdefault(int(last), []).append(labelled)
    try:
        with av.open(str(path)) as video:
            decoded: Iterator[Any] = video.decode(video=0)  # to_image, which needs no numpy, is not typed
            for number, frame in enumerate(decoded, 1):
                name = f"{prefix}{frame_name(number)}"
                if same_pictures(alike.get(number, ()), [name]):
                    yield name, frame.to_image()
    except (av.FFmpegError, IndexError) as error:
        log.warning("not looked at any further: %s: %s", path, error)


def _save(image: "Image", path: Path) -> None:
    settings = ValidateSettings()
    image.thumbnail((settings.long_side, settings.long_side))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, "JPEG", quality=settings.jpeg_quality, subsampling="4:2:0")
