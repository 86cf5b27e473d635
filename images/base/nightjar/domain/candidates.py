"""A candidate detector at work: which runs it has covered, and the pictures that it is to look at, cut into shards."""

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from nightjar.domain.detections import ListedPicture
from nightjar.domain.model import Part, Stored
from nightjar.domain.names import Camera

MOST_FAILED = 20  # shards that a candidate did not get done, which its record keeps


class CandidateRecord(Stored):
    """`comparisons/candidates/<tag>/candidate.json`: since when a candidate is tried, and where its comparison is.

    `comparison` is empty until something was compared. `failed` are the last shards that it did not get done.
    """

    tag: str
    since: datetime
    comparison: str = ""
    failed: tuple[str, ...] = ()


class Covered(Stored):
    """`comparisons/candidates/<tag>/covered/<dag>/<run>.json`: a run whose pictures the candidate was given.

    `account` is the version of the run's account, so that a run which was cleared since counts as new; `by` is the
    candidate's run.
    """

    account: str
    by: str


class CameraDays(Part):
    """A camera, and the UTC days on which it took pictures that are compared."""

    user: str
    device: str
    days: tuple[date, ...]


class Gathered(Stored):
    """`gathered.json` of a candidate's run: whose days are to be compared, and the shards that the candidate works on.

    `deployed` is the id of the deployed detector, `runs` are the runs that the pictures are from.
    """

    tag: str
    deployed: str
    cameras: tuple[CameraDays, ...] = ()
    shards: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PictureShard:
    """The pictures that one task of a candidate looks at; `name` is safe in keys and unique in the run."""

    name: str
    pictures: tuple[ListedPicture, ...]


def cut(pictures: Iterable[ListedPicture], most_shards: int, most_pictures: int) -> list[PictureShard]:
    """Cut pictures into at most `most_shards` shards, the same for the same pictures.

    A camera a shard; one with more than `most_pictures` is split by time into as many of the spare shards as it needs.
    With more cameras, whole cameras are put together, since the parts of one would write one file. Raises ValueError
    for bounds below 1.
    """
    if most_shards < 1 or most_pictures < 1:
        raise ValueError(f"expected bounds of at least 1, got {most_shards} shards of {most_pictures} pictures")
    newest = {(each.camera, each.taken_at, each.standard_key): each for each in pictures}
    ordered = (newest[key] for key in sorted(newest))
    cameras = {camera: list(members) for camera, members in groupby(ordered, key=lambda each: each.camera)}
    if len(cameras) > most_shards:
        return _packed(cameras, most_shards)
    spare, shards = most_shards - len(cameras), list[PictureShard]()
    for camera, members in cameras.items():
        parts = min(-(-len(members) // most_pictures), spare + 1)
        spare -= parts - 1
        bounds = [len(members) * n // parts for n in range(parts + 1)]
        names = [camera.name] if parts == 1 else [f"{camera.name}.{n}" for n in range(1, parts + 1)]
        shards += [
            PictureShard(name, tuple(members[first:last]))
            for name, first, last in zip(names, bounds, bounds[1:], strict=False)
        ]
    return shards


def _packed(cameras: Mapping[Camera, Sequence[ListedPicture]], shards: int) -> list[PictureShard]:
    bins: list[tuple[int, int, list[Camera]]] = [(0, n, []) for n in range(shards)]
    for camera in sorted(cameras, key=lambda each: (-len(cameras[each]), each)):
        load, n, members = heapq.heappop(bins)
        members.append(camera)
        heapq.heappush(bins, (load + len(cameras[camera]), n, members))
    return [
        PictureShard(f"pack-{n + 1:04d}", tuple(p for camera in sorted(members) for p in cameras[camera]))
        for _, n, members in sorted(bins, key=lambda each: each[1])
    ]
