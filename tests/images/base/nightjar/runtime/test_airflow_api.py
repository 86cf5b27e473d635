"""The client of Airflow's REST API, over a double of it; that a real one answers so is tested by tests/local."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from nightjar.runtime import airflow_api
from nightjar.runtime.airflow_api import AirflowApi, AirflowRefusedError, AirflowSilentError

PASSWORD = "correct horse"
Answers = Callable[[httpx.Request], httpx.Response]


class Double:
    """Airflow's API as far as these tests ask it. `broken` are answers that come first, an error is raised."""

    def __init__(self, *broken: int | Exception) -> None:
        self.broken = list(broken)
        self.variables: dict[str, str] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.tokens = 0
        self.good: set[str] = set()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("?")[0]
        if path == "/auth/token":
            if json.loads(request.content)["password"] != PASSWORD:
                return httpx.Response(401, text="Invalid credentials")
            self.tokens += 1
            self.good = {f"Bearer token-{self.tokens}"}
            return httpx.Response(201, json={"access_token": f"token-{self.tokens}"})
        self.asked.append(f"{request.method} {path}")
        if self.broken:
            problem = self.broken.pop(0)
            if isinstance(problem, Exception):
                raise problem
            return httpx.Response(problem, text="Database error")
        if request.headers.get("Authorization") not in self.good:
            return httpx.Response(401, text="Not authenticated")
        return self.answer(request, path.removeprefix("/api/v2/").split("/"))

    def answer(self, request: httpx.Request, parts: list[str]) -> httpx.Response:
        offset, limit = (int(request.url.params.get(name, 0)) for name in ("offset", "limit"))
        match request.method, parts:
            case "GET", ["variables", key] if key in self.variables:
                return httpx.Response(200, json={"value": self.variables[key]})
            case "POST" | "PATCH", ["variables", *_]:
                body = json.loads(request.content)
                self.variables[body["key"]] = body["value"]
                return httpx.Response(200, json=body)
            case "POST", ["dags", "live", "dagRuns"]:
                body = json.loads(request.content)
                if body["dag_run_id"] in self.runs:
                    return httpx.Response(409, text="a run of that name is there")
                self.runs[body["dag_run_id"]] = body
                return httpx.Response(200, json=body)
            case "GET", ["dags", "live", "dagRuns"]:
                runs = list(self.runs.values())[offset : offset + limit]
                return httpx.Response(200, json={"dag_runs": runs, "total_entries": len(self.runs)})
            case "GET", ["dags", "live", "dagRuns", run] if (name := unquote(run)) in self.runs:
                return httpx.Response(200, json=self.runs[name])
            case "GET", ["dags", "live", "dagRuns", _, "taskInstances", "shard.detect", "logs", number]:
                lines = [
                    f"try {number} of {request.url.params['map_index']}",
                    {"event": "ended", "error_detail": ERROR},
                ]
                return httpx.Response(200, json={"content": lines})
            case "GET", ["dags", "live", "dagRuns", _, "taskInstances", "shard.detect", "3", "tries"]:
                tries = [{"try_number": 2}, {"try_number": 1}]
                return httpx.Response(200, json={"task_instances": tries, "total_entries": 2})
            case "GET", ["page"]:
                return httpx.Response(200, text="<html>sign in here</html>")
            case "GET", ["login"]:
                return httpx.Response(302, headers={"location": "https://login.example.com/?secret=1"}, text="moved")
        return httpx.Response(404, json={"detail": "not found"})


ERROR = [{"exc_type": "AirflowFailException", "exc_value": "expected a JPEG"}]
TASK = {"dag_id": "live", "dag_run_id": "a", "task_id": "shard.detect", "map_index": 3, "try_number": 2}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(airflow_api, "RETRY_PAUSES", (0.0, 0.0))


@pytest.fixture
def double() -> Double:
    return Double()


@pytest.fixture
def api(double: Double) -> Iterator[AirflowApi]:
    with client(double) as made:
        yield made


def client(double: Double, password: str = PASSWORD, token: str = "") -> AirflowApi:
    return AirflowApi("http://airflow.example", password, token=token, transport=httpx.MockTransport(double))


def test_a_variable_is_absent_then_made_then_changed(api: AirflowApi, double: Double) -> None:
    assert api.variable("nightjar_images") is None
    api.set_variable("nightjar_images", "{}", "tags")
    api.set_variable("nightjar_images", '{"a": 1}', "tags")
    assert api.variable("nightjar_images") == '{"a": 1}'
    assert [each.split()[0] for each in double.asked] == ["GET", "GET", "POST", "GET", "PATCH", "GET"]
    assert double.tokens == 1, "one login is enough"


def test_a_run_is_triggered_once_with_its_conf_and_day(api: AirflowApi, double: Double) -> None:
    api.trigger("live", "manual__2026-11-20T00:00:00+00:00", {"look": "everything"})
    api.trigger("live", "manual__2026-11-20T00:00:00+00:00", {"another": "conf"})
    api.trigger_day("live", "day", date(2026, 11, 20))
    first, day = double.runs.values()
    assert first["conf"] == {"look": "everything"} and first["logical_date"] is None
    assert datetime.fromisoformat(day["logical_date"]) == datetime(2026, 11, 21, tzinfo=UTC)
    assert api.run("live", "none") is None
    with pytest.raises(AirflowRefusedError, match="404") as refused:
        api.trigger("no_such_dag", "a")
    assert refused.value.status == 404


@pytest.mark.parametrize(("most", "expected"), [(None, 250), (0, 0), (1, 1), (100, 100), (120, 120), (300, 250)])
def test_lists_come_page_by_page(api: AirflowApi, double: Double, most: int | None, expected: int) -> None:
    double.runs = {str(n): {"dag_run_id": str(n)} for n in range(250)}
    assert [each["dag_run_id"] for each in api.runs("live", most=most)] == [str(n) for n in range(expected)]
    assert api.runs("no_such_dag") == []


def test_a_log_is_that_of_the_last_try_or_of_another(api: AirflowApi) -> None:
    assert api.log(TASK) == "try 2 of 3\nended\nAirflowFailException: expected a JPEG"
    assert api.log(TASK, 1).startswith("try 1 of 3\n")
    assert [each["try_number"] for each in api.tries(TASK)] == [1, 2]
    assert api.tries({**TASK, "task_id": "none"}) == []


def test_what_fails_for_now_is_asked_again(double: Double) -> None:
    double.broken = [500, httpx.ConnectError("refused")]
    with client(double) as api:
        assert api.variable("none") is None
    assert len(double.asked) == 3


@pytest.mark.parametrize(
    ("problem", "error", "message"),
    [
        (httpx.ConnectError("refused"), AirflowSilentError, "did not answer GET /variables/a"),
        (httpx.ReadTimeout("slow"), AirflowSilentError, "did not answer GET /variables/a: ReadTimeout"),
        (500, AirflowRefusedError, "refused GET /variables/a with 500: Database error"),
    ],
)
def test_what_goes_on_failing_is_an_error(problem: int | Exception, error: type[Exception], message: str) -> None:
    with client(Double(*[problem] * 3)) as api, pytest.raises(error, match=message):
        api.variable("a")


def test_a_token_that_has_run_out_is_renewed_once(api: AirflowApi, double: Double) -> None:
    assert api.variable("a") is None
    double.good = set()
    assert api.variable("a") is None
    assert double.tokens == 2


def test_no_error_shows_a_secret(double: Double) -> None:
    with client(double, "battery staple") as api, pytest.raises(AirflowRefusedError, match="login with 401") as wrong:
        api.variable("a")
    with client(double, "", token="a.stale.jwt") as api, pytest.raises(AirflowRefusedError, match="401") as stale:
        api.variable("a")
    assert "staple" not in str(wrong.value) and "stale.jwt" not in str(stale.value)
    assert double.tokens == 0, "who brings a token is not signed in by another way"


@pytest.mark.parametrize(
    ("path", "message"), [("/page", "got 200"), ("/login", "got 302 and a redirect to login.exam")]
)
def test_pages_of_something_else_are_no_airflow(api: AirflowApi, path: str, message: str) -> None:
    with pytest.raises(AirflowRefusedError, match=message) as raised:
        api._call("GET", path)
    assert "secret=1" not in str(raised.value)
