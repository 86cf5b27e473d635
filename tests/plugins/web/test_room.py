"""A bucket that hangs takes some threads of the API server, not all."""

import threading
from pathlib import Path

import anyio
from fastapi import APIRouter, Response
from httpx import ASGITransport, AsyncClient

from plugins.web.gate import _AT_ONCE
from plugins.web.pages import Page, PageFolder
from tests.plugins.web_world import BASE_URL, make_pages, mounted


def test_pages_wait_for_their_turn_without_a_thread() -> None:
    router, lock, full = APIRouter(), threading.Lock(), threading.Event()
    running: list[int] = [0, 0]  # now, and at most

    @router.get("/")
    def slow() -> Response:
        with lock:
            running[0] += 1
            running[1] = max(running)
            if running[0] >= _AT_ONCE:
                full.set()
        assert full.wait(30)
        with lock:
            running[0] -= 1
        return Response("done")

    app = mounted(
        make_pages(pages=(PageFolder(Page("slow", "Slow", 1, "nightjar_live", router), Path(__file__).parent),))
    )

    async def ask_all() -> list[int]:
        statuses = []

        async def ask(client: AsyncClient) -> None:
            statuses.append((await client.get("/nightjar-ui/slow/")).status_code)

        async with (
            AsyncClient(transport=ASGITransport(app), base_url=BASE_URL) as client,
            anyio.create_task_group() as group,
        ):
            for _ in range(2 * _AT_ONCE):
                group.start_soon(ask, client)
        return statuses

    assert anyio.run(ask_all) == [200] * 2 * _AT_ONCE
    assert running == [0, _AT_ONCE]
