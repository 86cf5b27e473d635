"""The answers: pages, fragments, and pages that say no."""

import logging
import re
from html import unescape
from html.parser import HTMLParser

import pytest

from nightjar.runtime.memory import MemoryStore
from plugins.web import errors
from plugins.web.pages import discover
from tests.plugins.web.samples import SAMPLE
from tests.plugins.web_world import OPERATOR, VIEWER, PagesClient, Somebody, make_client

PAGE = "/nightjar-ui/sample/"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "javascript:alert(1)",
    "\u202egnp.exe",
    "🦉 Käuzchen & Söhne",
    "a" * 500,
]


class Tags(HTMLParser):
    """Counts elements and the attributes that they have."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}


def shape(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    return tags


@pytest.fixture(scope="module")
def client() -> PagesClient:
    return make_client(pages=SAMPLE)


def test_a_page(client: PagesClient) -> None:
    answer = client.get(PAGE)
    assert answer.status_code == 200
    assert '<a href="/nightjar-ui/sample/" aria-current="page">Samples</a>' in answer.text
    assert "of_runs" not in answer.text  # which is not in the navigation
    tags = shape(answer.text)
    assert tags.tags.count("h1") == 1 and {"nav", "main", "title"} <= set(tags.tags)
    assert "Fri 20 Nov, 14:05:00 CET" in answer.text and "2026-11-20 13:05:00 UTC" in answer.text


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_never_becomes_part_of_the_page(client: PagesClient, name: str) -> None:
    plain, odd = (client.get(PAGE, params={"name": each}).text for each in ("alice-porch", name))
    assert shape(odd).tags == shape(plain).tags
    assert shape(odd).attributes == shape(plain).attributes
    assert name in unescape(odd)


def test_addresses_in_airflow(client: PagesClient) -> None:
    text = client.get(PAGE, params={"name": "runs/a b"}).text
    assert 'href="/dags/nightjar_live/runs/runs%2Fa%20b" data-airflow' in text
    assert 'href="/dags/nightjar_live/runs/runs%2Fa%20b/tasks/detect/mapped/3"' in text
    assert 'href="/dags/nightjar_live/runs/runs%2Fa%20b/tasks/close"' in text
    assert 'src="/nightjar-ui/pictures/standard/2026/11/20/13/alice-porch/1795612345.jpg?w=320"' in text


def test_below_a_path() -> None:
    client = make_client(pages=SAMPLE, below="/airflow")
    text = client.get("/airflow/nightjar-ui/sample/").text
    for address in (
        "/airflow/nightjar-ui/static/web/nightjar.css?v=",
        "/airflow/nightjar-ui/sample/",
        "/airflow/dags/",
    ):
        assert f'"{address}' in text
    assert '"/nightjar-ui' not in text and '"/dags' not in text
    assert client.get("/airflow/nightjar-ui/").headers["location"] == "/airflow/nightjar-ui/sample/"
    assert client.get("/airflow/nightjar-ui/static/sample/sample.js").status_code == 200


def test_who_may_not_act_gets_no_button(client: PagesClient) -> None:
    assert ">Mute</button>" in client.get(PAGE).text
    assert ">Mute</button>" not in make_client(person=VIEWER, pages=SAMPLE).get(PAGE).text


def test_htmx_gets_the_part_alone(client: PagesClient) -> None:
    fragment = {"HX-Request": "true"}
    assert client.get(PAGE, headers=fragment).text == "<p>alice-porch</p>"
    answer = client.get("/nightjar-ui/sample/day/never", headers=fragment)
    assert answer.status_code == 400 and shape(answer.text).tags == ["p"]


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("day/<never>", 400, "Expected a day as 2026-11-20, got '<never>'."),
        ("?width=wide", 400, "Expected otherwise: 'width': Input should be a valid integer"),
        ("fails/none", 404, "Expected one of again"),
        ("none", 404, "There is no such page."),
        ("fails/again", 503, "The bucket does not answer as it should."),
        ("fails/usage", 503, "The bucket does not answer as it should."),
        ("fails/other", 503, "The bucket does not answer as it should."),
        ("fails/input", 503, "cannot be read in the bucket"),
        ("fails/bug", 500, "The API server's log says why."),
    ],
)  # fmt: skip
def test_a_page_that_says_no(
    client: PagesClient, path: str, status: int, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"{PAGE}{path}")
    assert answer.status_code == status
    assert sentence in unescape(answer.text)
    assert "SECRET" not in answer.text and "secret/" not in answer.text and "Traceback" not in answer.text
    assert bool(caplog.records) == (status >= 500)  # the log has it


def test_another_method(client: PagesClient) -> None:
    answer = client.request("DELETE", PAGE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_who_is_not_logged_in_is_led_back() -> None:
    client = make_client(person=None, pages=SAMPLE)
    assert "?next=/nightjar-ui/sample/?name=x" in client.get(f"{PAGE}?name=x").text
    answer = client.post(f"{PAGE}mute", data={"camera": "x"})
    assert answer.status_code == 401 and '?next=/nightjar-ui/"' in answer.text


def test_a_dag_that_one_may_not_read() -> None:
    client = make_client(person=Somebody(reads=frozenset({"nightjar_live"})), pages=SAMPLE)
    runs = "/nightjar-ui/of_runs/run"
    assert client.get(runs, params={"dag_id": "nightjar_live"}).status_code == 200
    answer = client.get(runs, params={"dag_id": "secret<dag>"})
    assert answer.status_code == 403 and "secret&lt;dag&gt;" in answer.text
    nobody = make_client(person=Somebody(reads=frozenset()), pages=SAMPLE)
    assert nobody.get(PAGE).status_code == 403


def test_an_act_is_in_the_audit_log() -> None:
    store = MemoryStore()
    client = make_client(store, pages=SAMPLE)
    assert client.post(f"{PAGE}mute", data={"camera": "alice-porch"}).status_code == 200
    [line] = client.audit_lines
    assert (line.event, line.person, line.dag_id) == ("nightjar.mute", OPERATOR.name, "nightjar_live")
    assert line.extra == {"camera": "alice-porch", "outcome": "done"}
    assert store.head("mutes/alice-porch")


@pytest.mark.parametrize(("size", "status"), [(950, 400), (1001, 413)])
def test_bodies_are_bounded(client: PagesClient, size: int, status: int) -> None:
    """400: it is no form that has a camera."""
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(f"{PAGE}mute", content=b"x" * size, headers=kind).status_code == status

    async def unannounced() -> object:
        for _ in range(size):
            yield b"x"

    assert client.post(f"{PAGE}mute", content=unannounced(), headers=kind).status_code == status


@pytest.mark.parametrize("length", ["-1", "ten", "1e9", "", "9" * 5000])
def test_a_length_that_is_none(client: PagesClient, length: str) -> None:
    assert client.post(f"{PAGE}mute", headers={"content-length": length}).status_code == 413


def test_too_often() -> None:
    client = make_client(pages=SAMPLE)
    assert [client.post(f"{PAGE}try").status_code for _ in range(3)] == [200, 200, 429]
    assert int(client.post(f"{PAGE}try").headers["retry-after"]) > 0


def test_static_files(client: PagesClient) -> None:
    answer = client.get("/nightjar-ui/static/sample/sample.js")
    assert answer.text == '"use strict";\n' and answer.headers["content-type"].startswith("text/javascript")
    assert answer.headers["cache-control"] == "private, no-cache"
    version = answer.headers["etag"].strip('"')
    forever = client.get(f"/nightjar-ui/static/sample/sample.js?v={version}")
    assert "immutable" in forever.headers["cache-control"]
    known = client.get("/nightjar-ui/static/sample/sample.js", headers={"if-none-match": answer.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["sample/notes.txt", "sample/../page.py", "sample/..%2Fpage.py", "web/vendor/vendor.toml", "", "web", "%00"]
)
def test_what_is_no_static_file(client: PagesClient, path: str) -> None:
    assert client.get(f"/nightjar-ui/static/{path}").status_code == 404


def test_pages_are_found_and_in_order() -> None:
    assert [each.page.name for each in SAMPLE] == ["sample", "of_runs"]
    assert len({each.page.name for each in discover()}) == len(discover())


def test_the_first_page(client: PagesClient) -> None:
    assert client.get("/nightjar-ui/").headers["location"] == PAGE
    assert make_client(pages=()).get("/nightjar-ui/").status_code == 404


def test_the_tree_of_errors_has_them_all() -> None:
    drawn = re.findall(r"── (\w+) +(\d+) ", errors.__doc__ or "")
    assert drawn == [(each.__name__, str(each.status)) for each in errors.PageError.__subclasses__()]
