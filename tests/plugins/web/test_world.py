"""The world of a process: made once, when it is first needed."""

from pathlib import Path

import pytest

from nightjar.errors import UsageError
from nightjar.runtime.links import utc_now
from nightjar.runtime.memory import MemoryStore
from plugins.web.app import make_app
from plugins.web.audit import MemoryAudit
from plugins.web.world import World, WorldOnce, world_of_environment
from tests.plugins.web.samples import SAMPLE
from tests.plugins.web_world import OPERATOR, FakeLogin, NoWarehouse, PagesClient


def test_it_is_made_once_and_not_before() -> None:
    made = []

    def make() -> World:
        made.append(World(MemoryStore(), NoWarehouse(), utc_now))  # type: ignore[arg-type]  # nothing asks the warehouse here, and a real one takes a database
        return made[-1]

    once = WorldOnce(make)
    assert made == []
    assert once() is once() is made[0]


def test_a_wrong_environment_is_a_page_and_is_looked_at_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    client = PagesClient(make_app(WorldOnce(world_of_environment), FakeLogin(OPERATOR), MemoryAudit(), SAMPLE))
    with pytest.raises(UsageError, match="NIGHTJAR_BUCKET"):
        world_of_environment()
    answer = client.get("/nightjar-ui/sample/")
    assert answer.status_code == 503 and "NIGHTJAR_BUCKET" not in answer.text
    monkeypatch.setenv("NIGHTJAR_BUCKET", "bucket")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert client.get("/nightjar-ui/sample/").status_code == 200  # which asks the clock alone
    client.app.state.world().warehouse.close()
