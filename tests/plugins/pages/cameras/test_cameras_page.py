"""The pages of cameras: what they show of every kind of camera, what they refuse, muting, and drawn areas."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nightjar.domain.names import Camera
from nightjar.runtime.memory import MemoryStore
from nightjar.runtime.rules import parse_rules
from nightjar.stores.reactions import Mutes
from nightjar.stores.rules import LAST_GOOD_RULES_KEY, RULES_KEY
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from plugins.pages.cameras.words import clock_in_words
from tests.plugins.pages.cameras.cameras_world import DOOR, GATE, MARKUP, MAZE, OLD, PORCH, RTL, RULES, SHOP, fill
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import NOW, OPERATOR, VIEWER, PagesClient

HERE = "/nightjar-ui/cameras/"
SMALL = WarehouseSettings(warehouse_disk_mib=16, warehouse_memory_mib=64, warehouse_threads=1)


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.fixture
def store() -> MemoryStore:
    store = MemoryStore(clock=lambda: NOW)
    fill(store, NOW)
    return store


@pytest.fixture
def warehouse(store: MemoryStore, parts: Path) -> Iterator[Warehouse]:
    with Warehouse(store, parts, SMALL) as opened:
        yield opened


@pytest.fixture(scope="module")
def shown(parts: Path) -> Iterator[PagesClient]:
    """For tests that change nothing."""
    store = MemoryStore(clock=lambda: NOW)
    fill(store, NOW)
    with Warehouse(store, parts, SMALL) as opened:
        yield make_client_of("cameras", store, warehouse=opened)


@pytest.fixture
def client(store: MemoryStore, warehouse: Warehouse) -> PagesClient:
    return make_client_of("cameras", store, warehouse=warehouse)


def text_of(html: str) -> str:
    """As people read it, in one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def card(html: str, camera: Camera) -> str:
    [found] = [each for each in html.split('<li class="card">') if f">{camera.name}</bdi>" in each]
    return found


def test_a_card_for_each_camera(shown: PagesClient) -> None:
    html = shown.get(HERE).text
    assert html.count('<li class="card">') == 6
    assert "6 cameras" in text_of(html)
    for camera, expected in (
        (DOOR, ["ok", "Last seen 1 hour ago", "footage arrives 4 s after", "200 at the door", "yard, street; 1 mask"]),
        (PORCH, ["covered", "its clock is 2 h 1 min behind, since", "is no longer stored"]),
        (GATE, ["silent: it has never sent anything, within 1 d", "alerts off", "No picture yet"]),
        (MAZE, ["nothing yet", "Never seen", "area_7 and 32 more", "none: nothing is alerted"]),
        (SHOP, ["of a later release", "muted until 2026-11-20 15:05:00 UTC"]),
        (OLD, ["unknown to the rules", "is 15 min ahead"]),
    ):
        said = text_of(card(html, camera))
        assert not [each for each in expected if each not in said], said
    assert "/pictures/standard/2026/11/20/12/alice-door/1795176300.jpg?w=640" in card(html, DOOR)


@pytest.mark.parametrize(
    ("query", "cameras"),
    [
        ("?user=bob", [OLD, SHOP]),
        ("?camera=DOOR", [DOOR]),
        ("?state=muted", [SHOP]),
        ("?state=ok", [DOOR, MAZE]),
        ("?state=silent", [GATE]),
        ("?state=troubled", [GATE, PORCH, SHOP]),
        ("?state=unknown&user=&camera=", [OLD]),
        ("?camera=%3Cscript%3E", []),
        ("?page=7", [DOOR, GATE, MAZE, PORCH, OLD, SHOP]),
    ],
)
def test_filters(shown: PagesClient, query: str, cameras: list[Camera]) -> None:
    html = shown.get(HERE + query).text
    assert re.findall(r'<h2><a href="[^"]*/cameras/([^"]*)"', html) == [each.name for each in cameras]
    assert ("No camera matches." in html) is not bool(cameras)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("?user=%3Cscript%3E", "Expected a user&#39;s name"),
        ("?state=happy", "Expected a state, one of ok, silent"),
        ("?page=0", "Expected the number of a page"),
        ("?page=-1", "Expected the number of a page"),
        ("?page=%D9%A3", "Expected the number of a page"),
        ("?page=99999999", "Expected the number of a page"),
        (f"?camera={'x' * 200}", "at most 128 characters"),
    ],
)
def test_parameters_that_are_refused(shown: PagesClient, query: str, sentence: str) -> None:
    answer = shown.get(HERE + query)
    assert answer.status_code == 400
    assert sentence in answer.text


def test_pages(store: MemoryStore, client: PagesClient) -> None:
    devices = ", ".join(f"d{n:02}: {{}}" for n in range(30))
    store.put(RULES_KEY, RULES.replace("devices: {shop: {}}", f"devices: {{{devices}}}").encode())
    html = client.get(f"{HERE}?user=bob").text
    assert html.count('<li class="card">') == 24
    assert 'href="?user=bob&amp;page=2"' in html
    last = client.get(f"{HERE}?user=bob&page=2").text
    assert 'href="?user=bob"' in last
    assert 'rel="next"' not in last


def test_an_empty_deployment(parts: Path) -> None:
    store = MemoryStore()
    with Warehouse(store, parts, SMALL) as warehouse:
        html = make_client_of("cameras", store, warehouse=warehouse).get(HERE).text
    assert "There is no camera yet" in html
    assert "There are no rules that can be used" in html


@pytest.mark.parametrize(
    ("camera", "expected"),
    [
        (
            DOOR,
            [
                "yard: [[0, 0.5], [1, 0.5], [1, 1], [0, 1]]",
                "never person",
                "frozen: 30 pictures in a row are exactly the same",
                "unsafe: person from 60 % and car from 80 %",
                "22:00-06:00 in Europe/Berlin, on mon, fri",
                "in the area yard",
                "not in the area street",
                "3 pictures within 10 s must agree",
                "Quiet hours 23:00-06:00",
                "not at this hour",
                "Alerts of this camera are sent.",
                "which shows Fri 20 Nov, 14:05:00 CET",
            ],
        ),
        (PORCH, ["covered: the newest picture is black", "Pictures without colour are taken."]),
        (GATE, ["No picture yet", "The rules switch alerts of this camera off.", "# no areas and no masks"]),
        (MAZE, ["area_39: [[", "None: its footage is kept and looked at, and nothing is alerted."]),
        (SHOP, ["Muted until Fri 20 Nov, 10:05:00 EST 2026-11-20 15:05:00 UTC by &lt;script", "Alert again"]),
        (OLD, ["The rules do not know this camera: draw its areas here", "its footage is refused"]),
    ],
)
def test_the_page_of_a_camera(shown: PagesClient, camera: Camera, expected: list[str]) -> None:
    answer = shown.get(f"{HERE}{camera.name}")
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert not [each for each in expected if each not in said], said


@pytest.mark.parametrize("path", ["", *(camera.name for camera in (DOOR, PORCH, SHOP))])
def test_names_are_text(shown: PagesClient, path: str) -> None:
    html = shown.get(HERE + path).text
    assert MARKUP not in html
    assert "<img src=x" not in html
    assert "style=" not in html
    assert not re.search(r"<[^>]* on[a-z]+=", html)
    if path == DOOR.name:
        assert RTL in html
        assert "&lt;script&gt;" in html


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alice", "Expected a camera like alice-porch"),
        ("a-b-c", "Expected a camera like alice-porch"),
        ("%3Cscript%3E", "Expected a camera like alice-porch"),
        ("%F0%9F%90%A6-%D7%93", "Expected a camera like alice-porch"),
        ("x" * 3000, "Expected a camera like alice-porch"),
        ("alice-proch", "Did you mean alice-porch?"),
        ("zoe-door", "Expected a camera of the rules, or one that sent something this week"),
    ],
)
@pytest.mark.parametrize("where", ["", "/mute"])
def test_a_name_that_is_no_camera(shown: PagesClient, name: str, sentence: str, where: str) -> None:
    ask = shown.post if where else shown.get
    answer = ask(f"{HERE}{name}{where}", **({"data": {"hours": "1"}} if where else {}))
    assert answer.status_code == 404
    assert sentence in answer.text


@pytest.mark.parametrize("last_good", [True, False])
def test_broken_rules_are_told(store: MemoryStore, client: PagesClient, last_good: bool) -> None:
    store.put(RULES_KEY, b"users: 3")
    if last_good:
        store.put(LAST_GOOD_RULES_KEY, RULES.encode())
    expected = "the last good ones are in force" if last_good else "There are no rules that can be used"
    for path in ("", DOOR.name):
        html = client.get(HERE + path).text
        assert expected in html
        assert "line 1: users: expected" in html
    assert ("200 at the door" in client.get(HERE).text) is last_good


def test_objects_that_cannot_be_read_are_told(store: MemoryStore, client: PagesClient) -> None:
    store.put(f"health/{DOOR.name}.json", b"{")
    store.put("records/pictures/date=2026-11-20/broken.parquet", b"no")
    for path in ("", DOOR.name):
        said = text_of(client.get(HERE + path).text)
        assert "could not be read: expected a Health at &#39;health/alice-door.json&#39;" in said
        assert "could not be read: records/pictures/date=2026-11-20/broken.parquet" in said


# Muting


def mute_of(store: MemoryStore, camera: Camera) -> tuple[str, str] | None:
    stored = Mutes(store).get(camera)
    return (f"{stored.until:%d %H:%M}", stored.by) if stored else None


@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({"hours": "1"}, "20 14:05"),
        ({"hours": "24"}, "21 13:05"),
        ({"until": "2026-11-20T22:00"}, "20 21:00"),  # on the clock of Europe/Berlin
        ({"until": "2026-11-20T22:00-05:00"}, "21 03:00"),
    ],
)
def test_muting(store: MemoryStore, client: PagesClient, form: dict[str, str], until: str) -> None:
    for _ in range(2):
        answer = client.post(f"{HERE}alice-door/mute", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{HERE}alice-door#alerts")
    assert mute_of(store, DOOR) == (until, "ui:olga")
    assert len(list(store.list_versions(f"mutes/{DOOR.name}"))) == 1
    line = client.audit_lines[0]
    assert (line.event, line.person, line.dag_id) == ("nightjar.mute", "olga", "nightjar_live")
    assert line.extra["camera"] == DOOR.name

    assert client.post(f"{HERE}alice-door/unmute").status_code == 303
    assert mute_of(store, DOOR) == ("20 13:05", "ui:olga")
    assert [line.event for line in client.audit_lines] == ["nightjar.mute", "nightjar.mute", "nightjar.unmute"]
    assert client.post(f"{HERE}alice-door/unmute").status_code == 303, "nothing to do is no error"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"hours": "2"},
        {"hours": "-1"},
        {"hours": "\u0661"},
        {"hours": "1", "until": "2026-11-20T22:00"},
        {"until": "tomorrow"},
        {"until": "2026-11-20T10:00"},
        {"until": "2029-11-20T10:00"},
        {"until": "9999-12-31T23:59-23:00"},
    ],
)
def test_mutes_that_are_refused(store: MemoryStore, client: PagesClient, form: dict[str, str]) -> None:
    answer = client.post(f"{HERE}alice-door/mute", data=form)
    assert answer.status_code == 400
    assert "Expected" in answer.text
    assert mute_of(store, DOOR) is None


@pytest.mark.parametrize("act", ["mute", "unmute"])
def test_viewers_see_no_buttons_and_are_refused(store: MemoryStore, warehouse: Warehouse, act: str) -> None:
    client = make_client_of("cameras", store, warehouse=warehouse, person=VIEWER)
    for camera in (DOOR, SHOP):
        html = client.get(f"{HERE}{camera.name}").text
        assert 'method="post"' not in html
    before = mute_of(store, SHOP)
    assert client.post(f"{HERE}bob-shop/{act}", data={"hours": "1"}).status_code == 403
    assert mute_of(store, SHOP) == before
    assert [line.event for line in client.audit_lines] == ["nightjar.refused"]


def test_a_foreign_page_mutes_nothing(store: MemoryStore, client: PagesClient) -> None:
    headers = {"origin": "https://evil.example.com", "sec-fetch-site": "cross-site"}
    assert client.post(f"{HERE}alice-door/mute", data={"hours": "1"}, headers=headers).status_code == 403
    assert mute_of(store, DOOR) is None


# Drawing


def drawn(client: PagesClient, *shapes: str, camera: Camera = DOOR) -> dict[str, Any]:
    answer = client.get(f"{HERE}{camera.name}/areas", params={"shape": shapes})
    assert answer.status_code == 200
    document: dict[str, Any] = answer.json()
    return document


def test_the_yaml_of_the_page_is_taken_by_the_rules(shown: PagesClient) -> None:
    document = drawn(shown, "area*yard", "area*street*0-0.125_1-0.125_0.5-0.4", "mask**0.9-0.9_1-0.9_1-1", "mask*0")
    assert document["problems"] == document["warnings"] == []
    lines = "".join(f"        {line}\n" for line in document["yaml"].splitlines())
    in_force = re.compile(r" +areas:\n +yard: .*\n +street: .*\n +masks: .*\n")
    assert in_force.search(RULES)
    again = parse_rules(in_force.sub(lambda _: lines, RULES, count=1).encode())
    before, after = parse_rules(RULES.encode()).device(DOOR), again.device(DOOR)
    assert before is not None
    assert after is not None
    assert after.areas["yard"] == before.areas["yard"]
    assert after.areas["street"].corners == ((0, 0.125), (1, 0.125), (0.5, 0.4))
    assert [mask.corners for mask in after.masks] == [((0.9, 0.9), (1, 0.9), (1, 1)), before.masks[0].corners]


@pytest.mark.parametrize(
    ("shapes", "key", "expected"),
    [
        (["area*yard", "area*street*0-0_1-1_1-0_0-1"], "problems", {"shape": 1, "text": "expected edges that do not"}),
        (["area*<b>*0-0_1-0_1-1", "area*yard", "area*street"], "problems", {"shape": 0, "text": "expected a name of"}),
        (["area*yard"], "warnings", {"shape": None, "text": "rule 200 (at the door) names the area street"}),
    ],
)
def test_what_the_rules_would_say(shown: PagesClient, shapes: list[str], key: str, expected: dict[str, Any]) -> None:
    [told] = drawn(shown, *shapes)[key]
    assert told["shape"] == expected["shape"]
    assert told["text"].startswith(expected["text"])


def test_forty_areas_fit_into_an_address(shown: PagesClient) -> None:
    shapes = [f"area*area_{n}" for n in range(40)]
    document = drawn(shown, *shapes, camera=MAZE)
    assert document["yaml"].count("\n") == 41
    assert document["problems"] == []
    assert sum(map(len, shapes)) < 2_000


@pytest.mark.parametrize(
    "shape", ["x", "area*gone", "area*a*0-0_nan-1", "area*a*1e999-0", "\x00", "mask*0*" + "0-0_" * 5000]
)
def test_shapes_that_are_none(shown: PagesClient, shape: str) -> None:
    answer = shown.get(f"{HERE}alice-door/areas", params={"shape": [shape]})
    assert answer.status_code == 400
    assert "Expected" in answer.text


def test_where_objects_stood(shown: PagesClient) -> None:
    assert shown.get(f"{HERE}alice-door/feet").json() == {"feet": []}
    assert shown.get(f"{HERE}alice/feet").status_code == 404


def test_anybody_who_may_read_can_draw(store: MemoryStore) -> None:
    assert drawn(make_client_of("cameras", store, person=VIEWER), "area*yard", "area*street")["problems"] == []
    assert make_client_of("cameras", store, person=None).get(f"{HERE}alice-door/areas").status_code == 401
    assert OPERATOR.acts_on is None


@pytest.mark.parametrize(
    ("offset", "words"),
    [
        (None, "not known yet"),
        (0.0, "footage arrives 0 s after the time in its name"),
        (-60.0, "footage arrives 0 s after the time in its name"),
        (7300.0, "footage arrives 2 h 1 min after the time in its name"),
        (-7300.0, "is 2 h 1 min ahead: footage arrives before the time in its name"),
    ],
)
def test_clocks(offset: float | None, words: str) -> None:
    assert clock_in_words(offset) == words
