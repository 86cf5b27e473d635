"""Clients of S3, by botocore, on which boto3 stands: made in hundredths of a second where boto3 takes tenths."""

import logging
from typing import TYPE_CHECKING, cast

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from nightjar.runtime.settings import StoreSettings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class _Descriptions(Loader):
    """Botocore's descriptions of S3, a megabyte of JSON; they are kept. Looking for other services takes as long."""

    def list_available_services(self, type_name: str) -> list[str]:
        del type_name
        return ["s3"]


_DESCRIPTIONS = _Descriptions()  # for a process and its forks, not for each client


def preload() -> None:
    """Read botocore's descriptions, a tenth of a second, so that forks of this process need not. Talks to nobody."""
    # The credentials keep it from looking for real ones.
    _session().create_client(
        "s3",
        region_name="us-east-1",
        aws_access_key_id="preload",
        aws_secret_access_key="preload",  # noqa: S106
    )


def _session() -> botocore.session.Session:
    """A session of its own for each client: a shared one keeps the first credentials it saw."""
    session = botocore.session.Session()
    session.register_component("data_loader", _DESCRIPTIONS)
    return session


def make_client(settings: StoreSettings, connections: int, read_seconds: float, tries: int) -> "S3Client":
    """A client of the server that the settings name. Each request is made `tries` times at the most, the first
    included, and waits `read_seconds` for the answer.
    """
    for name in ("boto3", "botocore"):
        if (logger := logging.getLogger(name)).level == logging.NOTSET:
            logger.setLevel(logging.WARNING)  # with each client it would say where it found credentials
    client = _session().create_client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        config=Config(
            connect_timeout=5,
            read_timeout=read_seconds,
            max_pool_connections=connections,
            retries={"mode": "standard", "total_max_attempts": tries},
            s3={"addressing_style": "path" if settings.s3_endpoint else "auto"},
            # SeaweedFS and other servers do not all know the checksums that newer SDKs add by default.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return cast("S3Client", client)
