"""Clips in parts, as players ask for them, and no other object."""

import pytest

from nightjar.domain.names import VIDEO_EXTENSIONS
from nightjar.runtime.store import ObjectInfo
from plugins.web.clips import TYPES, span
from tests.plugins.web.test_pictures import Watched
from tests.plugins.web_world import PagesClient, Somebody, make_client

KEY = "footage/2026/11/20/13/alice-porch-1795179909.mp4"
AT = "/nightjar-ui/clips/"
DATA = bytes(range(256)) * 5000  # more than one part


@pytest.fixture
def store() -> Watched:
    return Watched()


@pytest.fixture
def clip(store: Watched) -> ObjectInfo:
    return store.put(KEY, DATA)


@pytest.fixture
def client(store: Watched) -> PagesClient:
    return make_client(store, pages=())


def test_every_kind_of_video_has_a_type() -> None:
    assert set(TYPES) == VIDEO_EXTENSIONS


@pytest.mark.parametrize(
    ("header", "size", "found"),
    [
        ("bytes=0-", 10, (0, 9)),
        ("bytes=0-0", 10, (0, 0)),
        ("bytes=3-5", 10, (3, 5)),
        ("bytes=3-99", 10, (3, 9)),
        ("bytes=9-", 10, (9, 9)),
        ("bytes=-4", 10, (6, 9)),
        ("bytes=-99", 10, (0, 9)),
        ("bytes=10-", 10, None),
        ("bytes=99-100", 10, None),
        ("bytes=-0", 10, None),
        ("bytes=0-", 0, None),
        ("bytes=-1", 0, None),
    ],
)
def test_a_range(header: str, size: int, found: tuple[int, int] | None) -> None:
    assert span(header, size) == found


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-3", "bytes=0-1,3-4", "items=0-1", f"bytes={'9' * 30}-"],
)
def test_what_is_no_range(header: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        span(header, 10)


def test_the_whole(clip: ObjectInfo, client: PagesClient) -> None:
    answer = client.get(f"{AT}{KEY}")
    assert answer.status_code == 200 and answer.content == DATA
    assert answer.headers["content-type"] == "video/mp4" and answer.headers["accept-ranges"] == "bytes"
    known = client.get(f"{AT}{KEY}", headers={"if-none-match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-99", 0, 99),
        ("bytes=1048575-1048577", 1048575, 1048577),  # in two reads
        ("bytes=-5", len(DATA) - 5, len(DATA) - 1),
    ],
)
def test_a_part(header: str, first: int, last: int, clip: ObjectInfo, client: PagesClient) -> None:
    answer = client.get(f"{AT}{KEY}", headers={"range": header})
    assert answer.status_code == 206 and answer.content == DATA[first : last + 1]
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(DATA)}"
    assert answer.headers["content-length"] == str(last - first + 1)


def test_a_part_that_is_not_there(clip: ObjectInfo, client: PagesClient) -> None:
    answer = client.get(f"{AT}{KEY}", headers={"range": f"bytes={len(DATA)}-"})
    assert (answer.status_code, answer.headers["content-range"], answer.content) == (416, f"bytes */{len(DATA)}", b"")


def test_a_range_of_another_version_or_none_gives_the_whole(clip: ObjectInfo, client: PagesClient) -> None:
    for headers in ({"range": "bytes=0-1", "if-range": '"other"'}, {"range": "lines=0-1"}):
        answer = client.get(f"{AT}{KEY}", headers=headers)
        assert answer.status_code == 200 and len(answer.content) == len(DATA)
    assert client.get(f"{AT}{KEY}", headers={"range": "bytes=0-1", "if-range": clip.etag}).status_code == 206


def test_an_empty_one(store: Watched, client: PagesClient) -> None:
    store.put(KEY, b"")
    assert (client.get(f"{AT}{KEY}").status_code, client.get(f"{AT}{KEY}").content) == (200, b"")
    assert client.get(f"{AT}{KEY}", headers={"range": "bytes=0-"}).status_code == 416


def test_one_that_is_gone_or_archived(store: Watched, client: PagesClient) -> None:
    assert client.get(f"{AT}{KEY}").status_code == 404
    store.put(KEY, DATA)
    store.make_unreadable(KEY)
    assert client.get(f"{AT}{KEY}").status_code == 404


@pytest.mark.parametrize(
    "key",
    [
        "config/rules.yaml",
        KEY.replace(".mp4", ".jpg"),  # a still: pages show its standard picture
        KEY.replace("footage/", "incoming/"),
        KEY.replace("/13/", "/12/"),
        KEY.replace("footage/", "footage/%2E%2E/footage/"),
        KEY.replace("footage/", "footage%2F..%2Fconfig%2F"),
        KEY.replace(".mp4", "%00.mp4"),
        KEY.replace(".mp4", ".MP4"),
        f"{KEY}%00",
        f"%2F{KEY}",
        f"footage/2026/11/20/13/{'a' * 5000}-porch-1795179909.mp4",
        f"footage/2026/11/20/13/alice-porch-{'9' * 13}.mp4",
        "",
    ],
)
def test_no_other_key_is_read(key: str, store: Watched, client: PagesClient) -> None:
    assert client.get(f"{AT}{key}").status_code == 404
    assert store.reads == []


def test_who_may_not_read_the_live_runs_sees_no_clip(store: Watched, clip: ObjectInfo) -> None:
    client = make_client(store, pages=(), person=Somebody(reads=frozenset()))
    assert client.get(f"{AT}{KEY}").status_code == 403
    assert store.reads == []
