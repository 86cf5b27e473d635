"""The false boxes of each camera: `config/false-boxes/<user>-<device>.json`. People confirm them, assess reads them."""

from collections.abc import Iterable

from nightjar.domain.false_boxes import CameraFalseBoxes, FalseBox
from nightjar.domain.names import Camera
from nightjar.errors import TryAgainError
from nightjar.runtime.store import ObjectChangedError, ObjectExistsError, ObjectMissingError, ObjectStore
from nightjar.stores.documents import parsed
from nightjar.stores.erasure import erase_versions, is_of

FALSE_BOXES = "config/false-boxes/"

_TRIES = 5


class FalseBoxes:
    """Reads and writes what people have confirmed. Safe to use from threads."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    def of(self, camera: Camera) -> tuple[FalseBox, ...]:
        """The false boxes of `camera`; raises InputError for an object that does not hold them."""
        return self._read(camera)[0].boxes

    def put(self, camera: Camera, boxes: tuple[FalseBox, ...]) -> None:
        """Make `boxes` the false boxes of `camera`, in place of those that were; raises ObjectChangedError or
        ObjectExistsError when somebody else has changed them meanwhile."""
        stored, etag = self._read(camera)
        self._write(camera, stored, boxes, etag)

    def add(self, camera: Camera, boxes: Iterable[FalseBox]) -> int:
        """Suppress `boxes` at `camera` beside those that are; how many of them were new, by label and box.

        Raises TryAgainError when others keep changing them, and InputError as `of` does.
        """
        wanted = {(box.label, box.box): box for box in boxes}
        for _ in range(_TRIES):
            stored, etag = self._read(camera)
            known = {(box.label, box.box) for box in stored.boxes}
            new = tuple(box for place, box in wanted.items() if place not in known)
            try:
                self._write(camera, stored, (*stored.boxes, *new), etag)
            except (ObjectChangedError, ObjectExistsError):
                continue
            return len(new)
        raise TryAgainError(f"the false boxes of {camera.name} were changed by others {_TRIES} times in a row")

    def cameras(self) -> list[Camera]:
        """The cameras that have an object with false boxes, in order."""
        names = (info.key.removeprefix(FALSE_BOXES) for info in self._store.list_objects(FALSE_BOXES))
        return sorted(Camera.parse(name.removesuffix(".json")) for name in names)

    def erase(self, user: str, device: str | None = None) -> int:
        """Remove every version of a user's (or one camera's) false boxes; how many versions those were."""
        return erase_versions(
            self._store,
            f"{FALSE_BOXES}{user}-",
            lambda key: is_of(Camera.parse(key.removeprefix(FALSE_BOXES).removesuffix(".json")), user, device),
        )

    def _write(self, camera: Camera, stored: CameraFalseBoxes, boxes: tuple[FalseBox, ...], etag: str | None) -> None:
        if stored.boxes == boxes:
            return
        data = stored.model_copy(update={"boxes": boxes}).model_dump_json(indent=1, by_alias=True).encode() + b"\n"
        key = false_boxes_key(camera)
        self._store.put(key, data, content_type="application/json", if_absent=etag is None, if_match=etag)

    def _read(self, camera: Camera) -> tuple[CameraFalseBoxes, str | None]:
        key = false_boxes_key(camera)
        try:
            data, info = self._store.get(key)
        except ObjectMissingError:
            return CameraFalseBoxes(), None
        return parsed(CameraFalseBoxes, data, key), info.etag


def false_boxes_key(camera: Camera) -> str:
    """`config/false-boxes/<user>-<device>.json`."""
    return f"{FALSE_BOXES}{camera.name}.json"
