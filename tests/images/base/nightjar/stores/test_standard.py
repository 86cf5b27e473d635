"""Standard pictures: one for a moment, and read only as they were judged."""

import hashlib
from datetime import UTC, datetime

import pytest

from nightjar.domain.batch import Footage
from nightjar.domain.detections import Picture
from nightjar.domain.names import Camera
from nightjar.errors import InputError
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectStore
from nightjar.stores.standard import (
    Moment,
    PictureAlteredError,
    PictureMissingError,
    StandardPictures,
    standard_key,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = int(NOON.timestamp())
KEY = f"standard/2026/11/20/12/alice-porch/{AT}.jpg"


@pytest.fixture(params=["memory", "s3"])
def store(request: pytest.FixtureRequest) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else request.getfixturevalue("s3_store")


def footage(extension: str = "jpg", version: str = "v1", camera: str = "alice-porch") -> Footage:
    key = f"footage/2026/11/20/12/{camera}-{AT}.{extension}"
    return Footage.model_validate({"key": key, "version_id": version, "size": 1, "sha256": ""})


def picture(data: bytes, key: str = KEY) -> Picture:
    return Picture(
        user="alice",
        device="porch",
        taken_at=NOON,
        footage_key=footage().key,
        footage_version="v1",
        standard_key=key,
        standard_sha256=hashlib.sha256(data).hexdigest(),
        width=640,
        height=480,
    )


def test_where_a_picture_is() -> None:
    assert standard_key(Camera("alice", "porch"), NOON) == KEY
    later = datetime(2026, 11, 20, 23, 59, 59, 250_000, tzinfo=UTC)
    assert standard_key(Camera("a", "b"), later) == "standard/2026/11/20/23/a-b/1795219199250.jpg"


FIRST, VIDEO = footage(), footage("mp4")


@pytest.mark.parametrize(
    ("second", "data", "moment", "versions"),
    [
        pytest.param(FIRST, b"one", Moment.KEPT, 1, id="the same again"),
        pytest.param(FIRST, b"two", Moment.KEPT, 2, id="the same footage standardised in another way"),
        pytest.param(footage(version="v2"), b"one", Moment.KEPT, 2, id="another version of the footage"),
        pytest.param(VIDEO, b"one", Moment.SAME, 1, id="other footage with the same picture"),
        pytest.param(VIDEO, b"two", Moment.TAKEN, 1, id="other footage with another picture"),
    ],
)
def test_a_moment_has_one_picture(
    store: ObjectStore, second: Footage, data: bytes, moment: Moment, versions: int
) -> None:
    pictures = StandardPictures(store)
    first = pictures.put(FIRST, NOON, b"one")
    assert (first.moment, first.ref and first.ref.key) == (Moment.KEPT, KEY)
    came = pictures.put(second, NOON, data)
    assert (came.moment, came.holder) == (moment, FIRST.key)
    assert (came.ref is not None) == (moment is Moment.KEPT)
    assert len(list(store.list_versions(KEY))) == versions
    assert store.get(KEY)[0] == (data if moment is Moment.KEPT else b"one")
    if came.ref:
        assert pictures.find(picture(data)) == came.ref


def test_a_picture_that_was_deleted_meanwhile_is_put_again() -> None:
    class Losing(MemoryStore):
        def head(self, key: str, version_id: str | None = None) -> None:
            self.delete(key)

    store = Losing()
    pictures = StandardPictures(store)
    pictures.put(FIRST, NOON, b"one")
    assert pictures.put(FIRST, NOON, b"two").moment is Moment.KEPT
    assert store.get(KEY)[0] == b"two"


def test_reading(store: ObjectStore) -> None:
    pictures = StandardPictures(store)
    with pytest.raises(PictureMissingError, match=KEY):
        pictures.read(picture(b"one"))
    assert pictures.find(picture(b"one")) is None
    pictures.put(FIRST, NOON, b"one")
    assert pictures.read(picture(b"one")) == b"one"
    with pytest.raises(PictureAlteredError, match=r"expected a picture with SHA-256 .* got"):
        pictures.read(picture(b"two"))
    assert pictures.find(picture(b"two")) is None
    [version] = list(store.list_versions(KEY))
    pictures.put(FIRST, NOON, b"two")
    store.delete(KEY)
    assert pictures.read(picture(b"one"), version.version_id) == b"one"
    with pytest.raises(PictureMissingError, match=KEY):
        pictures.read(picture(b"two"))
    assert issubclass(PictureAlteredError, InputError), "expected an end that is not retried"


def test_reading_through_another_client() -> None:
    pictures = StandardPictures(MemoryStore(), get=lambda key, version_id: f"{key} {version_id}".encode())
    assert pictures.read(picture(b"x None", key="x")) == b"x None"
    assert pictures.read(picture(b"x v2", key="x"), "v2") == b"x v2"


@pytest.mark.parametrize(
    ("user", "device", "left"),
    [("alice", None, {"bob-porch"}), ("bob", "porch", {"alice-porch", "alice-yard"}), ("", None, None)],
)
def test_erasure(store: ObjectStore, user: str, device: str | None, left: set[str] | None) -> None:
    cameras = {"alice-porch", "alice-yard", "bob-porch"}
    pictures = StandardPictures(store)
    for camera in cameras:
        for data in (b"one", b"two"):
            pictures.put(footage(camera=camera), NOON, data)
    kept = cameras if left is None else left
    assert pictures.erase(user, device) == 2 * len(cameras - kept)
    assert {version.key.split("/")[-2] for version in store.list_versions("standard/")} == kept
