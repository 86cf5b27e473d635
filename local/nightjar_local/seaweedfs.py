"""A real S3 server on loopback: SeaweedFS, one binary, with credentials and one versioned bucket.

with running(directory) as access:
    access.client().put_object(Bucket=access.bucket, Key="incoming/…", Body=…)
"""

import contextlib
import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from nightjar_local.processes import TOKEN_VARIABLE, LocalError, free_ports, new_token, program, tail, wait_for
from nightjar_local.programs import Program, store
from nightjar_local.settings import REGION, write_private

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NAME = "seaweedfs"
READY_TIMEOUT = 60.0
STARTS = 3
PORT_TAKEN = "address already in use"


@dataclass(frozen=True)
class S3Access:
    """Where the S3 server is and how to sign in to it."""

    endpoint: str
    bucket: str
    access_key_id: str
    secret_access_key: str
    region: str = REGION
    session_token: str | None = None

    def client(self, attempts: int = 3) -> "S3Client":
        """A boto3 S3 client for it, independent of the caller's AWS configuration."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.session_token,
            config=Config(
                s3={"addressing_style": "path"},
                connect_timeout=5,
                read_timeout=30,
                retries={"total_max_attempts": attempts, "mode": "standard"},
                max_pool_connections=32,
            ),
        )

    def environment(self) -> dict[str, str]:
        """The variables that point a stage, a DAG or any AWS client at it."""
        session = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {
            **session,
            "NIGHTJAR_BUCKET": self.bucket,
            "NIGHTJAR_S3_ENDPOINT": self.endpoint,
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


def new_access(port: int, bucket: str = "nightjar") -> S3Access:
    """Access with fresh random credentials to a server that will listen on this loopback port."""
    return S3Access(
        endpoint=f"http://127.0.0.1:{port}",
        bucket=bucket,
        access_key_id=f"NJ{secrets.token_hex(9).upper()}",
        secret_access_key=secrets.token_urlsafe(30),
    )


def server(directory: Path, access: S3Access, token: str, sockets: Path) -> Program:
    """The server as a program: data and credentials file (0600) go under `directory`.

    `sockets` is a folder for its Unix sockets, whose paths may have 107 characters at the most.
    """
    data = directory / "data"
    data.mkdir(parents=True, exist_ok=True)
    configuration = directory / "s3.json"
    write_private(configuration, identities(access))
    port = int(access.endpoint.rsplit(":", 1)[1])
    # Nothing listens on the server's own port yet, so that it would count as free.
    grpc, master, master_grpc, volume, volume_grpc, filer, filer_grpc, admin, admin_grpc = free_ports(9, {port})
    argv = (
        program("weed"),
        "-logtostderr",
        "mini",
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        f"-s3.config={configuration}",
        f"-s3.port={port}",
        f"-s3.port.grpc={grpc}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        f"-s3.localSocket={sockets / 's3.sock'}",
        f"-master.port={master}",
        f"-master.port.grpc={master_grpc}",
        # By default a few for each GiB that is free: every bucket takes some, and a full disk is noticed anyway.
        "-volume.max=10000",
        f"-volume.port={volume}",
        f"-volume.port.grpc={volume_grpc}",
        f"-filer.port={filer}",
        f"-filer.port.grpc={filer_grpc}",
        f"-filer.localSocket={sockets / 'filer.sock'}",
        f"-admin.port={admin}",
        f"-admin.port.grpc={admin_grpc}",
        "-admin.ui=false",
        "-webdav=false",
        "-master.telemetry=false",
        "-disableHttp",  # or the filer serves every object without credentials
    )
    # HOME: weed keeps and reads configuration there, which is not this deployment's.
    environment = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(directory),
        # Half of the processors: idle threads of Go look for work on all that it may use, which the stages need more.
        "GOMAXPROCS": str(max(1, (os.cpu_count() or 1) // 2)),
        TOKEN_VARIABLE: token,
    }
    return Program(NAME, argv, environment)


def wait_until_ready(access: S3Access, check: Callable[[], None]) -> None:
    """Wait until the server answers with these credentials, and make its versioned bucket if needed.

    `check` may raise meanwhile. Raises LocalError if it is not ready within a minute.
    """
    client = access.client()

    def ready() -> bool:
        try:
            make_bucket(client, access.bucket)
        except (BotoCoreError, ClientError):
            return False
        return True

    wait_for("SeaweedFS", ready, check, timeout=READY_TIMEOUT)


def make_bucket(client: "S3Client", bucket: str) -> None:
    """Make a versioned bucket, if it is not there."""
    if bucket not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})


@contextlib.contextmanager
def running(directory: Path, bucket: str = "nightjar", port: int | None = None) -> Iterator[S3Access]:
    """A server of its own under `directory`, on a free port unless one is given, ended on the way out.

    Nobody starts it again if it dies. Raises LocalError, with the end of its log, if it does not become ready. Another
    process may take a free port before the server listens on it: then it is started on others, twice at the most.
    """
    with contextlib.ExitStack() as stack:
        for attempt in range(STARTS):
            try:
                access = stack.enter_context(_once(directory, new_access(port or free_ports(1)[0], bucket)))
                break
            except LocalError as error:
                if port is not None or attempt == STARTS - 1 or PORT_TAKEN not in str(error):
                    raise
        yield access


@contextlib.contextmanager
def _once(directory: Path, access: S3Access) -> Iterator[S3Access]:
    log = directory / f"{NAME}.log"
    with tempfile.TemporaryDirectory(prefix="nightjar-") as sockets:
        store(directory, server(directory, access, new_token(), Path(sockets)))
        with log.open("ab") as output:
            command = [sys.executable, "-m", "nightjar_local.keeper", str(directory), NAME]
            keeper = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

        def check() -> None:
            if (code := keeper.poll()) is not None:
                raise LocalError(f"SeaweedFS ended with exit code {code}; its log ends with:\n{tail(log)}")

        try:
            wait_until_ready(access, check)
            yield access
        finally:
            keeper.terminate()
            keeper.wait()


def identities(access: S3Access) -> str:
    credentials = {"accessKey": access.access_key_id, "secretKey": access.secret_access_key}
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    return json.dumps({"identities": [{"name": "nightjar", "credentials": [credentials], "actions": actions}]})
