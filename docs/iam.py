"""Makes the IAM policies in helm/iam/, of what nightjar/domain/stages.py says that each stage reads and writes.

`make docs` writes them; a test fails when one is stale, and another holds each stage's real requests against its
policy. They are for AWS, and for S3 servers that know its policies. `BUCKET` stands for the bucket's name.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from docs.generate import ROOT
from nightjar.domain.stages import REMOVED_FOR_GOOD, STAGES
from plugins.web import world

POLICIES = ROOT / "helm" / "iam"
BUCKET = "arn:aws:s3:::BUCKET"
# Uploaders may put tags on their objects, which S3 copies with them.
COPIED = frozenset({"footage", "quarantine"})
# The folders that the DAGs' own tasks, which run in Airflow's processes, read and write.
AIRFLOW_READS = (
    *("alerts", "claims", "comparisons", "config", "detections", "detectors", "footage", "health"),
    *("incoming", "operator", "releases", "rules", "runs", "troubles"),
    # A reproduction looks whether what a run was worked from is still there.
    *("events", "journals", "quarantine", "reproductions", "standard", "threats", "validations"),
)
# The proof of a stage asks about some of the objects that its manifest names, wherever they are.
PROVEN = frozenset(folder for stage in STAGES.values() for folder in stage.writes) - REMOVED_FOR_GOOD
AIRFLOW_WRITES = (
    *("claims", "comparisons", "config", "health", "operator", "releases", "reproductions", "rules", "runs"),
    "troubles",
)
LOGS = "airflow-logs"

Statement = dict[str, Any]


def policy(reads: Iterable[str], writes: Iterable[str], more: Iterable[Statement] = ()) -> dict[str, Any]:
    """A policy that lets somebody list and read `reads`, and put and remove below `writes`."""
    written = sorted(set(writes))
    folders = sorted({*reads, *(folder.split("/")[0] for folder in written)})
    prefixes = [pattern for folder in folders for pattern in (folder, f"{folder}/*")]
    statements = [
        # S3 asks for this right, without a prefix, before it says that an object is not there: hence IfExists.
        _allow("List", ["s3:ListBucket"], [BUCKET], {"StringLikeIfExists": {"s3:prefix": prefixes}}),
        _allow("ListVersions", ["s3:ListBucketVersions"], [BUCKET], {"StringLike": {"s3:prefix": prefixes}}),
        _allow("Read", ["s3:GetObject", "s3:GetObjectVersion"], _objects(folders)),
    ]
    if written:
        puts = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"]
        statements.append(_allow("Write", puts, _objects(written)))
    if removed := sorted(REMOVED_FOR_GOOD.intersection(written)):
        statements.append(_allow("Remove", ["s3:DeleteObjectVersion"], _objects(removed)))
    if copied := sorted(COPIED.intersection(written)):
        read = ["s3:GetObjectTagging", "s3:GetObjectVersionTagging"]
        statements.append(_allow("ReadTags", read, _objects(sorted({*COPIED, "incoming"}.intersection(folders)))))
        statements.append(_allow("CopyTags", ["s3:PutObjectTagging"], _objects(copied)))
    if "incoming" in written:
        statements.append(_allow("IsVersioned", ["s3:GetBucketVersioning"], [BUCKET]))
    return {"Version": "2012-10-17", "Statement": [*statements, *more]}


def _allow(
    name: str, actions: list[str], resources: list[str], condition: Mapping[str, Any] | None = None
) -> Statement:
    statement = {"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resources}
    return statement | ({"Condition": condition} if condition else {})


def _objects(folders: Iterable[str]) -> list[str]:
    return [f"{BUCKET}/{folder}/*" for folder in folders]


def policies() -> dict[str, dict[str, Any]]:
    """Every policy by its name: one a stage, `airflow` (the DAGs and the logs), `pages` (the API server), `setup`."""
    setup = [
        *("s3:CreateBucket", "s3:GetBucketVersioning", "s3:PutBucketVersioning"),
        *("s3:GetLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
        *("s3:GetEncryptionConfiguration", "s3:PutEncryptionConfiguration"),
        *("s3:GetBucketPublicAccessBlock", "s3:PutBucketPublicAccessBlock", "s3:GetBucketLocation"),
    ]
    return {
        **{stage.name: policy(stage.reads, stage.writes) for stage in STAGES.values()},
        "airflow": policy({*AIRFLOW_READS, *PROVEN, LOGS}, (*AIRFLOW_WRITES, LOGS)),
        "pages": policy((*world.READS, LOGS), world.WRITES),
        "setup": policy(("config",), ("config",), [_allow("Bucket", setup, [BUCKET])]),
    }


def texts() -> dict[str, str]:
    """The text of each file in helm/iam/."""
    return {f"{name}.json": json.dumps(document, indent=2) + "\n" for name, document in policies().items()}


def main() -> None:
    """Rewrite what is stale, and name it."""
    POLICIES.mkdir(exist_ok=True)
    for name, text in texts().items():
        path = POLICIES / name
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            sys.stdout.write(f"{path.relative_to(ROOT)} rewritten\n")


if __name__ == "__main__":
    main()
