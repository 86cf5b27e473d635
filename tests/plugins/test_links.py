"""Links in messages, from the address in a mail to the object in the bucket."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from nightjar.domain.events import EventRef
from nightjar.domain.names import Camera
from nightjar.runtime.links import PATH, FalseAlarmLink, LinkRefusedError, MuteLink, SignedLinks
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.reactions import Mutes, Reviews
from plugins.links.app import app_from_environment, make_app

NOW = datetime(2026, 11, 20, 13, 5, tzinfo=UTC)
KEY = SecretStr("k" * 40)
CAMERA = Camera("alice", "porch")
EVENT = EventRef(id="0193f0", day=date(2026, 11, 20))


class Client:
    """Asks the app, as a browser does."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def request(self, method: str, address: str, content: bytes = b"") -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="https://airflow.example.com") as client:
                return await client.request(method, address, content=content)

        return anyio.run(ask)

    def get(self, address: str) -> httpx.Response:
        return self.request("GET", address)

    def post(self, address: str, content: bytes = b"") -> httpx.Response:
        return self.request("POST", address, content)


def links(now: datetime = NOW, key: SecretStr = KEY) -> SignedLinks:
    return SignedLinks("https://airflow.example.com/", key, 7, lambda: now)


def path(address: str) -> str:
    """Where the app is asked: below the address and the prefix at which Airflow mounts it."""
    return address.removeprefix(f"https://airflow.example.com{PATH}")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def client(store: MemoryStore) -> Client:
    return Client(make_app(links(), lambda: store, lambda: NOW))


def at(now: datetime, store: MemoryStore) -> Client:
    return Client(make_app(links(now), lambda: store, lambda: now))


def test_looking_at_a_link_changes_nothing(client: Client, store: MemoryStore) -> None:
    for address in (links().mute(CAMERA, 8), links().false_alarm(CAMERA, EVENT)):
        answer = client.get(path(address))
        assert answer.status_code == 200
        assert '<form method="post"><button>' in answer.text and "alice-porch" in answer.text
    assert list(store.list_objects("")) == []


def test_a_mute(client: Client, store: MemoryStore) -> None:
    answer = client.post(path(links().mute(CAMERA, 8)))
    assert answer.status_code == 200 and "until 20 November, 21:05 UTC" in answer.text
    mute = Mutes(store).get(CAMERA)
    assert mute is not None and (mute.until, mute.by, mute.at) == (NOW + timedelta(hours=8), "link", NOW)


def test_a_false_alarm(client: Client, store: MemoryStore) -> None:
    assert client.post(path(links().false_alarm(CAMERA, EVENT))).status_code == 200
    review = Reviews(store).get(EVENT)
    assert review is not None and (review.camera, review.verdict, review.by) == (CAMERA, "false-alarm", "link")


def test_twice_is_once(client: Client, store: MemoryStore) -> None:
    for _ in range(2):
        client.post(path(links().false_alarm(CAMERA, EVENT)))
    assert len(list(store.list_objects("reviews/"))) == 1


MUTE = path(links().mute(CAMERA, 8))
TOKEN = MUTE.rpartition("/")[2]


@pytest.mark.parametrize(
    ("address", "status"),
    [
        (MUTE[:-1], 403),
        (MUTE + "x", 403),
        (f"/mute/{TOKEN[::-1]}", 403),
        (f"/false-alarm/{TOKEN}", 403),  # of another action
        (f"/unmute/{TOKEN}", 403),
        ("/mute/none", 403),
        ("/mute/" + "x" * 5000, 403),
        ("/mute/%00%ff", 403),
        (path(links(key=SecretStr("o" * 40)).mute(CAMERA, 8)), 403),
        ("/mute/", 404),
        ("/", 404),
        ("/docs", 404),
        ("/openapi.json", 404),
        (f"{MUTE}/more", 404),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_no_link_of_ours(method: str, address: str, status: int, client: Client, store: MemoryStore) -> None:
    answer = client.request(method, address)
    assert (answer.status_code, "<button>" in answer.text) == (status, False)
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert list(store.list_objects("")) == []


@pytest.mark.parametrize(
    ("later", "status"),
    [
        (timedelta(0), 200),
        (timedelta(days=7), 200),  # at least so long
        (timedelta(days=8), 410),  # counted from the beginning of the day
        (timedelta(days=400), 410),
        (timedelta(days=-2), 410),  # a clock that runs behind
    ],
)
def test_a_link_has_an_end(later: timedelta, status: int, store: MemoryStore) -> None:
    answer = at(NOW + later, store).post(MUTE)
    assert answer.status_code == status
    assert bool(list(store.list_objects(""))) == (status == 200)


def test_bodies_are_bounded(client: Client, store: MemoryStore) -> None:
    assert client.post(MUTE, content=b"x" * 5000).status_code == 413
    assert list(store.list_objects("")) == []


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods(method: str, client: Client) -> None:
    assert client.request(method, MUTE).status_code == 404


def test_a_page_gives_nothing_away(client: Client) -> None:
    headers = client.get(MUTE).headers
    assert headers["referrer-policy"] == "no-referrer" and headers["cache-control"] == "no-store"
    policy = headers["content-security-policy"]
    assert "script" not in policy and "frame-ancestors 'none'" in policy and "form-action 'self'" in policy


def test_a_bucket_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> Any:
        raise OSError("with s3cret details")

    answer = Client(make_app(links(), broken, lambda: NOW)).post(MUTE)
    assert answer.status_code == 503 and "s3cret" not in answer.text + caplog.text


def test_without_a_key_there_are_no_links(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("CHANNELS_LINK_KEY", "short")
    caplog.set_level(logging.ERROR)
    assert Client(app_from_environment()).get(MUTE).status_code == 404
    assert "CHANNELS_LINK_KEY" in caplog.text and "short" not in caplog.text


def test_a_link_says_the_same_all_day() -> None:
    assert links(NOW).mute(CAMERA, 8) == links(NOW + timedelta(hours=10)).mute(CAMERA, 8)


@pytest.mark.parametrize(
    ("make", "allowed"),
    [
        (lambda made: made.mute(CAMERA, 1), MuteLink(CAMERA, 1)),
        (lambda made: made.false_alarm(CAMERA, EVENT), FalseAlarmLink(CAMERA, EVENT)),
    ],
)
def test_read_back(make: Callable[[SignedLinks], str], allowed: object) -> None:
    _, action, token = path(make(links())).split("/")
    assert links().read(action, token) == allowed


@pytest.mark.parametrize("hours", [0, -1, 10_000])
def test_hours_that_nobody_may_ask_for(hours: int) -> None:
    with pytest.raises(LinkRefusedError):
        links().read("mute", path(links().mute(CAMERA, hours)).rpartition("/")[2])
