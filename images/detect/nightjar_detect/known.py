"""Knowledge of pictures before they are looked at: the lines that the same detector has left."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from nightjar.domain.detections import Detection, Picture


@dataclass(frozen=True)
class KnownAt:
    """The lines about the pictures of one place.

    Objects that were seen hold for every picture with the same bytes, by SHA-256; a mark holds for its own picture
    only, by key and SHA-256.
    """

    seen: Mapping[str, Detection]
    marked: Mapping[tuple[str, str], Detection]

    @classmethod
    def of_lines(cls, lines: Iterable[Detection], with_marks: bool) -> "KnownAt":
        """Of the lines of the store. Without marks, a picture that was not looked at is not known."""
        seen: dict[str, Detection] = {}
        marked: dict[tuple[str, str], Detection] = {}
        for line in lines:
            picture = line.picture
            if line.mark is None:
                seen[picture.standard_sha256] = line
            elif with_marks:
                marked[picture.standard_key, picture.standard_sha256] = line
        return cls(seen, marked)

    def of(self, picture: Picture) -> Detection | None:
        """The line that has the objects of `picture`, if any: rather a look than a mark."""
        sha256 = picture.standard_sha256
        return self.seen.get(sha256) or self.marked.get((picture.standard_key, sha256))
