"""The few calls of Airflow's REST API that the local deployment makes."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Self

import httpx

from nightjar_local.processes import LocalError

COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")

# SQLite locks the whole database for a writer, and a call that comes just then is answered with 500. Every call made
# here may be made again: one that got through after all is refused the second time, and that is reported.
RETRY_PAUSES = (0.5, 1.0, 2.0, 4.0)


class AirflowApi:
    """A client of one Airflow; signs in on the first call that needs it. Every method raises LocalError on refusal."""

    def __init__(self, url: str, password: str, user: str = "admin") -> None:
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False)

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
        found = self._call("GET", f"/variables/{key}", absent_ok=True)
        return None if found is None else str(found["value"])

    def set_variable(self, key: str, value: str, description: str) -> None:
        """Set an Airflow Variable, new or not."""
        body = {"key": key, "value": value, "description": description}
        if self.variable(key) is None:
            self._call("POST", "/variables", json=body)
        else:
            self._call("PATCH", f"/variables/{key}", json=body)

    def dags(self) -> dict[str, dict[str, Any]]:
        """Airflow's account of every DAG, by id."""
        return {dag["dag_id"]: dag for dag in self._call("GET", "/dags", params={"limit": 100})["dags"]}

    def import_errors(self) -> list[str]:
        """The files that do not parse, each with its error."""
        found = self._call("GET", "/importErrors")["import_errors"]
        return [f"{each['filename']}:\n{each['stack_trace']}" for each in found]

    def start_dags(self, dags: Sequence[str], *, check: Callable[[], None], timeout: float = 120.0) -> None:
        """Let these DAGs run, the first one first, as soon as Airflow has parsed them all.

        Raises LocalError with the import errors if it does not within `timeout` seconds; `check` may raise earlier.
        """
        deadline = time.monotonic() + timeout
        while missing := sorted(set(dags) - self.dags().keys()):
            check()
            if time.monotonic() > deadline:
                errors = "\n".join(self.import_errors()) or "and no import errors"
                raise LocalError(f"Airflow found no DAG {', '.join(missing)} within {timeout:.0f} s:\n{errors}")
            time.sleep(0.3)
        for dag in dags:
            self._call("PATCH", f"/dags/{dag}", json={"is_paused": False})

    def runs(self, dag: str) -> list[dict[str, Any]]:
        """The runs of a DAG, newest first; none before Airflow has parsed it."""
        runs: list[dict[str, Any]] = []
        while True:
            query = {"order_by": "-run_after", "limit": 100, "offset": len(runs)}
            page = self._call("GET", f"/dags/{dag}/dagRuns", params=query, absent_ok=True)
            if page is None:
                return []
            runs += page["dag_runs"]
            if len(runs) >= page["total_entries"] or not page["dag_runs"]:
                return runs

    def trigger_day(self, dag: str, run: str, day: date) -> None:
        """Start a run over the data interval that is `day` in UTC, unless a run of that name is there."""
        midnight = datetime.combine(day + timedelta(days=1), datetime.min.time(), UTC).isoformat()
        try:
            self._call("POST", f"/dags/{dag}/dagRuns", json={"dag_run_id": run, "logical_date": midnight})
        except LocalError:  # a call whose answer is lost is made again, and then the run is there already
            if run not in {str(each["dag_run_id"]) for each in self.runs(dag)}:
                raise

    def tasks(self, dag: str, run: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        path = f"/dags/{dag}/dagRuns/{run}/taskInstances"
        found: list[dict[str, Any]] = []
        while True:
            page = self._call("GET", path, params={"limit": 100, "offset": len(found)})
            found += page["task_instances"]
            if len(found) >= page["total_entries"] or not page["task_instances"]:
                return found

    def log(self, task: Mapping[str, Any]) -> str:
        """The log of a task instance's last try, as text."""
        path = (
            f"/dags/{task['dag_id']}/dagRuns/{task['dag_run_id']}/taskInstances/{task['task_id']}"
            f"/logs/{task['try_number']}"
        )
        found = self._call("GET", path, params={"map_index": task["map_index"], "full_content": True})
        lines = found["content"]
        return "\n".join(each if isinstance(each, str) else _log_text(each) for each in lines)

    def _call(self, method: str, path: str, *, absent_ok: bool = False, **arguments: Any) -> Any:
        for pause in (*RETRY_PAUSES, None):
            try:
                if "Authorization" not in self._client.headers:
                    self._sign_in()
                answer = self._client.request(method, f"/api/v2{path}", **arguments)
            except httpx.TransportError as error:  # such as while the API server is being started again
                if pause is None:
                    raise LocalError(f"Airflow did not answer {method} {path}: {error!r}") from None
            else:
                if pause is None or not answer.is_server_error:
                    break
            time.sleep(pause)
        if absent_ok and answer.status_code == httpx.codes.NOT_FOUND:
            return None
        if answer.is_error:
            raise LocalError(f"Airflow refused {method} {path} with {answer.status_code}: {answer.text[:500]}")
        return answer.json() if answer.content else None

    def _sign_in(self) -> None:
        answer = self._client.post("/auth/token", json=self._login)
        if answer.is_error:
            raise LocalError(f"Airflow refused the login with {answer.status_code}: {answer.text[:500]}")
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def _log_text(line: Mapping[str, Any]) -> str:
    """A structured log line; the error that ended a task is beside its text."""
    errors = [f"{each['exc_type']}: {each['exc_value']}" for each in line.get("error_detail") or []]
    return "\n".join([str(line.get("event", line)), *errors])
