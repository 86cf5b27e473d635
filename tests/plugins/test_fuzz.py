"""Requests that schemathesis makes up for every route, from the app's own description: each gets a proper answer."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok

from plugins.web.addresses import MOUNT
from tests.plugins.filled_pages import filled_pages
from tests.plugins.web_world import BASE_URL, PagesClient, make_pages

pytestmark = pytest.mark.slow  # a thousand requests

EXAMPLES = 15
# A fast "no" is a proper answer to what is made up: of the kinds that the pages give.
REFUSALS = {400, 401, 403, 404, 405, 413, 429}

schema = schemathesis.openapi.from_dict(make_pages().openapi())
found = [each.ok() for each in schema.get_all_operations() if isinstance(each, Ok)]
operations = {f"{each.method.upper()} {each.path}": each for each in found}


def test_every_route_is_described() -> None:
    routes = {
        f"{method} {route.path.replace(':path', '')}"
        for route in make_pages().routes
        if isinstance(route, APIRoute)
        for method in route.methods
    }
    assert operations.keys() == routes


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PagesClient]:
    with filled_pages(tmp_path_factory.mktemp("parts")) as client:
        yield client


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("operation", operations.values(), ids=operations.keys())
def test_a_made_up_request_gets_a_proper_answer(operation: Any, mode: GenerationMode, client: PagesClient) -> None:
    @given(case=operation.as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,  # the same requests in each run
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: Case[Any]) -> None:
        # As requests encodes it, for which schemathesis makes it: forms with values of any type among them.
        sent = requests.Request(**case.as_transport_kwargs(base_url=f"{BASE_URL}{MOUNT}")).prepare()
        headers = {
            name: value if isinstance(value, str) else value.decode("latin-1")
            for name, value in sent.headers.items()
            if name.lower() != "user-agent"
        }
        method, url = str(sent.method), str(sent.url)
        answer = client.request(method, url, headers=headers, content=sent.body)
        assert answer.status_code < 400 or answer.status_code in REFUSALS, (answer.status_code, url)
        if "%0A" not in url:  # with a line end in its path, no request reaches an app that is mounted
            assert "content-security-policy" in answer.headers

    try:
        ask()
    except Unsatisfiable:  # a route that takes any text, or nothing, cannot be asked wrongly
        assert mode is GenerationMode.NEGATIVE
