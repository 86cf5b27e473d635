"""`nightjar mute` and `nightjar review`, as a program would be called."""

from datetime import UTC, datetime, timedelta

import pytest

from nightjar.cli.main import main
from nightjar.domain.events import Event
from nightjar.domain.names import Camera
from nightjar.runtime.manifests import write_record
from nightjar.runtime.s3 import S3Store
from nightjar.stores.events import Events
from nightjar.stores.reactions import Mutes, Reviews
from nightjar.stores.rules import RulesStore
from tests.bucket import PORCH, RULES, SHOP
from tests.images.base.nightjar.cli.trials import an_event


@pytest.mark.parametrize(
    ("arguments", "cameras", "hours"),
    [
        (["alice-porch", "8h"], [PORCH], 8.0),
        (["alice-porch", "30m"], [PORCH], 0.5),
        (["alice", "2d"], [PORCH, Camera("alice", "yard")], 48.0),
        (["bob-shop", "--until", "in 5 hours"], [SHOP], 5.0),
    ],
)
def test_mutes(s3_store: S3Store, arguments: list[str], cameras: list[Camera], hours: float) -> None:
    RulesStore(s3_store).put(RULES)
    moment = (datetime.now(UTC) + timedelta(hours=5)).isoformat()  # now, and not when tests are collected
    assert main(["mute", *(moment if each == "in 5 hours" else each for each in arguments)]) == 0
    mutes = list(Mutes(s3_store).each())
    assert [mute.camera for mute in mutes] == cameras
    for mute in mutes:
        left = (mute.until - datetime.now(UTC)) / timedelta(hours=1)
        assert left == pytest.approx(hours, abs=0.02)
        assert mute.by.startswith("command ")


def test_list_and_off(s3_store: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    RulesStore(s3_store).put(RULES)
    assert main(["mute", "--list"]) == 0
    assert "no camera is muted" in capsys.readouterr().out
    main(["mute", "alice", "8h"])
    capsys.readouterr()
    assert main(["mute", "--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["alice-porch", "alice-yard"]
    assert main(["mute", "alice-porch", "--off"]) == 0
    assert "alice-porch: alerts are sent again" in capsys.readouterr().out
    main(["mute", "--list"])
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["alice-yard"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "expected a camera or a user with a length"),
        (["alice-porch"], "expected a camera or a user with a length"),
        (["alice-porch", "8h", "--off"], "expected a camera or a user with a length"),
        (["alice-porch", "8"], "expected a length like 30m, 8h or 2d, got '8'"),
        (["alice-porch", "0h"], "expected a length"),
        (["alice-porch", "9999d"], "within 366 days"),
        (["alice-porch", "--until", "2020-01-01"], "expected a moment after now"),
        (["alice-porch", "--until", "9999-12-31T23:00:00-02:00"], "expected a UTC time"),
        (["alice-porch", "--until", "soon"], "expected a UTC time"),
        (["alice-prch", "8h"], "did you mean alice-porch"),
        (["alice", "--list"], "expected --list alone"),
    ],
)
def test_mistakes(s3_store: S3Store, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str) -> None:
    RulesStore(s3_store).put(RULES)
    assert main(["mute", *arguments]) == 64
    assert expected in capsys.readouterr().err
    assert list(Mutes(s3_store).each()) == []


def stored(store: S3Store, **values: object) -> Event:
    event = an_event(**values)
    write_record(store, Events(store).key(event), event)
    return event


@pytest.mark.parametrize("verdict", ["false-alarm", "confirmed"])
def test_reviews(s3_store: S3Store, verdict: str) -> None:
    event = stored(s3_store)
    assert main(["review", event.id, f"--{verdict}"]) == 0
    review = Reviews(s3_store).get(event.ref)
    assert review
    assert (review.verdict, review.camera) == (verdict, PORCH)
    assert review.shown and review.shown.standard_key == event.shown.picture.standard_key


@pytest.mark.parametrize("name", ["0123456789abcdee", "0", ""])
def test_reviews_of_no_single_event(s3_store: S3Store, capsys: pytest.CaptureFixture[str], name: str) -> None:
    stored(s3_store)
    other = stored(s3_store, id="0123456789abcd00")
    assert main(["review", name, "--confirmed"]) == 65
    assert "expected the id of one event" in capsys.readouterr().err
    assert Reviews(s3_store).get(other.ref) is None
