"""The S3 server of a deployment: a SeaweedFS of its own, or the one that its caller names."""

from botocore.exceptions import BotoCoreError, ClientError

from nightjar_local.processes import LocalError
from nightjar_local.seaweedfs import S3Access
from nightjar_local.settings import Settings


def access_of(settings: Settings) -> S3Access:
    """Where the S3 server of a deployment is, and how to sign in to it."""
    return S3Access(
        endpoint=settings.s3_endpoint or f"http://127.0.0.1:{settings.s3_port}",
        bucket=settings.bucket,
        access_key_id=settings.access_key_id,
        secret_access_key=settings.secret_access_key,
        region=settings.region,
        session_token=settings.session_token,
    )


def check_bucket(access: S3Access) -> None:
    """Raise LocalError, saying what to do, unless the caller's bucket is there and versioned.

    It is not ours to make: where it belongs, and who may read it, is for its owner.
    """
    client = access.client()
    try:
        client.head_bucket(Bucket=access.bucket)
        versioning = client.get_bucket_versioning(Bucket=access.bucket).get("Status")
    except (BotoCoreError, ClientError) as error:
        raise LocalError(
            f"expected bucket {access.bucket} at {access.endpoint} (NIGHTJAR_S3_ENDPOINT): {error}"
        ) from None
    if versioning != "Enabled":
        raise LocalError(
            f"expected bucket {access.bucket} at {access.endpoint} to be versioned, got {versioning or 'not'}: "
            f"aws s3api put-bucket-versioning --bucket {access.bucket} --versioning-configuration Status=Enabled"
        )
