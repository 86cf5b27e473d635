"""Brings a pod into the cluster: the same one for each try that comes back to it, and refusals in one sentence."""

import asyncio
import logging
import time
from http import HTTPStatus
from typing import Literal

from operators.failures import StageRefusedError
from operators.pod_follow import Pace, Say
from operators.pods_api import ClusterError, Pod, PodsApi

_QUOTA = "exceeded quota"


class NotCreatedError(Exception):
    """The cluster took no pod within the start-up patience. `waited` is in seconds."""

    def __init__(self, sentence: str, waited: float) -> None:
        super().__init__(sentence)
        self.waited = waited


async def bring(api: PodsApi, pod: Pod, seconds: float, say: Say, pace: Pace) -> Pod:
    """The pod in the cluster that is called like `pod`: the one that an earlier try started, or a new one.

    An answer that was lost costs nothing, since the name is the same: the pod is there then. Raises StageRefusedError
    for what this deployment sets wrong, and NotCreatedError when there is no room for it within so many seconds.
    """
    name, began, said, tries = pod["metadata"]["name"], time.monotonic(), "", 0
    while True:
        try:
            return await api.create(pod)
        except ClusterError as error:
            verdict, sentence = judge(error.status, error.reason, error.sentence), error.sentence
        if verdict == "there":
            try:
                if found := await api.read(name):
                    say(logging.INFO, f"pod {name} is there already: an earlier try has started it")
                    return found
                continue
            except ClusterError as error:
                sentence = error.sentence
        if verdict == "refused":
            raise StageRefusedError(f"the cluster takes no such pod: {sentence}")
        if sentence != said:
            said = sentence
            say(logging.WARNING, f"the pod is not created yet, it is tried again: {sentence}")
        if (waited := time.monotonic() - began) >= seconds:
            raise NotCreatedError(f"the cluster took no pod in {seconds:.0f} s: {sentence}", seconds)
        await asyncio.sleep(min(pace.again * 2**tries, pace.again_most, max(0.0, seconds - waited)))
        tries += 1


def judge(status: int | None, reason: str, sentence: str) -> Literal["there", "wait", "refused"]:
    """What an error means that answers the creation of a pod.

    A quota is exceeded until other pods end. Every other refusal (a service account or a right that is missing, a
    field that is wrong, a policy) stays until somebody changes this deployment.
    """
    if status == HTTPStatus.CONFLICT:
        return "there" if reason == "AlreadyExists" else "wait"  # else two changes of a quota met
    if status == HTTPStatus.FORBIDDEN and _QUOTA in sentence:
        return "wait"
    return "wait" if ClusterError(status, reason, sentence).passes else "refused"
