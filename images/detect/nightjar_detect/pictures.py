"""Reading standard pictures: fetch, verify, decode. Runs in threads, ahead of the interpreter."""

from collections.abc import Iterable
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


def decode_pictures(shape: Input, fetched: Iterable[Fetched]) -> list[Pixels | Failure]:
    """The pictures as the model wants them, or why not."""
    return [_decode(picture, data, shape) for picture, data in fetched]


def _decode(picture: Picture, data: bytes | Failure, shape: Input) -> Pixels | Failure:
    if isinstance(data, Failure):
        return data
    try:
        return model_pixels(data, shape)
    except UndecodableError as error:
        return Failure(FailureReason.UNDECODABLE, f"{picture.standard_key}: {error}")
