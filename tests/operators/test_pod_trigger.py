"""The trigger goes to the triggerer, and its event comes back, as JSON."""

import json
from dataclasses import asdict
from importlib import import_module
from typing import Any

import pytest

from operators.failures import Ended
from operators.pod_follow import Bounds, Followed, Pace
from operators.pod_trigger import StagePodTrigger, followed_of
from operators.pods_api import ClusterError


def test_the_triggerer_makes_it_anew() -> None:
    given: dict[str, Any] = {
        "name": "p",
        "namespace": "nightjar",
        "container": "base",
        "bounds": asdict(Bounds(1, 2, 3)),
        "pace": asdict(Pace()),
        "connection": {"conn_id": "kubernetes_default", "connection_extras": {}, "in_cluster": True},
        "carried": {"memory": "1Gi", "running": {"name": "p", "image": "i", "stale": None}},
    }
    path, arguments = StagePodTrigger(**given).serialize()
    module, _, name = path.rpartition(".")
    again = getattr(import_module(module), name)(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, given)


@pytest.mark.parametrize(
    "followed",
    [
        Followed(Ended(0, ""), started=True),
        Followed(Ended(137, "OOMKilled", out_of_memory=True), started=True),
        Followed(Ended(None, "no node", late=False), started=False, waited=12.5),
        Followed(Ended(None, "no end", late=True), started=True, unfinished=True),
    ],
)
def test_an_event_says_how_the_pod_ended(followed: Followed) -> None:
    assert followed_of(json.loads(json.dumps({"memory": "1Gi", "followed": asdict(followed)}))) == followed


def test_an_event_of_a_pod_that_could_not_be_followed() -> None:
    error = followed_of({"problem": {"status": 403, "reason": "Forbidden", "sentence": "pods is forbidden"}})
    assert isinstance(error, ClusterError)
    assert (error.status, error.sentence, error.passes) == (403, "pods is forbidden", False)
