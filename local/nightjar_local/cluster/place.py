"""What a test makes in a cluster, in order, and how it is removed again, also after a failure."""

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from nightjar_local import seaweedfs
from nightjar_local.cluster import objects
from nightjar_local.cluster.engine import Engine
from nightjar_local.cluster.kube import Kubernetes
from nightjar_local.cluster.options import Options
from nightjar_local.cluster.outcomes import Outcome, Outcomes
from nightjar_local.cluster.preflight import images_are_known, missing_images
from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

Body = dict[str, Any]
Forward = Callable[[Kubernetes, str, str, int], contextlib.AbstractContextManager[int]]
IMAGE_SECONDS = 900.0  # for all images to be pulled by a slow node
START_SECONDS = 120.0
REMOVAL_SECONDS = 180.0
EVERY = 1.0


def wait_until(awaited: str, reached: Callable[[], bool], seconds: float) -> None:
    """Wait until `reached()`; raises LocalError after so many seconds."""
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise LocalError(f"waited {seconds:.0f} s for {awaited}")
        time.sleep(EVERY)


@contextlib.contextmanager
def namespaces(kubernetes: Kubernetes, options: Options, engine: Engine, outcomes: Outcomes) -> Iterator[None]:
    """The namespaces of the test; on the way out the release and they are removed, unless they are to be kept."""
    names = (options.release, options.stages, options.store)
    try:
        for name in names:
            kubernetes.create(objects.namespace(name, options))
        yield
    finally:
        if options.keep:
            outcomes.say(f"kept, as KEEP=yes asks: namespaces {', '.join(names)}")
        else:
            remove(kubernetes, names, engine, outcomes)


def remove(kubernetes: Kubernetes, names: tuple[str, ...], engine: Engine, outcomes: Outcomes) -> None:
    """Remove the release and the namespaces. One failure does not keep the rest from being removed."""
    problems = []
    outcomes.say("removing what was made")
    steps: list[Callable[[], object]] = [engine.uninstall]
    steps += [partial(kubernetes.delete, "Namespace", name) for name in names]
    for step in steps:
        try:
            step()
        except LocalError as error:
            problems.append(str(error))
    try:
        wait_until(
            "the namespaces to be gone",
            lambda: not any(kubernetes.get("Namespace", name) for name in names),
            REMOVAL_SECONDS,
        )
    except LocalError as error:
        problems.append(str(error))
    outcomes.add(Outcome("removal", "failed" if problems else "passed", "; ".join(problems)))


def look_at_images(kubernetes: Kubernetes, options: Options) -> None:
    """Raise LocalError that names each image that the cluster cannot get."""
    kubernetes.create(objects.look_pod(objects.images_wanted(options), options))

    def pod() -> Body:
        return kubernetes.get("Pod", objects.LOOK_POD, options.store) or {"status": {}, "spec": {"containers": []}}

    wait_until("the images to be pulled", lambda: images_are_known(pod()), IMAGE_SECONDS)
    if missing := missing_images(pod()):
        raise LocalError("; ".join(f"{image}: {why}" for image, why in missing.items()))
    kubernetes.delete("Pod", objects.LOOK_POD, options.store, grace=0)


@contextlib.contextmanager
def s3_server(kubernetes: Kubernetes, options: Options, forward: Forward) -> Iterator[tuple[S3Access, S3Access]]:
    """The S3 server, as it is reached from here and as pods reach it, with a bucket of the test's own."""
    bucket = f"nightjar-test-{options.suffix}"
    if options.s3 is not None:
        chosen = options.s3
        access = S3Access(chosen.endpoint, bucket, chosen.access_key_id, chosen.secret_access_key, chosen.region)
        seaweedfs.make_bucket(access.client(), bucket)
        try:
            yield access, access
        finally:
            if not options.keep:
                empty_bucket(access)
        return
    access = seaweedfs.new_access(objects.S3_PORT, bucket)
    kubernetes.create(objects.secret(options.store, objects.S3_POD, objects.s3_identity(access), options))
    kubernetes.create(objects.s3_pod(options))
    wait_until("the S3 server", lambda: is_ready(kubernetes.get("Pod", objects.S3_POD, options.store)), START_SECONDS)
    pod = kubernetes.get("Pod", objects.S3_POD, options.store) or {}
    inside = replace(access, endpoint=f"http://{pod['status']['podIP']}:{objects.S3_PORT}")
    with forward(kubernetes, options.store, objects.S3_POD, objects.S3_PORT) as port:
        outside = replace(access, endpoint=f"http://127.0.0.1:{port}")
        seaweedfs.wait_until_ready(outside, lambda: None)
        yield outside, inside


def empty_bucket(access: S3Access) -> None:
    """Delete the bucket with every version of every object."""
    client = access.client()
    for page in client.get_paginator("list_object_versions").paginate(Bucket=access.bucket):
        found = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]  # a thousand at most, as one call takes
        if found:
            doomed: list[ObjectIdentifierTypeDef] = [
                {"Key": each["Key"], "VersionId": each["VersionId"]} for each in found
            ]
            client.delete_objects(Bucket=access.bucket, Delete={"Objects": doomed, "Quiet": True})
    client.delete_bucket(Bucket=access.bucket)


def api_endpoint(kubernetes: Kubernetes) -> tuple[str, int] | None:
    """Where pods reach the API server without kube-proxy: the first endpoint of service `kubernetes`."""
    found = kubernetes.get("Endpoints", "kubernetes", "default")
    for subset in (found or {}).get("subsets") or []:
        for address in subset.get("addresses") or []:
            return str(address["ip"]), int(subset["ports"][0]["port"])
    return None


def is_ready(pod: Body | None) -> bool:
    """Whether all containers of a pod are ready."""
    conditions = ((pod or {}).get("status") or {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
