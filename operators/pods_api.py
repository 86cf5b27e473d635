"""The few requests to the Kubernetes API that stages need, with errors of one kind: a pod is JSON, as the API answers.

ClusterError           a request failed: `passes` says whether it may go well later
  WatchExpiredError    a watch began too long ago: read the pod, and watch from there
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any, cast

import aiohttp
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook
from kubernetes_asyncio.client import ApiException, CoreV1Api
from kubernetes_asyncio.config import ConfigException

from nightjar.errors import UsageError

Pod = Mapping[str, Any]

_SECONDS = (10, 30)  # to connect; between two bytes
_PASSING = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})
_PAGE = 500


class ClusterError(Exception):
    """A request to the Kubernetes API failed. `status` is None without an answer; `reason` is Kubernetes' word."""

    def __init__(self, status: int | None, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.reason, self.sentence = status, reason, sentence

    @property
    def passes(self) -> bool:
        """Whether the same request may go well later: nothing was answered, or an error of the server's own."""
        return self.status is None or self.status in _PASSING or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class WatchExpiredError(ClusterError):
    """What a watch was to begin with is forgotten (410)."""


class PodsApi:
    """The pods of one namespace."""

    def __init__(self, hook: AsyncKubernetesHook, namespace: str) -> None:
        self._hook, self._namespace = hook, namespace

    async def create(self, pod: Pod) -> Pod:
        """Create `pod`; returns it as the cluster has it."""
        async with self._asking() as core:
            return await _json(core.create_namespaced_pod(self._namespace, cast(Any, pod), **_RAW))

    async def read(self, name: str) -> Pod | None:
        """The pod called `name`; None when there is none."""
        try:
            async with self._asking() as core:
                return await _json(core.read_namespaced_pod(name, self._namespace, **_RAW))
        except ClusterError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    async def watch(self, name: str, version: str, seconds: int) -> AsyncGenerator[Pod | None]:
        """The pod at each change after `version`, for so many seconds; None, the last, when it is gone."""
        async with self._asking() as core:
            request = _answer(
                core.list_namespaced_pod(
                    self._namespace,
                    field_selector=f"metadata.name={name}",
                    resource_version=version,
                    allow_watch_bookmarks=True,
                    timeout_seconds=seconds,
                    watch=True,
                    _preload_content=False,
                    _request_timeout=(_SECONDS[0], seconds + _SECONDS[1]),
                )
            )
            async with await request as answer:
                async for line in answer.content:
                    event = json.loads(line)
                    if event["type"] == "ERROR":
                        raise _of_status(event["object"], event["object"].get("code"))
                    if event["type"] == "DELETED":
                        yield None
                        return
                    if event["type"] != "BOOKMARK":
                        yield event["object"]

    async def log(self, name: str, container: str, since_seconds: int | None) -> AsyncGenerator[tuple[str, str]]:
        """Time and text of each line of a container's log, as they come, until it ends."""
        since: dict[str, Any] = {} if since_seconds is None else {"since_seconds": since_seconds}
        async with self._asking() as core:
            request = _answer(
                core.read_namespaced_pod_log(
                    name,
                    self._namespace,
                    container=container,
                    follow=True,
                    timestamps=True,
                    _preload_content=False,
                    _request_timeout=aiohttp.ClientTimeout(
                        sock_connect=_SECONDS[0]
                    ),  # a stage may say nothing for long
                    **since,
                )
            )
            async with await request as answer:
                async for line in answer.content:
                    stamp, _, text = line.decode("utf-8", "backslashreplace").rstrip("\n").partition(" ")
                    yield stamp, text

    async def delete(self, name: str) -> None:
        """Delete a pod, which gets its grace period; one that is gone is fine."""
        try:
            async with self._asking() as core:
                await _json(core.delete_namespaced_pod(name, self._namespace, **_RAW))
        except ClusterError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise

    async def warnings(self, name: str) -> list[str]:
        """The warnings in the pod's events, the oldest first."""
        async with self._asking() as core:
            selector = f"involvedObject.name={name},type=Warning"
            found = await _json(core.list_namespaced_event(self._namespace, field_selector=selector, **_RAW))
        return [f"{event['reason']}: {event['message']}" for event in found["items"]]

    async def select(self, labels: str, fields: str = "") -> list[Pod]:
        """The pods with these labels and fields."""
        pods: list[Pod] = []
        more = ""
        while True:
            async with self._asking() as core:
                page = await _json(
                    core.list_namespaced_pod(
                        self._namespace,
                        label_selector=labels,
                        field_selector=fields,
                        limit=_PAGE,
                        _continue=more,
                        **_RAW,
                    )
                )
            pods += page["items"]
            more = page["metadata"].get("continue", "")
            if not more:
                return pods

    @asynccontextmanager
    async def _asking(self) -> AsyncIterator[CoreV1Api]:
        """A connection of its own for each request: credentials are renewed with it.

        Raises ClusterError, or UsageError when nothing says how to reach Kubernetes.
        """
        try:
            async with self._hook.get_conn() as connection:
                yield CoreV1Api(connection)
        except ConfigException as error:
            raise UsageError(f"expected a service account, or a connection that leads to Kubernetes: {error}") from None
        except ApiException as error:
            raise ClusterError(error.status, "", str(error.reason)) from None
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            raise ClusterError(None, "", f"{type(error).__name__}: {error}".rstrip(": ")) from None


_RAW: dict[str, Any] = {"_preload_content": False, "_request_timeout": _SECONDS}


async def _answer(request: Any) -> aiohttp.ClientResponse:
    response = cast(aiohttp.ClientResponse, await request)
    if response.status < HTTPStatus.BAD_REQUEST:
        return response
    text = await response.text()
    try:
        status = json.loads(text)
    except ValueError:  # of a proxy before the API
        status = {"message": text[:500]}
    raise _of_status(status if isinstance(status, dict) else {}, response.status)


async def _json(request: Any) -> dict[str, Any]:
    async with await _answer(request) as response:
        return cast(dict[str, Any], json.loads(await response.read()))


def _of_status(status: Mapping[str, Any], code: int | None) -> ClusterError:
    sentence = " ".join(str(status.get("message") or f"HTTP {code}").split())
    kind = WatchExpiredError if code == HTTPStatus.GONE else ClusterError
    return kind(code, str(status.get("reason") or ""), sentence)
