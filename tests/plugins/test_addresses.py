"""Every address that a page names leads somewhere, and whatever is put in its place is refused with a sentence."""

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qsl, quote, unquote, urlencode, urljoin, urlsplit

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Match

from plugins.web.addresses import MOUNT
from tests.plugins.filled_pages import RUN, filled_pages
from tests.plugins.web_world import PagesClient

pytestmark = pytest.mark.slow  # some hundred pages

MOST = 600
ODD = (
    *("", " ", "'", '"><script>alert(1)</script>', "../../etc/passwd", "..%2f..", "\0", "9" * 400, "-1", "0", "1e309"),
    *("2026-13-45", "2026-11-26", "0001-01-01", "9999-12-31", "null", "é\u202e\U0001f600", "a" * 5000, "%"),
)
# No link of ours leads there, but a form, a script or Airflow; an address of each.
UNLINKED = {
    "/runs/run": f"{MOUNT}/runs/run?dag_id=nightjar_live&run_id={RUN}",
    "/runs/task": f"{MOUNT}/runs/task?dag_id=nightjar_live&run_id={RUN}&task_id=shard.detect&map_index=0",
    "/rules/tried/{identity}": f"{MOUNT}/rules/tried/0123456789abcdef",
    "/clips/{key:path}": f"{MOUNT}/clips/footage/2026/11/26/02/carol-garden-1764124800.mp4",
    "/cameras/{name}/areas": f"{MOUNT}/cameras/alice-yard/areas",
    "/cameras/{name}/feet": f"{MOUNT}/cameras/alice-yard/feet",
    "/quarantine/retried/{batch}": f"{MOUNT}/quarantine/retried/retry-{RUN}",
    "/quarantine/preview/{folder:path}": f"{MOUNT}/quarantine/preview/grey/2026/11/26/{'6' * 32}/",
}


class Addresses(HTMLParser):
    """Collects what a page leads to: links, pictures, forms that ask, and what htmx loads."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.forms: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "data-airflow" in given:  # a page of Airflow's own
            return
        if tag == "form" and given.get("method", "get").lower() == "post":
            self.forms.append(given.get("action", ""))
            return
        self.found += [given[name] for name in ("href", "src", "hx-get", "action", "srcset") if name in given]


def read(html: str) -> Addresses:
    """The addresses of a page."""
    parser = Addresses()
    parser.feed(html)
    return parser


def ours(addresses: Iterable[str], page: str) -> Iterator[str]:
    """Those below our mount, as a browser at `page` would ask them."""
    for each in addresses:
        address = urljoin(page, each).partition("#")[0]
        if address.startswith(f"{MOUNT}/"):
            yield address


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesClient]:
    with filled_pages(tmp_path_factory.mktemp("parts")) as client:
        yield client


@pytest.fixture(scope="module")
def crawled(client: PagesClient) -> dict[str, int]:
    """The status of every address that can be reached by links, and of no more than is needed of a kind."""
    waiting = [f"{MOUNT}/", *UNLINKED.values()]
    status: dict[str, int] = {}
    kinds: dict[str, int] = {}
    while waiting and len(status) < MOST:
        address = waiting.pop(0)
        if address in status or kinds.get(kind(address), 0) >= 3:
            continue
        kinds[kind(address)] = kinds.get(kind(address), 0) + 1
        answer = client.get(address)
        status[address] = answer.status_code
        if answer.is_redirect:
            waiting += ours([answer.headers["location"]], address)
        if answer.headers.get("content-type", "").startswith("text/html"):
            waiting += ours(read(answer.text).found, address)
    return status


def kind(address: str) -> str:
    """Addresses of a kind differ only in names, days and numbers."""
    parts = urlsplit(address)
    path = re.sub(r"[0-9a-f]{12,}|\d+|[a-z]+-(yard|garden|porch|door|store)", "*", parts.path)
    return f"{path}?{'&'.join(sorted({name for name, _ in parse_qsl(parts.query)}))}"


def test_every_link_leads_to_a_page(crawled: dict[str, int]) -> None:
    broken = {each: status for each, status in crawled.items() if status not in {200, 204, 303, 307}}
    # Golden files have records of more than they have objects of, and nobody has tried rules or footage here.
    missing = re.compile(
        rf"{MOUNT}/((pictures|clips|review/event|quarantine/preview|quarantine/retried|rules/tried)/|lineage/\?of=standard)"
    )
    broken = {each: status for each, status in broken.items() if not (status == 404 and missing.match(each))}
    assert broken == {}
    assert len(crawled) > 30


def route_of(client: PagesClient, address: str) -> str:
    scope = {"type": "http", "method": "GET", "path": unquote(urlsplit(address).path).removeprefix(MOUNT)}
    for route in client.app.routes:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is Match.FULL:
            return route.path
    return ""


def test_every_page_can_be_reached_by_links(client: PagesClient, crawled: dict[str, int]) -> None:
    routes = {route.path for route in client.app.routes if isinstance(route, APIRoute) and "GET" in route.methods}
    assert routes <= {route_of(client, address) for address in crawled}


def variants(client: PagesClient, crawled: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """For each part of an address that may be anything, the address with odd values in its place."""
    found: dict[tuple[str, str], list[str]] = {}
    for address in crawled:
        parts, route = urlsplit(address), route_of(client, address)
        query = parse_qsl(parts.query, keep_blank_values=True)
        for name, _ in query:
            others = [pair for pair in query if pair[0] != name]
            values = [f"{parts.path}?{urlencode([*others, (name, odd)])}" for odd in ODD]
            found.setdefault((route, name), [*values, f"{parts.path}?{urlencode([*query, (name, 'twice')])}"])
        segments = parts.path.split("/")
        for index, segment in enumerate(route.split("/"), start=1):
            if "{" in segment and index < len(segments):
                paths = ["/".join([*segments[:index], quote(odd, ""), *segments[index + 1 :]]) for odd in ODD if odd]
                found.setdefault((route, segment), [f"{path}?{parts.query}" for path in paths])
    return found


def test_odd_values_are_refused_with_a_sentence_and_nothing_fails(client: PagesClient, crawled: dict[str, int]) -> None:
    tried = variants(client, crawled)
    assert len(tried) > 10
    for addresses in tried.values():
        for address in addresses:
            answer = client.get(address)
            assert answer.status_code < 500, address
            if answer.headers.get("content-type", "").startswith("text/html"):
                assert "<script>alert" not in answer.text, address
