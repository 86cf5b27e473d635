"""The policies in helm/iam/: each gives what is needed, and no more.

tests/test_stages.py holds the real requests of each stage against them.
"""

import ast
import json

import pytest

from docs.generate import ROOT
from docs.iam import AIRFLOW_READS, AIRFLOW_WRITES, policies
from nightjar.domain.stages import STAGES
from tests.policies import allows

# The folders of the stores that the DAGs' own tasks use. Another store there needs another right.
STORES = {
    "claims": {"claims"},
    "comparisons": {"comparisons"},
    "detection_history": {"detections"},
    "detections": {"detections"},
    "detectors": {"detectors"},
    "drop_zone": {"incoming"},
    "footage": {"footage"},
    "health": {"health"},
    "ledger": {"alerts"},
    "line_store": {"detections"},
    "made_of_others": {"reproductions"},
    "operator_signs": {"operator"},
    "recorded_inputs": {
        *("config", "detections", "events", "footage", "journals", "quarantine", "rules", "runs", "standard"),
        *("threats", "validations"),
    },
    "releases": {"releases"},
    "reproductions": {"reproductions"},
    "rules": {"config", "rules"},
    "runs": {"config", "runs"},
    "troubles": {"troubles"},
}
# The most that AWS takes as the policy of a role, written into it; spaces do not count.
INLINE = 10_240


@pytest.mark.parametrize("name", policies())
def test_no_policy_is_wide(name: str) -> None:
    document = policies()[name]
    for statement in document["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in statement["Action"]), statement
        for resource in statement["Resource"]:
            assert resource.startswith("arn:aws:s3:::BUCKET")
            assert not resource.startswith("arn:aws:s3:::BUCKET/*")
    # No policy may delete the bucket, change who may do what in it, or read what is not asked for.
    for action in ("s3:DeleteBucket", "s3:PutBucketPolicy", "s3:PutObjectAcl"):
        assert not allows(document, action)
        assert not allows(document, action, "footage/x")
    assert len("".join(json.dumps(document).split())) < INLINE


@pytest.mark.parametrize(
    ("name", "action", "key", "allowed"),
    [
        ("validate", "s3:GetObjectVersion", "footage/2026/11/20/14/x.jpg", True),
        ("validate", "s3:PutObject", "standard/2026/11/20/14/x.jpg", True),
        ("validate", "s3:PutObject", "footage/2026/11/20/14/x.jpg", False),
        ("validate", "s3:DeleteObjectVersion", "standard/2026/11/20/14/x.jpg", False),
        ("validate", "s3:GetObject", "alerts/2026/11/20/x.json", False),
        ("validate", "s3:GetObject", "config/rules.yaml", False),
        ("detect", "s3:GetObject", "incoming/x.jpg", False),
        ("collect", "s3:DeleteObjectVersion", "incoming/x.jpg", True),
        ("collect", "s3:DeleteObjectVersion", "footage/x.jpg", False),
        ("collect", "s3:PutObjectTagging", "footage/x.jpg", True),
        ("assess", "s3:PutObject", "config/rules.yaml", False),
        ("notify", "s3:PutObject", "alerts/2026/11/20/x.json", True),
        ("pages", "s3:PutObject", "config/false-boxes/alice-porch.json", True),
        ("pages", "s3:PutObject", "config/rules.yaml", False),
        ("pages", "s3:GetObject", "outbox/x.eml", False),
        ("pages", "s3:GetObject", "airflow-logs/x.log", True),
        ("pages", "s3:PutObject", "airflow-logs/x.log", False),
        ("airflow", "s3:PutObject", "airflow-logs/x.log", True),
        ("airflow", "s3:GetObject", "standard/x.jpg", True),  # the proof of validate asks about some
        ("airflow", "s3:GetObject", "reviews/x.json", False),
        ("airflow", "s3:PutObject", "standard/x.jpg", False),
        ("airflow", "s3:PutObject", "footage/x.jpg", False),
        ("detect", "s3:PutObject", "reproductions/x/shards/y/store/detections/z.jsonl", True),
        ("notify", "s3:PutObject", "reproductions/x/answer.json", False),
    ],
)
def test_who_may_do_what(name: str, action: str, key: str, allowed: bool) -> None:
    assert allows(policies()[name], action, key) is allowed


@pytest.mark.parametrize(
    ("action", "prefix", "allowed"),
    [
        ("s3:ListBucket", "footage/2026/", True),
        ("s3:ListBucket", "footage", True),
        ("s3:ListBucket", "footages/", False),
        ("s3:ListBucket", "", False),
        ("s3:ListBucketVersions", "alerts/", False),
        ("s3:ListBucketVersions", None, False),
        # S3 asks so before it says that an object is not there.
        ("s3:ListBucket", None, True),
    ],
)
def test_lists_stay_in_the_folders(action: str, prefix: str | None, allowed: bool) -> None:
    assert allows(policies()["validate"], action, prefix=prefix) is allowed


def test_every_stage_has_one_and_reads_what_it_writes() -> None:
    assert set(policies()) == {*STAGES, "airflow", "pages", "setup"}
    for stage in STAGES.values():
        for folder in (*stage.reads, *stage.writes):
            assert allows(policies()[stage.name], "s3:GetObject", f"{folder}/x")


def test_airflow_has_the_folders_of_the_stores_that_its_tasks_use() -> None:
    modules = {
        (name.module or "").rpartition(".")[2]
        for part in ("operators", "dags")
        for path in (ROOT / part).glob("*.py")
        for name in ast.walk(ast.parse(path.read_text()))
        if isinstance(name, ast.ImportFrom) and (name.module or "").startswith("nightjar.stores.")
    }
    assert modules == set(STORES)
    assert set().union(*STORES.values()) == set(AIRFLOW_READS) >= set(AIRFLOW_WRITES)
