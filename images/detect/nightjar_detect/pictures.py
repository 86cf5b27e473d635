"""Reading standard pictures: fetch, verify, decode. Runs in threads, ahead of the interpreter."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from nightjar.domain.detections import ListedPicture, Picture
from nightjar.stores.standard import (
    PictureAlteredError,
    PictureMissingError,
    PictureUnreadableError,
    StandardPictures,
)
from nightjar_detect.model import Input
from nightjar_detect.preprocess import Pixels, UndecodableError, model_pixels
from nightjar_detect.sameness import Blocks, blocks_of


class FailureReason(StrEnum):
    """Why a picture could not be looked at."""

    MISSING = "picture-missing"
    ALTERED = "picture-altered"
    UNDECODABLE = "picture-undecodable"
    UNREADABLE = "picture-unreadable"  # behind it, after a colon, is the code of S3


@dataclass(frozen=True)
class Failure:
    """A picture that could not be looked at; the others go on."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture that can be looked at: the detector's input, and its blocks where looks are spared."""

    pixels: Pixels
    blocks: Blocks | None = None


Fetched = tuple[Picture, bytes | Failure]


def fetch_picture(pictures: StandardPictures, picture: ListedPicture) -> Fetched:
    """The picture and the bytes that validate made, by their SHA-256, or why not.

    Raises the errors of the store when it fails as a whole.
    """
    try:
        return picture, pictures.read(picture, picture.standard_version)
    except PictureMissingError as error:
        return picture, Failure(FailureReason.MISSING, str(error))
    except PictureUnreadableError as error:
        return picture, Failure(f"{FailureReason.UNREADABLE}:{error.code}", str(error))
    except PictureAlteredError as error:
        return picture, Failure(FailureReason.ALTERED, str(error))


def decode_pictures(
    shape: Input, is_spared: Callable[[Picture], bool], fetched: Iterable[Fetched]
) -> list[Shot | Failure]:
    """The pictures as the model wants them, or why not; with blocks where `is_spared` says so."""
    return [_decode(picture, data, shape, is_spared(picture)) for picture, data in fetched]


def _decode(picture: Picture, data: bytes | Failure, shape: Input, with_blocks: bool) -> Shot | Failure:
    if isinstance(data, Failure):
        return data
    try:
        pixels = model_pixels(data, shape)
    except UndecodableError as error:
        return Failure(FailureReason.UNDECODABLE, f"{picture.standard_key}: {error}")
    return Shot(pixels, blocks_of(pixels) if with_blocks else None)
