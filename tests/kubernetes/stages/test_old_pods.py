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
def test_a_pod_that_failed_stays_for_a_while(attempt: Attempt, api_server: ApiServer) -> None:
    api_server.faults.add(lambda _: True, RunInstead(("false",)))
    with pytest.raises(StageFailedError):
        attempt()
    api = PodsApi(AsyncKubernetesHook(), "nightjar")
    asyncio.run(remove(api, datetime.now(UTC) - timedelta(hours=1)))
    assert len(api_server.store.select(None)) == 1
    asyncio.run(remove(api, datetime.now(UTC) + timedelta(hours=1)))
    assert api_server.store.select(None) == []
