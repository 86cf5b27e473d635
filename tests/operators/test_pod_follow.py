"""Following a pod, over an API that says what a test wants it to: what is waited out, and what is told once."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, cast

import pytest

from operators.failures import Ended
from operators.pod_follow import Bounds, Followed, Pace, follow
from operators.pods_api import ClusterError, Pod, PodsApi, WatchExpiredError

PACE = Pace(again=0.001, again_most=0.002, read=0.001, rest_of_log=0.05)
BOUNDS = Bounds(start=0.1, work=0.2, grace=0.1)
AWAY = ClusterError(None, "", "ClientConnectorError: refused")
TOO_OLD = WatchExpiredError(410, "Expired", "too old resource version")
FORBIDDEN = ClusterError(403, "Forbidden", "pods is forbidden")
PENDING: Pod = {"metadata": {"resourceVersion": "1"}, "status": {"phase": "Pending"}}


def pod(phase: str, **state: Any) -> Pod:
    statuses = [{"name": "base", "state": state}]
    return {"metadata": {"resourceVersion": "1"}, "status": {"phase": phase, "containerStatuses": statuses}}


RUNNING = pod("Running", running={})
DONE = pod("Succeeded", terminated={"exitCode": 0})
STUCK = {**RUNNING, "status": {**RUNNING["status"], "phase": "Failed", "reason": "DeadlineExceeded"}}

NO_END = "pod p did not end within 0 s, as far as the cluster says"

Said = Pod | ClusterError | None


class Api:
    """Answers each read, each change that a watch sees, and each look at the log, by what is left of a script.

    A script that is used up is repeated at its last word; a watch of it ends, as one whose time is over.
    """

    def __init__(
        self,
        reads: Sequence[Said],
        watches: Sequence[Said] = (),
        logs: Sequence[Sequence[str] | ClusterError] = ((),),
        events: Sequence[str] | ClusterError = (),
    ) -> None:
        self.reads, self.watches, self.logs, self.events = list(reads), list(watches), list(logs), events

    async def read(self, name: str) -> Pod | None:
        del name
        return self._said(self.reads.pop(0) if len(self.reads) > 1 else self.reads[0])

    async def watch(self, name: str, version: str, seconds: int) -> AsyncGenerator[Pod | None]:
        del name, version, seconds
        if self.watches:
            yield self._said(self.watches.pop(0))
        await asyncio.sleep(0)

    async def log(self, name: str, container: str, since_seconds: int | None) -> AsyncGenerator[tuple[str, str]]:
        del name, container, since_seconds
        lines = self.logs.pop(0) if len(self.logs) > 1 else self.logs[0]
        if isinstance(lines, ClusterError):
            raise lines
        for line in lines:
            stamp, _, text = line.partition(" ")
            yield stamp, text

    async def warnings(self, name: str) -> list[str]:
        del name
        if isinstance(self.events, ClusterError):
            raise self.events
        return list(self.events)

    def _said(self, said: Said) -> Pod | None:
        if isinstance(said, ClusterError):
            raise said
        return said


def followed(api: Api, bounds: Bounds = BOUNDS) -> tuple[Followed, list[str]]:
    """How the pod ended, and what was said meanwhile."""
    lines: list[str] = []
    work = follow(cast(PodsApi, api), "p", "base", bounds, lambda _, text: lines.append(text), PACE)
    return asyncio.run(work), lines


@pytest.mark.parametrize(
    "api",
    [
        pytest.param(Api([DONE]), id="it has ended already"),
        pytest.param(Api([PENDING], [RUNNING, DONE]), id="a watch sees it"),
        pytest.param(Api([PENDING, RUNNING, DONE], [AWAY, AWAY]), id="each watch is cut"),
        pytest.param(Api([AWAY, AWAY, PENDING, AWAY, DONE]), id="the API is away"),
        pytest.param(Api([PENDING, DONE], [TOO_OLD]), id="the version is forgotten"),
        pytest.param(Api([PENDING, RUNNING, DONE], [FORBIDDEN]), id="it may not be watched"),
        pytest.param(Api([RUNNING, DONE], logs=[FORBIDDEN]), id="its log may not be read"),
        pytest.param(Api([RUNNING, RUNNING, DONE], logs=[AWAY]), id="its log is away"),
    ],
)
def test_a_healthy_pod_is_followed_to_its_end(api: Api) -> None:
    assert followed(api)[0] == Followed(Ended(0, ""), started=True)


def test_an_outage_is_told_once_and_its_end_too() -> None:
    _, said = followed(Api([AWAY, AWAY, AWAY, PENDING, DONE]))
    assert said == [
        "the Kubernetes API cannot be read, it is tried again: ClientConnectorError: refused",
        "the Kubernetes API can be read again",
    ]


def test_a_log_that_is_cut_goes_on_where_it_was() -> None:
    """The kubelet gives whole seconds anew, and leaves out zeros at the end of a fraction."""
    first = ["2026-11-26T10:00:00.5Z one", "2026-11-26T10:00:00.66Z two"]
    again = [*first, "2026-11-26T10:00:00.669Z three", "2026-11-26T10:00:01Z four"]
    _, said = followed(Api([RUNNING] * 8 + [DONE], logs=[first, AWAY, again, []]))
    assert [line for line in said if "log" not in line] == ["one", "two", "three", "four"]


def test_no_line_of_a_log_is_lost_that_comes_out_of_order() -> None:
    """As on a real node: the lines of stdout and of stderr are in one file, each with the time of its own reader."""
    first = ["2026-11-26T10:00:00.5Z out", "2026-11-26T10:00:00.4Z err", "2026-11-26T10:00:00.4Z err"]
    again = [*first, "2026-11-26T10:00:00.45Z late"]
    _, said = followed(Api([RUNNING] * 8 + [DONE], logs=[first, AWAY, again, []]))
    assert [line for line in said if "log" not in line] == ["out", "err", "err", "late"]


def test_what_it_waits_for_is_told_when_it_changes() -> None:
    def waiting(message: str) -> Pod:
        condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        return {**PENDING, "status": {"phase": "Pending", "conditions": [condition]}}

    _, said = followed(Api([waiting("no CPU"), waiting("no CPU"), waiting("no memory"), DONE]))
    assert said == ["pod p waits: Unschedulable: no CPU", "pod p waits: Unschedulable: no memory"]


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        ([], "nobody says why"),
        (["FailedMount: secret x not found", "FailedMount: secret y not found"], "FailedMount: secret y not found"),
        (FORBIDDEN, "nobody says why"),
    ],
)
def test_a_pod_that_does_not_start(events: list[str] | ClusterError, sentence: str) -> None:
    end, said = followed(Api([PENDING], events=events))
    assert not end.started
    assert end.waited >= BOUNDS.start
    assert end.ended == Ended(None, f"the pod did not start in 0 s: {sentence}")
    assert len(said) == (2 if isinstance(events, list) else 1) * bool(events)


@pytest.mark.parametrize(
    ("api", "end"),
    [
        (Api([None]), Followed(Ended(None, "pod p is gone from the cluster"), started=False)),
        (Api([RUNNING, None]), Followed(Ended(None, "pod p is gone from the cluster"), started=True)),
        (Api([STUCK]), Followed(Ended(None, "DeadlineExceeded", late=True), started=True)),
        (
            Api([RUNNING]),
            Followed(Ended(None, NO_END), started=True, unfinished=True),
        ),
    ],
)
def test_pods_of_which_no_end_is_seen(api: Api, end: Followed) -> None:
    seen, _ = followed(api)
    assert (seen.ended, seen.started, seen.unfinished) == (end.ended, end.started, end.unfinished)


@pytest.mark.parametrize(
    ("api", "says"),
    [
        pytest.param(Api([PENDING, FORBIDDEN], [FORBIDDEN]), "forbidden", id="it does not pass"),
        pytest.param(Api([PENDING, AWAY]), "refused", id="nobody knows whether the pod has started, in time"),
    ],
)
def test_a_pod_that_cannot_be_followed(api: Api, says: str) -> None:
    with pytest.raises(ClusterError, match=says):
        followed(api)
