"""Reading standardised pictures: fetch, verify, decode. Runs in reader threads, ahead of the interpreter."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from nightjar.domain.detections import Picture
from nightjar.errors import TryAgainError, UsageError
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import ObjectMissingError
from nightjar_detect.preprocess import Pixels, UndecodableError, model_pixels

Fetch = Callable[[str], bytes]


class FailureReason(StrEnum):
    """Why a picture could not be looked at."""

    MISSING = "picture-missing"
    ALTERED = "picture-altered"
    UNDECODABLE = "picture-undecodable"


@dataclass(frozen=True)
class Failure:
    """A picture that could not be looked at; the others go on."""

    reason: FailureReason
    detail: str


def fetch_picture(fetch: Fetch, picture: Picture) -> tuple[Picture, bytes | Failure]:
    """The picture and its bytes, or why not. Raises what `fetch` raises when the store as a whole fails."""
    try:
        return picture, fetch(picture.standard_key)
    except ObjectMissingError:
        detail = f"expected a picture at {picture.standard_key}, found none"
        return picture, Failure(FailureReason.MISSING, detail)


def decode_picture(fetched: tuple[Picture, bytes | Failure]) -> Pixels | Failure:
    """The picture at the model's size, or why not: it must have the SHA-256 that validate gave it."""
    picture, data = fetched
    if isinstance(data, Failure):
        return data
    if (came := hashlib.sha256(data).hexdigest()) != picture.standard_sha256:
        expected = f"expected SHA-256 {picture.standard_sha256} at {picture.standard_key}"
        return Failure(FailureReason.ALTERED, f"{expected}, got {came}")
    try:
        return model_pixels(data)
    except UndecodableError as error:
        return Failure(FailureReason.UNDECODABLE, f"{picture.standard_key}: {error}")


def s3_fetch(settings: StoreSettings) -> Fetch:
    """Whole objects from S3 through obstore, at a fraction of boto3's processor time. Safe to use from threads.

    Credentials come from boto3's chain, as for everything else. The function raises ObjectMissingError, UsageError
    (refused) or TryAgainError (S3 fails).
    """
    import obstore
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.exceptions import (
        BaseError,
        InvalidPathError,
        NotFoundError,
        PermissionDeniedError,
        UnauthenticatedError,
    )
    from obstore.store import S3Store

    endpoint = settings.s3_endpoint
    try:
        credentials = Boto3CredentialProvider()
    except ValueError as error:  # none are found
        raise UsageError(f"no S3 credentials; set AWS_ACCESS_KEY_ID and so on: {error}") from None
    store = S3Store(
        settings.bucket,
        credential_provider=credentials,
        # The name that wins over AWS_ENDPOINT_URL_S3 in the environment.
        config={"aws_endpoint_url_s3": endpoint.rstrip("/")} if endpoint else None,
        virtual_hosted_style_request=endpoint is None,
        client_options={
            "allow_http": bool(endpoint and endpoint.startswith("http://")),
            "connect_timeout": timedelta(seconds=5),
            "timeout": timedelta(seconds=60),
        },
        retry_config={
            "max_retries": 5,
            "retry_timeout": timedelta(seconds=30),
            "backoff": {"init_backoff": timedelta(seconds=0.2), "max_backoff": timedelta(seconds=8), "base": 2},
        },
    )

    def fetch(key: str) -> bytes:
        try:
            return obstore.get(store, key).bytes().to_bytes()
        except (NotFoundError, FileNotFoundError, InvalidPathError):
            raise ObjectMissingError(f"expected an object at {key!r}, found none") from None
        except (PermissionDeniedError, UnauthenticatedError) as error:
            raise UsageError(f"get {key!r} in bucket {settings.bucket!r}: S3 refuses: {error}") from error
        except (BaseError, OSError) as error:
            raise TryAgainError(f"get {key!r} in bucket {settings.bucket!r}: {error}") from error

    return fetch
