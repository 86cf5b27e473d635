"""How standardised pictures are read from S3."""

import logging
from collections.abc import Callable
from datetime import timedelta

from nightjar.errors import UsageError
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import ObjectMissingError, ObjectStore

log = logging.getLogger(__name__)

Fetch = Callable[[str, str | None], bytes]  # the object at a key, in a version or (None) as it is now


def store_fetch(store: ObjectStore) -> Fetch:
    """Whole objects through `store`."""
    return lambda key, version_id: store.get(key, version_id)[0]


def s3_fetch(settings: StoreSettings, store: ObjectStore) -> Fetch:
    """Whole objects from S3 through obstore, at a fraction of boto3's processor time. Safe to use from threads.

    Credentials come from boto3's chain, as for everything else. Where obstore fails, `store` is asked, which knows the
    API's code and whether that concerns one object: the function raises what `store.get` does.
    """
    import obstore
    from obstore.auth.boto3 import Boto3CredentialProvider
    from obstore.exceptions import BaseError, InvalidPathError, NotFoundError
    from obstore.store import S3Store

    endpoint = settings.s3_endpoint
    try:
        credentials = Boto3CredentialProvider()
    except ValueError as error:  # none are found
        raise UsageError(f"no S3 credentials; set AWS_ACCESS_KEY_ID and so on: {error}") from None
    direct = S3Store(
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

    def fetch(key: str, version_id: str | None) -> bytes:
        try:
            return obstore.get(direct, key, options={"version": version_id} if version_id else None).bytes().to_bytes()
        except (NotFoundError, FileNotFoundError, InvalidPathError):
            raise ObjectMissingError(f"expected an object at {key!r}, found none") from None
        except (BaseError, OSError) as error:
            log.info("read again through boto3, since obstore says: %s", error, extra={"key": key})
            return store.get(key, version_id)[0]

    return fetch
