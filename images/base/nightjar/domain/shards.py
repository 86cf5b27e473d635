"""How a batch is cut into shards: one camera each, packed or split only when that balances the work."""

import heapq
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from nightjar.domain.batch import Footage
from nightjar.domain.names import Camera

# A still costs 1. A video's frames are not known before it is decoded; at one frame a second and the bit rates of
# cameras, a frame goes with about this many bytes.
_VIDEO_BYTES_PER_PICTURE = 250_000
# A video of little movement is far smaller. For time bounds it counts as so many pictures at the least that a decoder
# may use up NIGHTJAR_VIDEO_SECONDS, and the video is refused for it, before validate as a whole is stopped.
_LEAST_PICTURES_OF_A_VIDEO = 450


@dataclass(frozen=True)
class Shard:
    """The part of a batch that one mapped task works on; `name` is safe in keys and unique in the run."""

    name: str
    footage: tuple[Footage, ...]

    @property
    def work(self) -> int:
        """Estimated pictures."""
        return sum(map(work, self.footage))


def work(footage: Footage) -> int:
    """Estimated pictures in one footage object."""
    return 1 + footage.size // _VIDEO_BYTES_PER_PICTURE if footage.is_video else 1


def most_pictures(footage: Iterable[Footage]) -> int:
    """Pictures to allow time for: `work`, but careful about short and quiet videos."""
    return sum(max(work(one), _LEAST_PICTURES_OF_A_VIDEO) if one.is_video else 1 for one in footage)


def plan_shards(footage: Iterable[Footage], max_shards: int, max_work: int) -> list[Shard]:
    """Cut `footage` into at most `max_shards` shards, in a stable order, the same for the same input.

    One camera a shard while there are no more cameras than shards; a camera with more than `max_work` pictures is then
    split by time into as many of the spare shards as it needs. With more cameras, whole cameras are packed, largest
    first into the emptiest. Raises ValueError for bounds below 1.
    """
    if max_shards < 1 or max_work < 1:
        raise ValueError(f"expected max_shards and max_work of at least 1, got {max_shards} and {max_work}")
    cameras: dict[Camera, list[Footage]] = defaultdict(list)
    for each in sorted(footage, key=lambda f: f.place):
        cameras[each.camera].append(each)
    if len(cameras) > max_shards:
        return _pack(cameras, max_shards)
    spare = max_shards - len(cameras)
    shards: list[Shard] = []
    for camera in sorted(cameras):
        parts = _split(cameras[camera], max_work, spare + 1)
        spare -= len(parts) - 1
        names = [camera.name] if len(parts) == 1 else [f"{camera.name}.{n}" for n in range(1, len(parts) + 1)]
        shards += [Shard(name, tuple(part)) for name, part in zip(names, parts, strict=True)]
    return shards


def _split(footage: list[Footage], max_work: int, most_parts: int) -> list[list[Footage]]:
    total = sum(map(work, footage))
    wanted = min(most_parts, len(footage), -(-total // max_work))
    parts: list[list[Footage]] = [[]]
    done = 0
    for each in footage:
        if parts[-1] and len(parts) < wanted and done >= total * len(parts) / wanted:
            parts.append([])
        parts[-1].append(each)
        done += work(each)
    return parts


def _pack(cameras: dict[Camera, list[Footage]], shards: int) -> list[Shard]:
    sizes = {camera: sum(map(work, footage)) for camera, footage in cameras.items()}
    bins: list[tuple[int, int, list[Camera]]] = [(0, n, []) for n in range(shards)]
    for camera in sorted(cameras, key=lambda c: (-sizes[c], c)):
        load, n, members = heapq.heappop(bins)
        members.append(camera)
        heapq.heappush(bins, (load + sizes[camera], n, members))
    return [
        Shard(f"pack-{n + 1:04d}", tuple(f for camera in sorted(members) for f in cameras[camera]))
        for _, n, members in sorted(bins, key=lambda b: b[1])
    ]
