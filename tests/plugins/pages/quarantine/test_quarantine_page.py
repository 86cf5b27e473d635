"""The page Quarantine: counts, cards, a refusal by itself, previews, and whatever strange names and addresses come."""

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from pathlib import Path

import pytest

from nightjar.domain.reasons import Reason
from nightjar.runtime.memory import MemoryStore
from nightjar.stores.contents import Content
from nightjar.stores.quarantine import Quarantine
from nightjar.stores.records import Provenance, Records
from nightjar.stores.tables import PICTURES
from tests.golden.test_golden import RELEASES, bucket
from tests.images.base.nightjar.queries.refusals import AT, NOW, Refusals, a_row, warehouse_of
from tests.plugins.filled_pages import NOW as NOW_OF_GOLDEN
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import VIEWER, PagesClient

HOME = "/nightjar-ui/quarantine/"
JPEG = b"\xff\xd8\xff" + b"a small picture"
HASH = "0123456789abcdef" * 2


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesClient]:
    """Three refusals, and what the page must not give away; for tests that only look."""
    store = MemoryStore()
    refusals = Refusals(store)
    refusals.add(f"alice-porch-{AT}.jpg")
    refusals.add(f"bob-shop-{AT}.jpg", Reason.UNKNOWN_CAMERA)
    refusals.add("thumbs.db", Reason.BAD_NAME)
    refusals.record()
    store.put("config/rules.yaml", JPEG)
    store.put(f"quarantine/grey/2026/11/20/{HASH}/object", JPEG)
    with warehouse_of(store, tmp_path_factory.mktemp("parts")) as warehouse:
        yield make_client_of("quarantine", store, warehouse=warehouse, clock=lambda: NOW)


def path_of(folder: str) -> str:
    return HOME + folder.removeprefix("quarantine/").rstrip("/")


def text_of(html: str) -> str:
    """The text as a reader sees it: no tags, single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", html)).split())


def cards_in(html: str) -> int:
    return html.count('<li class="card')


def test_counts_lead_to_what_they_count_and_cards_tell_why(client: PagesClient, refusals: Refusals) -> None:
    seen = refusals.add(f"alice-porch-{AT}.jpg", preview=JPEG, expected="colour", found="no colour at all (0)")
    refusals.add(f"bob-shop-{AT}.jpg", Reason.UNKNOWN_CAMERA)
    refusals.add("thumbs.db", Reason.BAD_NAME)
    refusals.record()
    answer = client.get(HOME)
    assert answer.status_code == 200
    said = text_of(answer.text)
    assert "3 refused" in said
    assert "Expected colour, got no colour at all (0)" in said
    assert "Never decoded: it was refused by its name." in said
    assert f'src="{HOME}preview/{path_of(seen).removeprefix(HOME)}"' in answer.text
    assert f'href="{path_of(seen)}"' in answer.text
    [cell] = re.findall(r'href="([^"]*)" aria-label="1 of alice-porch, grey"', answer.text)
    assert cards_in(client.get(unescape(cell)).text) == 1
    [day] = re.findall(r'href="([^"]*)">\s*<svg[^>]*>.{0,120}</svg>\s*<b>3</b>', answer.text)
    assert cards_in(client.get(unescape(day)).text) == 3


@pytest.mark.parametrize(
    ("query", "cards"),
    [
        ("reason=grey", 1),
        ("camera=alice-porch", 1),
        ("camera=none", 1),
        ("user=bob", 1),
        ("user=nobody", 0),
        ("reason=a-reason-of-a-later-release", 0),
        ("from=2026-11-20&to=2026-11-20", 3),
        ("from=2026-11-10&to=2026-11-11", 0),
        ("from=2026-08-21&to=2026-11-20", 3),
        ("to=2026-11-21", 3),
        ("from=&to=&reason=&camera=&user=", 3),
    ],
)
def test_filters(filled: PagesClient, query: str, cards: int) -> None:
    answer = filled.get(f"{HOME}?{query}")
    assert (answer.status_code, cards_in(answer.text)) == (200, cards)


@pytest.mark.parametrize(
    "query",
    [
        "from=yesterday",
        "to=2026-02-30",
        "from=0001-01-01",
        "to=9999-12-31",
        "from=2026-11-21",
        "from=2026-08-20&to=2026-11-20",
        "from=%EF%BC%92026-11-20",
        "reason=Grey",
        "reason=%00",
        "reason=" + "x" * 65,
        "user=<script>",
        "camera=alice",
        "camera=alice-porch'--",
        "before=1",
        "before=%F0%9F%98%80",
    ],
)
def test_an_address_that_is_not_understood_is_answered_with_what_was_expected(filled: PagesClient, query: str) -> None:
    answer = filled.get(f"{HOME}?{query}")
    assert answer.status_code == 400
    assert "Expected" in answer.text and "<script>" not in answer.text


def test_pages_are_loaded_one_after_the_other(client: PagesClient, refusals: Refusals) -> None:
    for number in range(30):
        refusals.add(f"alice-porch-{AT - number}.jpg", at=NOW - timedelta(seconds=number))
    refusals.record()
    first = client.get(HOME).text
    assert cards_in(first) == 24
    [older] = re.findall(r'hx-get="([^"]*before=[^"]*)"', first)
    more = client.get(unescape(older), headers={"hx-request": "true"}).text
    assert cards_in(more) == 6
    assert "<html" not in more and "hx-get" not in more
    assert "<html" in client.get(unescape(older)).text, "expected a page of its own without the script"


def test_nothing_is_refused(client: PagesClient) -> None:
    said = text_of(client.get(HOME).text)
    assert "Nothing is refused from 2026-11-14 to 2026-11-20. All footage of these days passed, or none came." in said
    assert "Retry all" not in said


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x onerror=alert(1)>.jpg", "&lt;img src=x onerror=alert(1)&gt;.jpg"),
        ("a\"b'c.jpg", "a&#34;b&#39;c.jpg"),
        ("\u202egpj.exe", "?gpj.exe"),
        ("a\0b.jpg", "a?b.jpg"),
        ("a\r\nb.jpg", "a??b.jpg"),
        ("عربي.jpg", "عربي.jpg"),
        ("{{ 7 * 7 }}.jpg", "{{ 7 * 7 }}.jpg"),
        ("x" * 1000, "x" * 99 + "…"),
        ("", "(no name)"),
    ],
)
def test_names_are_shown_and_never_obeyed(client: PagesClient, refusals: Refusals, name: str, shown: str) -> None:
    folder = refusals.add(name, Reason.BAD_NAME, found=f"it was {name}")
    refusals.record()
    assert f"<bdi>{shown}</bdi>" in client.get(HOME).text or not name
    detail = client.get(path_of(folder))
    assert detail.status_code == 200
    assert "<img src=x" not in detail.text
    assert ("x" * 1000 in detail.text) == (len(name) == 1000)


def test_a_refusal_by_itself(client: PagesClient, refusals: Refusals) -> None:
    folder = refusals.add(f"alice-porch-{AT}.jpg", preview=JPEG, found="no colour")
    answer = client.get(path_of(folder))
    said = text_of(answer.text)
    for part in (
        "grey · alice-porch",
        "no colour",
        "7 bytes",
        "Mend the rules or the setting",
        f"alice-porch-{AT}.jpg",
    ):
        assert part in said
    assert f"{folder}object" in said, "expected the command that fetches the original"
    assert "--reason grey --camera alice-porch" in said
    assert f"/dags/nightjar_live/runs/{refusals_run()}" in answer.text
    assert "Retry this one" in said


def refusals_run() -> str:
    return "20261120T120000Z-0123456789ab"


def test_a_refusal_of_which_s3_does_not_give_the_object(client: PagesClient, store: MemoryStore) -> None:
    folder = Refusals(store).add(f"alice-porch-{AT}.jpg", Reason.UNREADABLE)
    store.make_unreadable(f"{folder}object", "KMS.DisabledException")
    said = text_of(client.get(path_of(folder)).text)
    assert "S3 did not give it, so there is no copy here" in said
    assert "aws s3 cp" not in said


def test_what_was_lifted_and_what_cannot_be_read_is_told_beside_the_others(
    client: PagesClient, store: MemoryStore, refusals: Refusals
) -> None:
    lifted, damaged, good = (refusals.add(f"alice-{each}-{AT}.jpg") for each in ("a", "b", "c"))
    refusals.record()
    Quarantine(store).lift(lifted)
    store.put(f"{damaged}reason.json", b"\xff<script>")
    answer = client.get(HOME)
    said = text_of(answer.text)
    assert "Holds no longer" in said and "Cannot be read" in said
    assert path_of(good) in answer.text
    assert [client.get(path_of(folder)).status_code for folder in (lifted, damaged, good)] == [404, 404, 200]


def test_a_row_of_the_warehouse_names_no_other_key(client: PagesClient, store: MemoryStore) -> None:
    rows = [a_row("p1", reason="grey", quarantine_key="config/", taken_at=NOW, camera="<b>")]
    Records(store).write(NOW.date(), "nightjar_live/1", Content.of(PICTURES, rows), Provenance(run="nightjar_live/1"))
    answer = client.get(HOME)
    assert answer.status_code == 200
    assert "Cannot be read" in answer.text
    assert "&lt;b&gt;" in answer.text and "· <b>" not in answer.text


@pytest.mark.parametrize(
    "folder",
    [
        f"grey/2026/11/20/{HASH}/object",
        f"grey/2026/11/20/{HASH}/reason.json",
        f"grey/2026/11/31/{HASH}",
        "grey",
        "config/rules.yaml",
        "../config/rules.yaml",
        "..%2Fconfig%2Frules.yaml",
        "%00",
        "x" * 2000,
    ],
)
@pytest.mark.parametrize("route", ["", "preview/"])
def test_no_other_key_can_be_asked_for(filled: PagesClient, route: str, folder: str) -> None:
    answer = filled.get(f"{HOME}{route}{folder}")
    assert answer.status_code in (400, 404)
    assert JPEG not in answer.content


def test_a_preview_is_served_as_a_picture_and_nothing_else_is(client: PagesClient, store: MemoryStore) -> None:
    refusals = Refusals(store)
    seen = refusals.add(f"alice-porch-{AT}.jpg", preview=JPEG)
    unseen = refusals.add(f"alice-porch-{AT + 1}.jpg")
    address = f"{HOME}preview/{path_of(seen).removeprefix(HOME)}"
    answer = client.get(address)
    assert (answer.status_code, answer.content, answer.headers["content-type"]) == (200, JPEG, "image/jpeg")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"].startswith("private")
    known = client.get(address, headers={"if-none-match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    none = f"{HOME}preview/{path_of(unseen).removeprefix(HOME)}"
    assert client.get(none).status_code == 404
    for other in (b"<script>alert(1)</script>", JPEG + bytes(600_000), b""):
        store.put(f"{unseen}preview.jpg", other)
        assert client.get(none).status_code == 404
    store.make_unreadable(f"{seen}preview.jpg")
    assert client.get(address).status_code == 404


def test_who_may_not_act_sees_no_buttons(store: MemoryStore, tmp_path: Path) -> None:
    refusals = Refusals(store)
    folder = refusals.add(f"alice-porch-{AT}.jpg")
    refusals.record()
    with warehouse_of(store, tmp_path) as warehouse:
        viewer = make_client_of("quarantine", store, person=VIEWER, warehouse=warehouse, clock=lambda: NOW)
        for address in (HOME, path_of(folder)):
            answer = viewer.get(address)
            assert answer.status_code == 200
            assert "retry?" not in answer.text and "Retry" not in answer.text


@pytest.mark.parametrize("release", RELEASES)
def test_refusals_of_earlier_releases(release: str, tmp_path: Path) -> None:
    store = bucket(release)
    with warehouse_of(store, tmp_path) as warehouse:
        client = make_client_of("quarantine", store, warehouse=warehouse, clock=lambda: NOW_OF_GOLDEN)
        answer = client.get(HOME)
        assert answer.status_code == 200
        assert cards_in(answer.text) >= 5
        assert "Cannot be read" not in answer.text
        reasons = [info.key for info in store.list_objects("quarantine/") if info.key.endswith("/reason.json")]
        assert reasons
        for key in reasons:
            assert client.get(path_of(key.removesuffix("reason.json"))).status_code == 200


@pytest.mark.parametrize(
    ("name", "reason", "detail", "note"),
    [
        (f"alice-porch-{AT}.jpg", Reason.GREY, "", "A small copy that the sealed decoder made."),
        (f"alice-porch-{AT}.jpg", Reason.CORRUPT, "", "made, grey or wrong where data is missing."),
        (f"alice-porch-{AT}.mp4", Reason.CLOCK_JUMP, "", "A small copy of the first picture of the video"),
        (f"alice-porch-{AT}.mp4", Reason.VOID, "frame at 3000 ms", "A small copy that the sealed decoder made."),
    ],
)
def test_what_a_preview_shows_is_said(
    client: PagesClient, refusals: Refusals, name: str, reason: Reason, detail: str, note: str
) -> None:
    folder = refusals.add(name, reason, preview=JPEG, detail=detail)
    assert note in text_of(client.get(path_of(folder)).text)
