"""Follows a pod from its creation to its end: one watch with reconnects, its log beside it, and what it waits for.

Nothing in here ends a pod. An API server that cannot be reached is waited for, and a log that cannot be read is a
warning: the pod works all the same.
"""

import asyncio
import contextlib
import logging
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus

from operators.failures import Ended
from operators.local import readable
from operators.pod_state import PodState, given_up, gone, state_of
from operators.pods_api import ClusterError, Pod, PodsApi, WatchExpiredError

Say = Callable[[int, str], None]  # level and text of a line of the task's log
_LINES_KEPT = 5000  # of a log, to know those that come twice: more than a stage writes in a few seconds


@dataclass(frozen=True)
class Pace:
    """How patient the following is, in seconds: between tries (at first, at most), of one watch, between two reads
    where watching is not allowed, and for the rest of a log after the end of its pod.
    """

    again: float = 1.0
    again_most: float = 15.0
    watch: int = 50
    read: float = 2.0
    rest_of_log: float = 10.0


@dataclass(frozen=True)
class Bounds:
    """Seconds that a pod may take to start, to work once it has started, and to end once the cluster gave it up."""

    start: float
    work: float
    grace: float


@dataclass(frozen=True)
class Followed:
    """The end of a pod. One that never `started` waited for so many seconds; `ended` then says for what.

    A pod is `unfinished` when its time is over, grace and all, and the cluster has not said that it ended.
    """

    ended: Ended
    started: bool
    waited: float = 0.0
    unfinished: bool = False


async def follow(api: PodsApi, name: str, container: str, bounds: Bounds, say: Say, pace: Pace) -> Followed:
    """Wait for the end of a pod; raises ClusterError for an error that does not pass in time."""
    loop, began = asyncio.get_running_loop(), time.monotonic()
    over = asyncio.Event()
    log: asyncio.Task[None] | None = None
    last: Pod = {}
    state = PodState(started=False)
    ended: Ended | None = None
    unfinished = False
    try:
        async with asyncio.timeout(bounds.start) as bound, contextlib.aclosing(_seen(api, name, say, pace)) as pods:
            async for pod in pods:
                if pod is None:
                    ended = gone(name)
                    break
                before, last, state = state, pod, state_of(pod, container)
                if state.started and log is None:
                    log = asyncio.create_task(_stream(api, name, container, over, say, pace))
                if state.started and not before.started:
                    bound.reschedule(loop.time() + bounds.work)
                if state.ending and not before.ending:
                    bound.reschedule(loop.time() + bounds.grace)
                if state.hindered and state.hindered != before.hindered:
                    say(logging.WARNING, f"pod {name} waits: {state.hindered}")
                ended = state.ended
                if ended or state.hopeless:
                    break
    except TimeoutError:
        if state.ending:
            ended = given_up(last)
        elif state.started:
            ended = Ended(None, f"pod {name} did not end within {bounds.work:.0f} s, as far as the cluster says")
            unfinished = True
    except BaseException:
        if log is not None:
            log.cancel()  # who is stopped waits for no log
        raise
    over.set()
    await _rest_of(log, say, pace)
    if ended and (ended.exit_code is not None or state.started):
        return Followed(ended, started=True, unfinished=unfinished)
    if (
        ended is None and not state.hopeless
    ):  # its time to start is over: it is looked at once more before it is given up
        pod = await api.read(name)
        if pod is not None and state_of(pod, container).started:
            return await follow(api, name, container, bounds, say, pace)
    sentence = await _hindrance(api, name, state.hindered, say)
    waited = min(time.monotonic() - began, bounds.start)
    why = ended.sentence if ended else f"the pod did not start in {waited:.0f} s: {sentence or 'nobody says why'}"
    return Followed(Ended(None, why), started=False, waited=waited)


async def _seen(api: PodsApi, name: str, say: Say, pace: Pace) -> AsyncGenerator[Pod | None]:
    """The pod, now and at each change; None, the last, when it is gone. Outages of the API are waited out."""
    outage = _Outage("the Kubernetes API", say, pace)
    may_watch = True
    while True:
        began = time.monotonic()
        try:
            pod = await api.read(name)
            outage.is_over()
            yield pod
            if pod is None:
                return
            if not may_watch:
                await asyncio.sleep(pace.read)
                continue
            async with contextlib.aclosing(api.watch(name, pod["metadata"]["resourceVersion"], pace.watch)) as changes:
                async for change in changes:
                    yield change
                    if change is None:
                        return
        except WatchExpiredError:
            pass  # it is read anew
        except ClusterError as error:
            if error.status == HTTPStatus.FORBIDDEN and may_watch:
                may_watch = False  # reading it may be allowed all the same
                say(logging.WARNING, f"pods are read, since they may not be watched: {error.sentence}")
                continue
            if not error.passes:
                raise
            await outage.wait(error)
            continue
        if time.monotonic() - began < pace.again:  # something between us and the API ends each watch at once
            await asyncio.sleep(pace.again)


async def _stream(api: PodsApi, name: str, container: str, over: asyncio.Event, say: Say, pace: Pace) -> None:
    """Pass on the log of a container as it grows; where it is cut, from there on. `over` is set when the pod ended."""
    outage = _Outage(f"the log of pod {name}", say, pace)
    last = ""
    read: deque[tuple[str, str]] = deque(maxlen=_LINES_KEPT)
    while True:
        earlier = frozenset(read)  # after a cut, the kubelet gives the last seconds once more
        try:
            async with contextlib.aclosing(api.log(name, container, _seconds_since(last))) as lines:
                async for line in lines:
                    outage.is_over()
                    if line not in earlier:
                        # Lines of stdout and of stderr are not always in the order of their times.
                        last = max(last, _comparable(line[0]))
                        read.append(line)
                        say(*readable(line[1]))
        except ClusterError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return  # gone with its pod, of which the watch tells
            if not error.passes and error.status != HTTPStatus.BAD_REQUEST:  # 400: the kubelet has no container yet
                say(logging.WARNING, f"the log of pod {name} cannot be read, and it goes on without: {error.sentence}")
                return
            await outage.wait(error)
            continue
        # It is at its end; or a kubelet that restarts has closed it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pace.again):
                await over.wait()
        if over.is_set():
            return


async def _rest_of(log: "asyncio.Task[None] | None", say: Say, pace: Pace) -> None:
    """Wait for the rest of the log, but not for long."""
    if log is None:
        return
    _, waiting = await asyncio.wait({log}, timeout=pace.rest_of_log)
    if waiting:
        log.cancel()
        await asyncio.wait({log})
        say(logging.WARNING, "the rest of the pod's log could not be read")
    elif error := log.exception():
        raise error


async def _hindrance(api: PodsApi, name: str, hindered: str, say: Say) -> str:
    """What a pod that did not start waits for; where its status says nothing, the last warning in its events."""
    try:
        warnings = await api.warnings(name)
    except ClusterError as error:
        say(logging.WARNING, f"the events of pod {name} cannot be read: {error.sentence}")
        return hindered
    for warning in dict.fromkeys(warnings):
        say(logging.WARNING, f"event of pod {name}: {warning}")
    return hindered or (warnings[-1] if warnings else "")


class _Outage:
    """Waits between tries, longer each time, and says only when an outage begins and that it is over."""

    def __init__(self, what: str, say: Say, pace: Pace) -> None:
        self._what, self._say, self._pace, self._tries = what, say, pace, 0

    async def wait(self, error: ClusterError) -> None:
        """Wait before the next try."""
        if self._tries == 0:
            self._say(logging.WARNING, f"{self._what} cannot be read, it is tried again: {error.sentence}")
        await asyncio.sleep(min(self._pace.again * 2**self._tries, self._pace.again_most))
        self._tries += 1

    def is_over(self) -> None:
        """A try went well."""
        if self._tries:
            self._say(logging.INFO, f"{self._what} can be read again")
        self._tries = 0


def _comparable(stamp: str) -> str:
    """A time as the kubelet writes it, such that the later one is the greater text: it leaves out zeros at the end."""
    whole, _, fraction = stamp.removesuffix("Z").partition(".")
    return f"{whole}.{fraction:0<9}"


def _seconds_since(last: str) -> int | None:
    if not last:
        return None
    at = datetime.fromisoformat(last[:26]).replace(tzinfo=UTC)
    return max(1, math.ceil((datetime.now(UTC) - at).total_seconds()) + 1)
