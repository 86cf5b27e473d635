"""The choices of who runs `make test-cluster`, from its variables."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from nightjar_local.layout import ROOT
from nightjar_local.processes import LocalError

CHART = ROOT / "helm" / "nightjar"
PullPolicy = Literal["IfNotPresent", "Always", "Never"]
PULL_POLICIES: tuple[PullPolicy, ...] = get_args(PullPolicy)
S3_NEEDED = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
MINUTES = 25.0


@dataclass(frozen=True)
class S3Choice:
    """An S3 server of the caller's, which both this machine and the pods reach at `endpoint`."""

    endpoint: str
    access_key_id: str
    secret_access_key: str
    region: str


@dataclass(frozen=True)
class Options:
    """What is tested, where, and for how long.

    Attributes:
        registry: the first part of every image's reference; images are `<registry>/<name>:<tag>`.
        second_tag: another tag of the stages' images, for the deployment of a version; not tried if None.
        s3: the caller's S3 server; None for one in the cluster.
        api_server: `(host, port)` under which pods reach the API server; None to take its endpoint from the cluster.
        suffix: what makes the names of this run its own.
        minutes: bound of the whole run, without the removal.
        values: a file with further values of the chart, such as tolerations.
        keep: leave everything in the cluster.
    """

    kubeconfig: Path
    context: str | None
    registry: str
    tag: str
    second_tag: str | None
    pull_policy: PullPolicy
    s3: S3Choice | None
    api_server: tuple[str, int] | None
    suffix: str
    minutes: float
    chart: Path
    values: Path | None
    keep: bool

    @property
    def release(self) -> str:
        """The namespace of Airflow."""
        return f"nightjar-test-{self.suffix}"

    @property
    def stages(self) -> str:
        """The namespace of the stages' pods."""
        return f"{self.release}-stages"

    @property
    def store(self) -> str:
        """The namespace of the S3 server, and of what only looks."""
        return f"{self.release}-s3"

    def image(self, name: str) -> str:
        """The reference of an image."""
        return f"{self.registry}/{name}:{self.tag}"


def from_environment(environment: Mapping[str, str]) -> Options:
    """The options; raises LocalError that names what is missing or wrong."""
    missing = [name for name in ("KUBECONFIG", "REGISTRY", "TAG") if not environment.get(name)]
    if missing:
        raise LocalError(
            f"make test-cluster also needs {', '.join(missing)}: KUBECONFIG=~/.kube/config "
            f"REGISTRY=registry.example.com/nightjar TAG=1.4.0, the images' tag; with PULL_POLICY=Never, images that "
            f"are loaded on the nodes"
        )
    asked = environment.get("PULL_POLICY") or "IfNotPresent"
    policy = next((each for each in PULL_POLICIES if each == asked), None)
    if policy is None:
        raise LocalError(f"expected PULL_POLICY to be one of {', '.join(PULL_POLICIES)}, got {asked!r}")
    values = Path(environment["VALUES"]).expanduser() if environment.get("VALUES") else None
    kubeconfig = Path(environment["KUBECONFIG"]).expanduser()
    for name, path in (("KUBECONFIG", kubeconfig), ("VALUES", values)):
        if path is not None and not path.is_file():
            raise LocalError(f"expected {name} to name a file, got {path}")
    return Options(
        kubeconfig=kubeconfig.absolute(),
        context=environment.get("CONTEXT") or None,
        registry=environment["REGISTRY"].rstrip("/"),
        tag=environment["TAG"],
        second_tag=environment.get("SECOND_TAG") or None,
        pull_policy=policy,
        s3=_s3(environment),
        api_server=_api_server(environment.get("API_SERVER", "")),
        suffix=secrets.token_hex(3),
        minutes=_minutes(environment.get("MINUTES", "")),
        chart=Path(environment["CHART"]).expanduser() if environment.get("CHART") else CHART,
        values=values,
        keep=environment.get("KEEP") == "yes",
    )


def _s3(environment: Mapping[str, str]) -> S3Choice | None:
    endpoint = environment.get("S3_ENDPOINT")
    if not endpoint:
        return None
    if not endpoint.startswith(("http://", "https://")):
        raise LocalError(f"expected S3_ENDPOINT to begin with http:// or https://, got {endpoint!r}")
    if missing := [name for name in S3_NEEDED if not environment.get(name)]:
        raise LocalError(f"S3_ENDPOINT={endpoint} also needs {' and '.join(missing)}, which may make buckets")
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or "us-east-1"
    key, secret = (environment[name] for name in S3_NEEDED)
    return S3Choice(endpoint.rstrip("/"), key, secret, region)


def _api_server(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isdecimal() and 0 < int(port) < 65_536):
        raise LocalError(f"expected API_SERVER=host:port, as pods reach the API server, got {text!r}")
    return host, int(port)


def _minutes(text: str) -> float:
    if not text:
        return MINUTES
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not 1 <= minutes <= 600:
        raise LocalError(f"expected MINUTES from 1 to 600, got {text!r}")
    return minutes
