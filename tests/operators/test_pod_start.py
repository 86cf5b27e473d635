"""What the cluster says to a new pod: refused at once, waited for, or there already."""

import pytest

from operators.memory import grown
from operators.pod_start import judge


@pytest.mark.parametrize(
    ("status", "reason", "sentence", "verdict"),
    [
        (None, "", "ClientConnectorError: refused", "wait"),
        (500, "InternalError", "etcd is away", "wait"),
        (503, "", "no endpoints", "wait"),
        (429, "TooManyRequests", "slow down", "wait"),
        (401, "Unauthorized", "Unauthorized", "wait"),  # credentials are renewed with each request
        (403, "Forbidden", 'pods "p" is forbidden: exceeded quota: pods, requested: pods=1', "wait"),
        (409, "Conflict", "Operation cannot be fulfilled on resourcequotas", "wait"),
        (409, "AlreadyExists", 'pods "p" already exists', "there"),
        (403, "Forbidden", 'serviceaccount "x" not found', "refused"),
        (403, "Forbidden", 'cannot create resource "pods"', "refused"),
        (403, "Forbidden", "violates PodSecurity", "refused"),
        (404, "NotFound", 'namespaces "x" not found', "refused"),
        (422, "Invalid", "spec.containers: Required value", "refused"),
        (400, "BadRequest", "unknown field", "refused"),
    ],
)
def test_answers(status: int | None, reason: str, sentence: str, verdict: str) -> None:
    assert judge(status, reason, sentence) == verdict


@pytest.mark.parametrize(
    ("memory", "factor", "most", "expected"),
    [
        ("1Gi", 1.5, "8Gi", "1536Mi"),
        ("512Mi", 2, "8Gi", "1024Mi"),
        ("333Mi", 1.5, "8Gi", "500Mi"),  # rounded up
        ("6Gi", 1.5, "8Gi", "8192Mi"),
        ("8Gi", 1.5, "8Gi", "8Gi"),
        ("12Gi", 1.5, "8Gi", "12Gi"),  # a stage that is given more keeps it
        ("1Gi", 1, "8Gi", "1Gi"),
    ],
)
def test_memory_grows_up_to_a_bound(memory: str, factor: float, most: str, expected: str) -> None:
    assert grown(memory, factor, most) == expected
