"""Nobody gets past the gate: every route there is, found by walking the app, of all pages and of a sample."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
from fastapi import APIRouter, Depends, Response

from nightjar.runtime.memory import MemoryStore
from nightjar.stores.warehouse import Warehouse, WarehouseSettings
from plugins.web.access import acting
from plugins.web.headers import HEADERS
from plugins.web.origin import SAFE_METHODS
from plugins.web.pages import Page, PageFolder, discover
from tests.plugins.web.routes import METHODS, Found, walk
from tests.plugins.web.samples import SAMPLE
from tests.plugins.web_world import OPERATOR, VIEWER, PagesClient, Somebody, make_client, make_pages

PAGES = (*discover(), *SAMPLE)
ROUTES = sorted(walk(make_pages(pages=PAGES).routes), key=lambda each: each.path)
CHANGING = [route for route in ROUTES if route.changes]
ODD = "/nightjar-ui/none/such"


class Shared:
    """One client for each person, over one store that stays empty, since making an app takes most of a test's time."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.store = MemoryStore()
        self._warehouse = warehouse
        self._clients: dict[Somebody | None, PagesClient] = {}

    def client(self, person: Somebody | None = OPERATOR) -> PagesClient:
        if person not in self._clients:
            self._clients[person] = make_client(self.store, person=person, pages=PAGES, warehouse=self._warehouse)
        return self._clients[person]

    def check_untouched(self) -> None:
        assert list(self.store.list_versions("")) == []


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Warehouse(MemoryStore(), tmp_path_factory.mktemp("parts"), WarehouseSettings()) as empty:
        yield Shared(empty)


def name(route: Found) -> str:
    return route.path


def test_there_are_routes() -> None:
    paths = {route.path for route in ROUTES}
    assert {"/", "/static/{path:path}", "/pictures/{key:path}", "/clips/{key:path}", "/sample/mute"} <= paths
    assert {each.page.name for each in PAGES} <= {path.split("/")[1] for path in paths}


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_nobody_gets_anything_without_the_login(route: Found, shared: Shared) -> None:
    client = shared.client(None)
    for method in METHODS:
        answer = client.request(method, route.address())
        assert answer.status_code == 401
        assert method == "HEAD" or "Log in to Airflow" in answer.text
    shared.check_untouched()


@pytest.mark.parametrize("address", [ODD, "/nightjar-ui/docs", "/nightjar-ui/openapi.json", "/nightjar-ui/redoc"])
def test_what_is_not_there_needs_the_login_too(address: str) -> None:
    assert make_client(person=None).get(address).status_code == 401
    assert make_client().get(address).status_code == 404


@pytest.mark.parametrize("route", CHANGING, ids=name)
def test_a_viewer_changes_nothing(route: Found, shared: Shared) -> None:
    client = shared.client(VIEWER)
    for method in route.methods:
        answer = client.request(method, route.address())
        assert answer.status_code == 403 and "permission to change runs" in answer.text
    shared.check_untouched()
    line = client.audit_lines[-1]
    assert (line.event, line.person) == ("nightjar.refused", "victor")
    assert line.extra["address"] == f"POST {route.address()}"


@pytest.mark.parametrize("route", ROUTES, ids=name)
@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},  # a neighbour below the same domain
        {"sec-fetch-site": "cross-site", "origin": "https://airflow.example.com"},
        {"sec-fetch-site": "cross-site", "authorization": "Bearer x", "cookie": "_token=x"},
    ],
    ids=["cross-site", "same-site", "lying", "with both"],
)
def test_a_foreign_page_changes_nothing(route: Found, headers: dict[str, str], shared: Shared) -> None:
    client = shared.client()
    before = len(client.audit_lines)
    for method in {*METHODS} - SAFE_METHODS:
        assert client.request(method, route.address(), headers=headers).status_code == 403
    shared.check_untouched()
    assert {line.event for line in client.audit_lines[before:]} == {"nightjar.refused"}


@pytest.mark.parametrize("person", [None, VIEWER, OPERATOR, Somebody(reads=frozenset())], ids=str)
def test_every_answer_has_the_headers(person: Somebody | None, shared: Shared) -> None:
    client = shared.client(person)
    addresses = [ODD, *(route.address() for route in ROUTES)]
    for address, method in product(addresses, METHODS):
        headers = client.request(method, address).headers
        assert {key: headers[key] for key in HEADERS} == HEADERS, (method, address)
        assert headers["cache-control"].startswith("private"), (method, address)


@pytest.mark.parametrize("route", [route for route in ROUTES if "GET" in route.methods], ids=name)
@pytest.mark.parametrize("filler", ["x", "2026-11-20", "%00", "..%2F..%2Fconfig", "%F0%9F%A6%89", "a" * 3000])
def test_looking_changes_nothing_and_odd_addresses_are_told(route: Found, filler: str, shared: Shared) -> None:
    assert shared.client().get(route.address(filler)).status_code < 500
    shared.check_untouched()


@pytest.mark.parametrize("route", ROUTES, ids=name)
def test_who_may_not_read_the_dag_sees_nothing(route: Found, shared: Shared) -> None:
    client = shared.client(Somebody("nina", frozenset({"other_dag"}), frozenset()))
    if route.path in ("/", "/static/{path:path}"):  # they show nothing of a DAG
        return
    for method in route.methods:
        assert client.request(method, route.address()).status_code == 403


def test_a_route_that_forgets_to_ask_is_no_route() -> None:
    def act() -> Response:
        return Response()

    router = APIRouter()
    router.add_api_route("/act", act, methods=["POST"])
    folder = PageFolder(Page("lax", "Lax", 1, "nightjar_live", router), Path(__file__).parent)
    with pytest.raises(ValueError, match=r"expected acting.* '/act' of the page lax"):
        make_pages(pages=(folder,))
    router = APIRouter()
    router.add_api_route("/act", act, methods=["POST"], dependencies=[Depends(acting("nightjar_live"))])
    make_pages(pages=(PageFolder(Page("strict", "Strict", 1, "nightjar_live", router), Path(__file__).parent),))
