"""Reading standardised pictures: fetch, verify, decode. Runs in threads, ahead of the interpreter."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from nightjar.domain.detections import Picture
from nightjar.domain.reels import FEWEST_PICTURES, Reel
from nightjar.runtime.store import ObjectMissingError
from nightjar_detect.fetch import Fetch
from nightjar_detect.preprocess import Pixels, UndecodableError, model_pixels


class FailureReason(StrEnum):
    """Why a picture could not be looked at."""

    MISSING = "picture-missing"
    ALTERED = "picture-altered"
    UNDECODABLE = "picture-undecodable"


@dataclass(frozen=True)
class Failure:
    """A picture that could not be looked at; the others go on."""

    reason: FailureReason
    detail: str


@dataclass(frozen=True)
class Request:
    """Pictures that are read together: several from a reel, or one from its own object."""

    pictures: tuple[Picture, ...]
    reel: Reel | None


Fetched = tuple[Picture, bytes | Failure]


def requests(pictures: Iterable[Picture], reels: Iterable[Reel]) -> Iterator[Request]:
    """How to read `pictures`, in their order: those that follow each other in one of `reels` together."""
    all_reels = list(reels)
    numbers = {(p.standard_key, p.sha256): number for number, reel in enumerate(all_reels) for p in reel.pictures}
    for number, group in groupby(pictures, lambda p: numbers.get((p.standard_key, p.standard_sha256))):
        members = tuple(group)
        if number is None or len(members) < FEWEST_PICTURES:
            yield from (Request((each,), None) for each in members)
        else:
            yield Request(members, all_reels[number])


def fetch_pictures(fetch: Fetch, request: Request) -> list[Fetched]:
    """The pictures and the bytes that validate made, by their SHA-256, or why not.

    What a reel does not give whole is read from its own object. Raises what `fetch` raises when the store as a whole
    fails.
    """
    parts = _parts(fetch, request.reel) if request.reel else {}
    return [
        (picture, parts.get(picture.standard_key) or _fetch_picture(fetch, picture)) for picture in request.pictures
    ]


def _parts(fetch: Fetch, reel: Reel) -> dict[str, bytes]:
    """What is whole in a reel, by standard key."""
    try:
        data = fetch(reel.object.key)
    except ObjectMissingError:
        return {}
    parts = ((picture, data[place]) for picture, place in reel.places())
    return {picture.standard_key: part for picture, part in parts if _sha256(part) == picture.sha256}


def _fetch_picture(fetch: Fetch, picture: Picture) -> bytes | Failure:
    key, sha256 = picture.standard_key, picture.standard_sha256
    try:
        data = fetch(key)
    except ObjectMissingError:
        return Failure(FailureReason.MISSING, f"expected a picture at {key}, found none")
    if (came := _sha256(data)) != sha256:
        return Failure(FailureReason.ALTERED, f"expected SHA-256 {sha256} at {key}, got {came}")
    return data


def decode_pictures(fetched: Iterable[Fetched]) -> list[Pixels | Failure]:
    """The pictures at the model's size, or why not."""
    return [_decode(picture, data) for picture, data in fetched]


def _decode(picture: Picture, data: bytes | Failure) -> Pixels | Failure:
    if isinstance(data, Failure):
        return data
    try:
        return model_pixels(data)
    except UndecodableError as error:
        return Failure(FailureReason.UNDECODABLE, f"{picture.standard_key}: {error}")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
