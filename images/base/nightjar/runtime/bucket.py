"""Makes a bucket what Nightjar needs: there, versioned, encrypted, closed to the public, and forgetting what it may.

Each step can be repeated. One that S3 refuses (a server may lack it, a role may not do it) is told and stops no other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from botocore.exceptions import BotoCoreError, ClientError

from nightjar.errors import UsageError
from nightjar.runtime.s3_client import make_client
from nightjar.runtime.s3_errors import code_of, translate
from nightjar.runtime.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.literals import BucketLocationConstraintType
    from mypy_boto3_s3.type_defs import LifecycleRuleUnionTypeDef, ServerSideEncryptionByDefaultTypeDef

_NO_BUCKET = {"404", "NoSuchBucket", "NotFound"}
_NONE_SET = {
    "NoSuchLifecycleConfiguration",
    "NoSuchPublicAccessBlockConfiguration",
    "ServerSideEncryptionConfigurationNotFoundError",
}
_ON = "is on"
# A bucket in this region is made without naming it.
_FIRST_REGION = "us-east-1"
_CLOSED = {"BlockPublicAcls": True, "IgnorePublicAcls": True, "BlockPublicPolicy": True, "RestrictPublicBuckets": True}

Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Wanted:
    """How the bucket is to be. `lifecycle` makes its rules from those that are there; None leaves them alone."""

    create: bool = True
    encryption: Literal["", "AES256", "aws:kms"] = "AES256"
    kms_key: str = ""
    block_public_access: bool = True
    lifecycle: Callable[[Rules], Rules | None] | None = None


@dataclass(frozen=True)
class Done:
    """A step: what it is about, what came of it, and whether S3 refused it."""

    step: str
    outcome: str
    refused: bool = False


def bucket_client(settings: StoreSettings) -> "S3Client":
    """The client for it; raises UsageError when what boto reads from the environment cannot be."""
    try:
        return make_client(settings, 4, 30, 4)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(f"expected an environment that names an S3 server, got: {error}") from error


def set_up_bucket(client: "S3Client", name: str, wanted: Wanted) -> Iterator[Done]:
    """Do each step, as it is asked for.

    Raises UsageError when there is no bucket or it keeps no versions, without which nothing works, after the other
    steps; TryAgainError when S3 cannot be reached.
    """
    try:
        yield Done("bucket", _exist(client, name, wanted))
        status = _step("versioning", lambda: _versioning(client, name))
        # Who made the bucket for us may not let us look; `collect` looks too, and says so.
        versioning = (
            status if status.refused or status.outcome == _ON else _step("versioning", lambda: _versioned(client, name))
        )
        yield versioning
        if wanted.encryption:
            yield _step("encryption", lambda: _encrypted(client, name, wanted))
        if wanted.block_public_access:
            yield _step("public access", lambda: _closed(client, name))
        if lifecycle := wanted.lifecycle:
            yield _step("lifecycle", lambda: _forgetful(client, name, lifecycle))
    except (ClientError, BotoCoreError) as error:
        raise translate(error, f"setting up bucket {name!r}") from error
    if versioning.refused and not status.refused:
        raise UsageError(f"expected bucket {name!r} to keep versions, and to be told so: {versioning.outcome}")


def _step(name: str, act: Callable[[], str]) -> Done:
    try:
        return Done(name, act())
    except ClientError as error:
        said = error.response.get("Error", {}).get("Message") or "without a reason"
        return Done(name, f"S3 refuses {error.operation_name}: {code_of(error)}, {said}", refused=True)


def _exist(client: "S3Client", name: str, wanted: Wanted) -> str:
    try:
        client.head_bucket(Bucket=name)
    except ClientError as error:
        if code_of(error) not in _NO_BUCKET:
            raise
    else:
        return "is there"
    if not wanted.create:
        raise UsageError(f"expected bucket {name!r}, S3 has none of this name, and setup.bucket.create is false")
    region = client.meta.region_name
    if region in (_FIRST_REGION, "aws-global", None):
        client.create_bucket(Bucket=name)
    else:
        place = cast("BucketLocationConstraintType", region)
        client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": place})
    return "made"


def _versioning(client: "S3Client", name: str) -> str:
    status = client.get_bucket_versioning(Bucket=name).get("Status")
    return _ON if status == "Enabled" else "is off"


def _versioned(client: "S3Client", name: str) -> str:
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return "switched on"


def _encrypted(client: "S3Client", name: str, wanted: Wanted) -> str:
    there = _there(lambda: client.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"])
    by_default = (there[0].get("ApplyServerSideEncryptionByDefault") or {}) if there else {}
    algorithm = by_default.get("SSEAlgorithm", "")
    # AWS gives every new bucket AES256; a key of the company's own is never replaced by that.
    if algorithm == wanted.encryption or (algorithm and wanted.encryption == "AES256"):
        return f"is {algorithm}"
    rule: ServerSideEncryptionByDefaultTypeDef = {"SSEAlgorithm": wanted.encryption or "AES256"}
    if wanted.kms_key:
        rule["KMSMasterKeyID"] = wanted.kms_key
    client.put_bucket_encryption(
        Bucket=name,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": rule, "BucketKeyEnabled": wanted.encryption == "aws:kms"}]
        },
    )
    return f"set to {wanted.encryption}"


def _closed(client: "S3Client", name: str) -> str:
    there = _there(lambda: client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"])
    if there and all(there.get(key) for key in _CLOSED):
        return "is blocked"
    client.put_public_access_block(
        Bucket=name,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": True,
            "RestrictPublicBuckets": True,
        },
    )
    return "blocked"


def _forgetful(client: "S3Client", name: str, lifecycle: Callable[[Rules], Rules | None]) -> str:
    there = _there(lambda: client.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]) or []
    rules = lifecycle(cast("Rules", there))
    if rules is None:
        return f"has its {len(there)} rules"
    new = cast("list[LifecycleRuleUnionTypeDef]", list(rules))
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": new})
    return f"set to {len(new)} rules"


def _there(read: Callable[[], Any]) -> Any:
    """What is set, or None; some servers say so by an error."""
    try:
        return read()
    except ClientError as error:
        if code_of(error) in _NONE_SET:
            return None
        raise
