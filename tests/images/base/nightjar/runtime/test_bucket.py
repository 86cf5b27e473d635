"""Setting a bucket up, on a double that answers as S3 does: what is done, what is left alone, what is refused."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.bucket import Done, Rules, Wanted, set_up_bucket

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_UNSET = {
    "bucket_encryption": "ServerSideEncryptionConfigurationNotFoundError",
    "public_access_block": "NoSuchPublicAccessBlockConfiguration",
    "bucket_lifecycle_configuration": "NoSuchLifecycleConfiguration",
}


@dataclass
class DoubleOfS3:
    """One bucket's configuration; `refuses` are names of calls and the code that each is refused with."""

    exists: bool = True
    versioning: str | None = None
    encryption: str | None = None
    public_access_block: Mapping[str, bool] | None = None
    rules: Rules | None = None
    refuses: Mapping[str, str] = field(default_factory=dict)
    region: str = "eu-central-1"
    writes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.meta = SimpleNamespace(region_name=self.region)

    def _called(self, name: str) -> None:
        if code := self.refuses.get(name):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, name)
        if name.startswith(("put", "create")):
            self.writes.append(name)

    def _value(self, name: str, value: Any) -> Any:
        self._called(f"get_{name}")
        if value is None:
            raise ClientError({"Error": {"Code": _UNSET[name]}}, f"get_{name}")
        return value

    def head_bucket(self, **_: str) -> None:
        self._called("head_bucket")
        if not self.exists:
            raise ClientError({"Error": {"Code": "404"}}, "HeadBucket")

    def create_bucket(self, **arguments: Any) -> None:
        self._called("create_bucket")
        self.exists, self.created_with = True, arguments

    def get_bucket_versioning(self, **_: str) -> Mapping[str, Any]:
        self._called("get_bucket_versioning")
        return {"Status": self.versioning} if self.versioning else {}

    def put_bucket_versioning(self, VersioningConfiguration: Mapping[str, str], **_: str) -> None:  # noqa: N803
        self._called("put_bucket_versioning")
        self.versioning = VersioningConfiguration["Status"]

    def get_bucket_encryption(self, **_: str) -> Mapping[str, Any]:
        algorithm = self._value("bucket_encryption", self.encryption)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
        return {"ServerSideEncryptionConfiguration": {"Rules": [rule]}}

    def put_bucket_encryption(self, ServerSideEncryptionConfiguration: Mapping[str, Any], **_: str) -> None:  # noqa: N803
        self._called("put_bucket_encryption")
        [rule] = ServerSideEncryptionConfiguration["Rules"]
        self.encryption = rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]

    def get_public_access_block(self, **_: str) -> Mapping[str, Any]:
        return {"PublicAccessBlockConfiguration": self._value("public_access_block", self.public_access_block)}

    def put_public_access_block(self, PublicAccessBlockConfiguration: Mapping[str, bool], **_: str) -> None:  # noqa: N803
        self._called("put_public_access_block")
        self.public_access_block = PublicAccessBlockConfiguration

    def get_bucket_lifecycle_configuration(self, **_: str) -> Mapping[str, Any]:
        return {"Rules": self._value("bucket_lifecycle_configuration", self.rules)}

    def put_bucket_lifecycle_configuration(self, LifecycleConfiguration: Mapping[str, Rules], **_: str) -> None:  # noqa: N803
        self._called("put_bucket_lifecycle_configuration")
        self.rules = LifecycleConfiguration["Rules"]


CLOSED = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
RULE = {"ID": "nightjar-a"}


def set_up(double: DoubleOfS3, wanted: Wanted | None = None) -> dict[str, Done]:
    """The steps by name."""
    asked = wanted or Wanted(lifecycle=lambda there: None if list(there) == [RULE] else [RULE])
    return {done.step: done for done in set_up_bucket(cast("S3Client", double), "footage", asked)}


def test_a_new_bucket_gets_everything_and_a_second_time_nothing() -> None:
    double = DoubleOfS3(exists=False)
    done = set_up(double)
    assert {step: each.outcome for step, each in done.items()} == {
        "bucket": "made",
        "versioning": "switched on",
        "encryption": "set to AES256",
        "public access": "blocked",
        "lifecycle": "set to 1 rules",
    }
    assert double.created_with["CreateBucketConfiguration"] == {"LocationConstraint": "eu-central-1"}
    assert (double.versioning, double.encryption, double.public_access_block) == ("Enabled", "AES256", CLOSED)
    double.writes.clear()
    assert not any(each.refused for each in set_up(double).values())
    assert double.writes == []


def test_the_first_region_is_not_named() -> None:
    double = DoubleOfS3(exists=False, region="us-east-1")
    set_up(double)
    assert double.created_with == {"Bucket": "footage"}


@pytest.mark.parametrize(
    ("there", "wanted", "then"),
    [
        (None, "AES256", "AES256"),
        (None, "", None),
        ("AES256", "aws:kms", "aws:kms"),
        ("aws:kms", "AES256", "aws:kms"),
        ("aws:kms:dsse", "AES256", "aws:kms:dsse"),
    ],
)
def test_encryption_is_never_made_weaker(there: str | None, wanted: Any, then: str | None) -> None:
    double = DoubleOfS3(encryption=there)
    set_up(double, Wanted(encryption=wanted))
    assert double.encryption == then


def test_what_is_not_wanted_is_not_asked_for() -> None:
    double = DoubleOfS3(refuses={"get_public_access_block": "AccessDenied", "get_bucket_lifecycle_configuration": "x"})
    assert set(set_up(double, Wanted(encryption="", block_public_access=False))) == {"bucket", "versioning"}


@pytest.mark.parametrize("code", ["NotImplemented", "AccessDenied", "MethodNotAllowed"])
@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("get_bucket_versioning", "versioning"),
        ("put_bucket_encryption", "encryption"),
        ("get_public_access_block", "public access"),
        ("put_public_access_block", "public access"),
        ("put_bucket_lifecycle_configuration", "lifecycle"),
    ],
)
def test_a_step_that_is_refused_is_told_and_stops_no_other(call: str, step: str, code: str) -> None:
    done = set_up(DoubleOfS3(refuses={call: code}))
    assert [name for name, each in done.items() if each.refused] == [step]
    assert code in done[step].outcome
    assert len(done) == 5


def test_without_versions_nothing_works_but_the_rest_is_done() -> None:
    double = DoubleOfS3(refuses={"put_bucket_versioning": "AccessDenied"})
    with pytest.raises(UsageError, match=r"keep versions.*AccessDenied"):
        set_up(double)
    assert double.rules == [RULE]


def test_a_bucket_that_is_not_to_be_made() -> None:
    with pytest.raises(UsageError, match="none of this name"):
        set_up(DoubleOfS3(exists=False), Wanted(create=False))


def test_a_bucket_of_somebody_else() -> None:
    with pytest.raises(UsageError, match="403"):
        set_up(DoubleOfS3(refuses={"head_bucket": "403"}))


def test_s3_that_is_away_is_tried_again() -> None:
    class Away(DoubleOfS3):
        def head_bucket(self, **_: str) -> None:
            raise EndpointConnectionError(endpoint_url="https://s3.example.com")

    with pytest.raises(TryAgainError, match="cannot be reached"):
        set_up(Away())
