"""The values of the chart for a test: everything small, on one node, in namespaces of its own."""

from typing import Any

from nightjar.domain.stages import STAGES
from nightjar_local.cluster.options import Options
from nightjar_local.seaweedfs import S3Access

ADMIN = "nightjar-test-admin"  # the secret with the first login
S3_SECRET = "nightjar-s3"  # noqa: S105, names the secret
# As the demo sets it: a wrong clock shows within a minute.
IMPATIENT = {"NIGHTJAR_CLOCK_ARRIVALS": 2, "NIGHTJAR_CLOCK_SECONDS": 60}


def chart_values(options: Options, access: S3Access, api_server: tuple[str, int] | None) -> dict[str, Any]:
    """The values; `access` is the S3 server as pods reach it, `api_server` where pods reach the API server."""
    host, port = api_server or ("", 443)
    return {
        "images": {"registry": options.registry, "tag": options.tag, "pullPolicy": options.pull_policy},
        "s3": {
            "bucket": access.bucket,
            "endpoint": access.endpoint,
            "region": access.region,
            "secret": S3_SECRET,
        },
        "settings": dict(IMPATIENT),
        "stages": {
            "namespace": options.stages,
            "createNamespace": False,
            # Objects of the whole cluster, which another Nightjar may have.
            "priorityClasses": {"create": False, "live": {"name": ""}, "history": {"name": ""}},
            **{stage: {"cpu": "100m"} for stage in STAGES},
        },
        "airflow": {
            "onePod": True,
            "auth": {"admin": {"existingSecret": ADMIN}},
            "disruptionBudgets": False,
            "scheduler": {"resources": {"requests": {"cpu": "200m"}}},
        },
        "postgres": {"enabled": True},
        "setup": {"bucket": {"encryption": ""}} if options.s3 is None else {},
        "kubernetes": {"apiServer": {"host": host, "port": port}},
    }
