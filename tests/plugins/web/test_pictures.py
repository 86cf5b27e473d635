"""Pictures as small as they are shown, and no other object."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from PIL import Image

from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.store import ObjectInfo
from nightjar.stores.standard import standard_key
from plugins.web.pictures import WIDTHS
from tests.plugins.web_world import PagesClient, Somebody, make_client

KEY = standard_key(Camera("alice", "porch"), datetime(2026, 11, 20, 13, 5, 9, tzinfo=UTC))
AT = "/nightjar-ui/pictures/"


def picture(size: tuple[int, int] = (1920, 1080), kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(out, kind)
    return out.getvalue()


class Watched(MemoryStore):
    """Counts what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[str, str]] = []

    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        self.reads.append(("get", key))
        return super().get(key, version_id)

    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        self.reads.append(("head", key))
        return super().head(key, version_id)


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def client(store: Watched) -> PagesClient:
    return make_client(store, pages=())


@pytest.mark.parametrize("width", WIDTHS)
def test_no_wider_than_asked(width: int, store: Watched, client: PagesClient) -> None:
    store.put(KEY, picture())
    answer = client.get(f"{AT}{KEY}?w={width}")
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(answer.content)).size == (width, width * 1080 // 1920)
    assert answer.headers["cache-control"].startswith("private, max-age=")


@pytest.mark.parametrize(
    ("size", "shown"), [((100, 80), (100, 80)), ((320, 2000), (320, 2000)), ((321, 3), (320, 3)), ((1, 1), (1, 1))]
)
def test_never_larger_than_it_is(
    size: tuple[int, int], shown: tuple[int, int], store: Watched, client: PagesClient
) -> None:
    store.put(KEY, picture(size))
    assert Image.open(io.BytesIO(client.get(f"{AT}{KEY}?w=320").content)).size == shown


def test_a_picture_that_is_known_is_not_read_again(store: Watched, client: PagesClient) -> None:
    store.put(KEY, picture())
    etag = client.get(f"{AT}{KEY}?w=160").headers["etag"]
    store.reads.clear()
    answer = client.get(f"{AT}{KEY}?w=160", headers={"if-none-match": etag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag)
    assert store.reads == [("head", KEY)]
    other = client.get(f"{AT}{KEY}?w=320", headers={"if-none-match": etag})  # a size is a picture of its own
    assert other.status_code == 200
    store.put(KEY, picture((640, 480)))
    assert client.get(f"{AT}{KEY}?w=160", headers={"if-none-match": etag}).status_code == 200


def archive(store: MemoryStore) -> None:
    store.put(KEY, picture())
    store.make_unreadable(KEY)


ARRANGED: dict[str, Callable[[MemoryStore], Any]] = {
    "missing": lambda store: None,
    "no picture": lambda store: store.put(KEY, b"none"),
    "cut off": lambda store: store.put(KEY, picture()[:500]),
    "empty": lambda store: store.put(KEY, b""),
    "archived": archive,
    "another format": lambda store: store.put(KEY, picture((64, 48), "PNG")),
    "too many pixels": lambda store: store.put(
        KEY, picture((64, 48)).replace(b"\x00\x30\x00\x40", b"\xff\xff\xff\xff")
    ),
}


@pytest.mark.parametrize("state", ARRANGED)
def test_a_picture_that_cannot_be_shown_is_a_placeholder(state: str, store: Watched, client: PagesClient) -> None:
    ARRANGED[state](store)
    answer = client.get(f"{AT}{KEY}?w=160")
    assert answer.status_code == 404 and answer.headers["content-type"] == "image/svg+xml"
    assert "no picture" in answer.text


@pytest.mark.parametrize(
    "key",
    [
        "config/rules.yaml",
        "incoming/alice-porch-1795612345.jpg",
        KEY.replace("standard/", "quarantine/"),
        KEY.replace("standard/", "standard/%2E%2E/standard/"),
        KEY.replace("standard/", "standard%2F..%2Fconfig%2F"),
        KEY.replace("/13/", "/14/"),  # another hour than the time says
        KEY.replace("alice-porch", "alice"),
        KEY.replace(".jpg", ".png"),
        KEY.replace(".jpg", ".jpg/x.jpg"),
        KEY.replace(".jpg", "%00.jpg"),
        KEY.replace("1", "%D9%A1"),  # digits of another script
        f"{KEY}%00",
        f"%2F{KEY}",
        f"{KEY}/",
        f"standard/{'9' * 40}/alice-porch/{'9' * 13}.jpg",
        f"standard/2026/11/20/13/{'a' * 5000}-porch/1795612345.jpg",
        "standard/",
        "",
    ],
)
def test_no_other_key_is_read(key: str, store: Watched, client: PagesClient) -> None:
    answer = client.get(f"{AT}{key}?w=160")
    assert answer.status_code == 404 and "no picture" in answer.text
    assert store.reads == []


@pytest.mark.parametrize("width", ["0", "-1", "161", "9999", "x", "", "160.0", "%D9%A1%D9%A6%D9%A0", " 160", "%00"])
def test_no_other_width(width: str, store: Watched, client: PagesClient) -> None:
    answer = client.get(f"{AT}{KEY}?w={width}")
    assert answer.status_code == 400 and "Expected w to be one of 160, 320, 640, 1280" in answer.text
    assert store.reads == []


def test_who_may_not_read_the_live_runs_sees_no_picture(store: Watched) -> None:
    store.put(KEY, picture())
    client = make_client(store, pages=(), person=Somebody(reads=frozenset({"nightjar_report"})))
    assert client.get(f"{AT}{KEY}?w=160").status_code == 403
    assert store.reads == []
