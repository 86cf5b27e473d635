"""What the patrol removes, with the role and against the API that it has."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from airflow.providers.cncf.kubernetes.hooks.kubernetes import AsyncKubernetesHook

from operators.failures import StageFailedError
from operators.old_pods import remove
from operators.pods_api import PodsApi
from tests.kubernetes.faults import RunInstead
from tests.kubernetes.server import ApiServer
from tests.kubernetes.stages.conftest import Attempt


@pytest.mark.parametrize("attempt", ["direct"], indirect=True)
@pytest.mark.parametrize(("program", "kept_minutes"), [("false", 60), ("true", 15)])
def test_a_pod_that_ended_stays_for_a_while(
    attempt: Attempt, api_server: ApiServer, program: str, kept_minutes: int
) -> None:
    """One that failed as long as it was asked for; one that succeeded but was not removed, until its task is over."""
    api_server.faults.add(lambda _: True, RunInstead((program,)))
    with pytest.raises(StageFailedError):
        attempt()
    api, keep_failed = PodsApi(AsyncKubernetesHook(), "nightjar"), timedelta(hours=1)
    asyncio.run(remove(api, datetime.now(UTC) + timedelta(minutes=kept_minutes - 1), keep_failed))
    assert len(api_server.store.select(None)) == 1
    asyncio.run(remove(api, datetime.now(UTC) + timedelta(minutes=kept_minutes + 1), keep_failed))
    assert api_server.store.select(None) == []
