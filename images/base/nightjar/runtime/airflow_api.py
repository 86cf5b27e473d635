"""A client of Airflow's REST API (`/api/v2`), for the command line, the local deployment and tests.

Needs httpx, which comes with Airflow: no stage imports this. Errors are those of the one tree:

    UsageError
    └── AirflowRefusedError   Airflow refused the call or the login: a person has to change something
    TryAgainError
    └── AirflowSilentError    Airflow did not answer, or was not ready in time
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_address
from typing import Any, Self
from urllib.parse import quote, urlsplit

import httpx

from nightjar.errors import TryAgainError, UsageError

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")

# SQLite locks the whole database for a writer, and a call that comes just then is answered with 500. Every call made
# here may be made again: one that got through after all is refused the second time, and that is reported.
RETRY_PAUSES = (0.5, 1.0, 2.0, 4.0)
_TIMEOUT = 30.0  # seconds for an answer
_PAGE = 100  # Airflow's API gives no more at once
_SAID = 500  # characters of a refusal that are shown


class AirflowRefusedError(UsageError):
    """Airflow refused a call with `status`, an HTTP status; the message says which call, and why."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class AirflowSilentError(TryAgainError):
    """Airflow did not answer, or has not got as far as was waited for."""


class AirflowApi:
    """A client of one Airflow; it signs in with the first call that needs it, and again when its token has run out.

    Every method raises AirflowRefusedError when Airflow refuses the call, and AirflowSilentError when it does not
    answer. Neither the password nor the token is in an error. With `token`, a JWT of Airflow's, nobody signs in.
    """

    def __init__(
        self,
        url: str,
        password: str,
        user: str = "admin",
        *,
        token: str = "",
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.user = user
        self._login = {"username": user, "password": password}
        self._may_sign_in = not token
        self._client = httpx.Client(
            base_url=url,
            timeout=_TIMEOUT,
            # A proxy and a company's certificates count for an Airflow elsewhere, not for one on this machine.
            trust_env=not _is_own_machine(url),
            transport=transport,
            headers={"Authorization": f"Bearer {token}"} if token else {},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def answers(self) -> bool:
        """Whether the api-server answers."""
        return bool(self.health())

    def is_healthy(self) -> bool:
        """Whether the api-server answers and every component has sent a recent heartbeat."""
        health = self.health()
        return all(health.get(name) == "healthy" for name in COMPONENTS)

    def health(self) -> dict[str, str]:
        """The health of every component as the api-server tells it; empty if it does not answer."""
        try:
            answer = self._client.get("/api/v2/monitor/health")
        except httpx.TransportError:
            return {}
        if answer.status_code != httpx.codes.OK:
            return {}
        return {name: str(about.get("status")) for name, about in answer.json().items() if about}

    def variable(self, key: str) -> str | None:
        """The value of an Airflow Variable, or None if there is none."""
        answer = self._call("GET", f"/variables/{_part(key)}", absent_ok=True)
        return None if answer is None else str(answer["value"])

    def set_variable(self, key: str, value: str, description: str) -> None:
        """Set an Airflow Variable, new or not."""
        body = {"key": key, "value": value, "description": description}
        if self.variable(key) is None:
            self._call("POST", "/variables", json=body)
        else:
            self._call("PATCH", f"/variables/{_part(key)}", json=body)

    def dags(self) -> dict[str, dict[str, Any]]:
        """Airflow's account of every DAG, by id."""
        return {dag["dag_id"]: dag for dag in self._call("GET", "/dags", params={"limit": _PAGE})["dags"]}

    def import_errors(self) -> list[str]:
        """The files that do not parse, each with its error."""
        errors = self._call("GET", "/importErrors")["import_errors"]
        return [f"{each['filename']}:\n{each['stack_trace']}" for each in errors]

    def start_dags(self, dags: Sequence[str], *, check: Callable[[], None], timeout: float = 120.0) -> None:
        """Let these DAGs run, the first one first, as soon as Airflow has parsed them all.

        Raises AirflowSilentError with the import errors if it has not within `timeout` seconds. `check` may raise too.
        """
        deadline = time.monotonic() + timeout
        while missing := sorted(set(dags) - self.dags().keys()):
            check()
            if time.monotonic() > deadline:
                errors = "\n".join(self.import_errors()) or "and no import errors"
                raise AirflowSilentError(f"Airflow found no DAG {', '.join(missing)} within {timeout:.0f} s:\n{errors}")
            time.sleep(0.3)
        for dag in dags:
            self._call("PATCH", f"/dags/{_part(dag)}", json={"is_paused": False})

    def runs(self, dag: str, *, most: int | None = None) -> list[dict[str, Any]]:
        """The runs of a DAG, newest first, at most so many; none before Airflow has parsed it."""
        path = f"/dags/{_part(dag)}/dagRuns"
        return list(self._pages(path, "dag_runs", most, order_by="-run_after"))

    def run(self, dag: str, run: str) -> dict[str, Any] | None:
        """Airflow's account of one run, with its `state` and `conf`; None if there is none of that name."""
        answer: dict[str, Any] | None = self._call("GET", _run_path(dag, run), absent_ok=True)
        return answer

    def trigger(
        self, dag: str, run: str, conf: Mapping[str, Any] | None = None, *, logical_date: datetime | None = None
    ) -> None:
        """Start a run with `conf`, unless a run of that name is there. It runs now, whatever `logical_date` it has."""
        date_text = logical_date.isoformat() if logical_date else None
        body = {"dag_run_id": run, "conf": dict(conf or {}), "logical_date": date_text}
        try:
            self._call("POST", f"/dags/{_part(dag)}/dagRuns", json=body)
        except AirflowRefusedError:  # a call whose answer is lost is made again, and then the run is there already
            if self.run(dag, run) is None:
                raise

    def trigger_day(self, dag: str, run: str, day: date, conf: Mapping[str, Any] | None = None) -> None:
        """Start a run over the data interval that is `day` in UTC, unless a run of that name is there."""
        self.trigger(dag, run, conf, logical_date=datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC))

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run, each as it is in its last try; none if there is no such run."""
        return list(self._pages(f"{_run_path(dag, run)}/taskInstances", "task_instances"))

    def tries(self, task: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Every try of a task instance that Airflow knows, the first one first, each as `tasks` gives them."""
        mapped = f"/{task['map_index']}" if task["map_index"] >= 0 else ""
        answer = self._call("GET", f"{_task_path(task)}{mapped}/tries", absent_ok=True)
        return [] if answer is None else sorted(answer["task_instances"], key=lambda each: int(each["try_number"]))

    def log(self, task: Mapping[str, Any], try_number: int | None = None) -> str:
        """The log of a task instance, as `tasks` gives them: of its last try, or of another. As text, a line an event.

        It is told by its `dag_id`, `dag_run_id`, `task_id` and `map_index`, -1 for one that is not mapped.
        """
        path = f"{_task_path(task)}/logs/{task['try_number'] if try_number is None else try_number}"
        answer = self._call("GET", path, params={"map_index": task["map_index"], "full_content": True})
        return "\n".join(each if isinstance(each, str) else _log_text(each) for each in answer["content"])

    def event_logs(self, event: str, *, most: int | None = None) -> list[dict[str, Any]]:
        """The lines of Airflow's audit log of this kind, the newest first, at most so many."""
        return list(self._pages("/eventLogs", "event_logs", most, event=event, order_by="-when"))

    def _pages(self, path: str, name: str, most: int | None = None, **query: str) -> Iterator[dict[str, Any]]:
        """Everything in a list of Airflow's, page by page; nothing if there is no such list."""
        given = 0
        while most is None or given < most:
            limit = _PAGE if most is None else min(_PAGE, most - given)
            page = self._call("GET", path, params={**query, "limit": limit, "offset": given}, absent_ok=True)
            if page is None:
                return
            yield from page[name]
            given += len(page[name])
            if given >= page["total_entries"] or not page[name]:
                return

    def _call(self, method: str, path: str, *, absent_ok: bool = False, **arguments: Any) -> Any:
        signed_in_anew = False
        for pause in (*RETRY_PAUSES, None):
            try:
                if "Authorization" not in self._client.headers:
                    self._sign_in()
                answer = self._client.request(method, f"/api/v2{path}", **arguments)
                if answer.status_code == httpx.codes.UNAUTHORIZED and self._may_sign_in and not signed_in_anew:
                    signed_in_anew = True  # a token lasts a day; a long command outlives it
                    self._sign_in()
                    answer = self._client.request(method, f"/api/v2{path}", **arguments)
            except httpx.InvalidURL as error:
                raise AirflowRefusedError(f"expected the address of an Airflow: {error}", 0) from None
            except httpx.TransportError as error:  # such as while the API server is being started again
                if pause is None:
                    raise AirflowSilentError(f"Airflow did not answer {method} {path}: {error!r}") from None
            else:
                if pause is None or not answer.is_server_error:
                    break
            time.sleep(pause)
        if absent_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            raise AirflowRefusedError(
                f"Airflow refused {method} {path} with {answer.status_code}: {answer.text[:_SAID]}", answer.status_code
            )
        return _json(answer, f"{method} {path}") if answer.content else None

    def _sign_in(self) -> None:
        self._client.headers.pop("Authorization", None)
        answer = self._client.post("/auth/token", json=self._login)
        if answer.is_error:
            raise AirflowRefusedError(
                f"Airflow refused the login with {answer.status_code}: {answer.text[:_SAID]}", answer.status_code
            )
        self._client.headers["Authorization"] = f"Bearer {_json(answer, 'the login')['access_token']}"


def _json(answer: httpx.Response, call: str) -> Any:
    """The answer's JSON; what answers with pages, such as a company's login before Airflow, is no Airflow."""
    try:
        if answer.is_redirect:
            raise ValueError(f"a redirect to {urlsplit(answer.headers.get('location', '')).hostname or 'elsewhere'}")
        return answer.json()
    except ValueError as error:
        raise AirflowRefusedError(
            f"expected JSON from Airflow to {call}, got {answer.status_code} and {error}", answer.status_code
        ) from None


def _is_own_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _part(text: str) -> str:
    """One part of a path, whatever is in it: names of runs have `+` and `:`."""
    return quote(text, safe="")


def _run_path(dag: str, run: str) -> str:
    return f"/dags/{_part(dag)}/dagRuns/{_part(run)}"


def _task_path(task: Mapping[str, Any]) -> str:
    run = _run_path(str(task["dag_id"]), str(task["dag_run_id"]))
    return f"{run}/taskInstances/{_part(str(task['task_id']))}"


def _log_text(line: Mapping[str, Any]) -> str:
    """A structured log line; the error that ended a task is beside its text."""
    errors = [f"{each['exc_type']}: {each['exc_value']}" for each in line.get("error_detail") or []]
    return "\n".join([str(line.get("event", line)), *errors])
