"""Which pods of stages are old."""

from datetime import UTC, datetime
from typing import Any

import pytest

from operators.old_pods import ended_before

MADE, ENDED = "2026-11-20T10:00:00Z", "2026-11-20T12:00:00Z"


def pod(*states: dict[str, Any] | None, **status: Any) -> dict[str, Any]:
    containers = [{"name": "base", "state": state} for state in states]
    return {"metadata": {"name": "p", "creationTimestamp": MADE}, "status": {"containerStatuses": containers} | status}


@pytest.mark.parametrize(
    ("given", "at"),
    [
        (pod({"terminated": {"finishedAt": ENDED}}), ENDED),
        (pod({"terminated": {"finishedAt": MADE}}, {"terminated": {"finishedAt": ENDED}}), ENDED),
        (pod({"terminated": {"finishedAt": None}}), MADE),
        (pod({"waiting": {}}), MADE),  # such as one that was evicted before it started
        (pod(None), MADE),
        (pod(containerStatuses=None), MADE),
        ({"metadata": {"name": "p", "creationTimestamp": MADE}}, MADE),
    ],
)
def test_a_pod_is_as_old_as_its_end(given: dict[str, Any], at: str) -> None:
    exactly = datetime.fromisoformat(at)
    assert ended_before([given], exactly) == []
    assert ended_before([given], exactly.replace(second=1)) == ["p"]


def test_none_of_none() -> None:
    assert ended_before([], datetime.now(UTC)) == []
