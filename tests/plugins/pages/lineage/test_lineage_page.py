"""The page Lineage: the graph twice, each box a link; the same for whoever may read runs; wrong questions in words."""

import re
from html import unescape

import pytest

from nightjar.runtime.memory import MemoryStore
from tests.images.base.nightjar.queries.lineage.lineage_world import CLIP, RUN, after, lineages
from tests.plugins.pages.one_page import make_client_of
from tests.plugins.web_world import PagesClient, Somebody

AT = "/nightjar-ui/lineage/"


def client() -> PagesClient:
    return make_client_of("lineage", lineages().store, clock=lambda: after(3600))


def links(text: str) -> set[str]:
    return {unescape(each) for each in re.findall(r'<a href="([^"]+)"', text)}


def test_an_alert_as_a_graph_in_which_each_box_is_a_link() -> None:
    answer = client().get(f"{AT}?of=0000000000000007")
    assert answer.status_code == 200
    assert [answer.text.count(f'class="lineage {kind}"') for kind in ("columns", "list")] == [1, 1]
    assert "style=" not in answer.text
    assert "made of" in answer.text
    for way in (
        "/nightjar-ui/review/event/alice-porch/2026-11-20/0000000000000007",
        "/nightjar-ui/pictures/standard/2026/11/20/12/alice-porch/1795176000.jpg?w=1280",
        f"/nightjar-ui/lineage/?of=footage%2F2026%2F11%2F20%2F12%2F{CLIP}",
        f"/nightjar-ui/lineage/?of=nightjar_live%2F{RUN}",
    ):
        assert way in links(answer.text)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (f"of={CLIP}&up=1", "What it took part in"),
        ("of=2026-11-20", "Report <bdi>2026-11-20</bdi>"),
        ("of=detect:1.0.0&up=1", "Looked for in the runs of 2026-11-13 13:00 to 2026-11-20 13:00 UTC"),
        ("of=detect:1.0.0&up=1&from=2026-11-01&to=2026-11-02", "Nothing that is stored says that it took part"),
        (f"of=nightjar_live/{RUN}&up=1&most=2", "more"),
        ("", "Name something"),
    ],
)
def test_questions(query: str, said: str) -> None:
    answer = client().get(f"{AT}?{query}")
    assert (answer.status_code, said in answer.text) == (200, True)


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("of=nothing", 404, "found nothing called"),
        ("of=%3Cscript%3Ealert(1)%3C/script%3E", 404, "&lt;script&gt;"),
        ("of=../../x", 404, "found nothing"),
        ("of=detect:1.0.0", 404, "upward only"),
        ("of=x&up=2", 400, "up to be 0 or 1"),
        ("of=x&most=0", 400, "most to be a whole number from 1 to 50"),
        ("of=x&most=51", 400, "most to be a whole number"),
        ("of=x&from=2026-02-30", 400, "a UTC day"),
        ("of=x&from=2026-11-20&to=2026-11-19", 400, "a period of at most 92 days"),
        ("of=x&from=2020-01-01&to=2026-11-19", 400, "a period of at most 92 days"),
    ],
)
def test_wrong_questions(query: str, status: int, said: str) -> None:
    answer = client().get(f"{AT}?{query}")
    assert (answer.status_code, said in answer.text) == (status, True)
    assert "<script>alert" not in answer.text


def test_a_hostile_subject_is_text() -> None:
    world = lineages()
    data, _ = world.store.get(world.alert_key)
    world.store.put(world.alert_key, data.replace(b"Person at Porch", b"</text><script>alert(1)</script>"))
    text = make_client_of("lineage", world.store, clock=lambda: after(3600)).get(f"{AT}?of={world.alert_key}").text
    assert "<script>alert" not in text
    assert text.count("&lt;/text&gt;&lt;script&gt;") >= 3


def test_a_damaged_object_is_told() -> None:
    world = lineages()
    world.store.put(world.alert_key, b"{}")
    answer = make_client_of("lineage", world.store, clock=lambda: after(3600)).get(f"{AT}?of={world.alert_key}")
    assert (answer.status_code, "a ledger line at" in answer.text) == (404, True)


def test_an_empty_bucket_and_who_may_see_it() -> None:
    assert make_client_of("lineage", MemoryStore()).get(f"{AT}?of=2026-11-20").status_code == 404
    nobody = Somebody("victor", reads=frozenset({"nightjar_report"}))
    assert make_client_of("lineage", MemoryStore(), person=nobody).get(AT).status_code == 403
