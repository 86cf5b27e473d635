"""The object store on S3."""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, TypedDict, TypeVar, cast

from botocore.exceptions import BotoCoreError, ClientError, IncompleteReadError

from nightjar.errors import UsageError
from nightjar.runtime.s3_client import make_client
from nightjar.runtime.s3_errors import MISSING, PRECONDITION, code_of, may_pass, of_one_object, translate
from nightjar.runtime.settings import StoreSettings
from nightjar.runtime.store import (
    ARCHIVED,
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectUnreadableError,
    VersionInfo,
)

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

P = ParamSpec("P")
T = TypeVar("T")


class _Version(TypedDict, total=False):
    VersionId: str


class _Condition(TypedDict, total=False):
    IfNoneMatch: str
    IfMatch: str


class _Replaced(TypedDict, total=False):
    Metadata: dict[str, str]
    MetadataDirective: Literal["REPLACE"]


# A copy above this goes in parts on the server; S3 takes up to 5 GiB in one request.
_COPY_AT_ONCE = 1 << 30
# Seconds before an object that alone cannot be read, for a reason that may pass, is read again.
_PAUSES = (0.3, 1.0, 3.0)
_NEIGHBOURS = 5  # objects beside one that cannot be read, of which one has to be readable


def _translated(
    method: Callable[Concatenate["S3Store", str, P], T],
) -> Callable[Concatenate["S3Store", str, P], T]:
    """Turn boto's errors into ours, so that the exit code says who has to act."""

    @wraps(method)
    def call(self: "S3Store", key: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return method(self, key, *args, **kwargs)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"{method.__name__} {key!r} in bucket {self.bucket!r}") from error

    return cast("Callable[Concatenate[S3Store, str, P], T]", call)


def _reading(
    method: Callable[Concatenate["S3Store", str, P], T],
) -> Callable[Concatenate["S3Store", str, P], T]:
    """As `_translated`, for a method that reads one object: an error that concerns only this object says so."""

    @wraps(method)
    def call(self: "S3Store", key: str, /, *args: P.args, **kwargs: P.kwargs) -> T:
        what = f"{method.__name__} {key!r} in bucket {self.bucket!r}"
        for pause in (*_PAUSES, None):
            try:
                return method(self, key, *args, **kwargs)
            except (ClientError, BotoCoreError) as error:
                code = of_one_object(error)
                if code is None or not (code == ARCHIVED or self._gives_others(key)):
                    raise translate(error, what) from error
                if pause is None or not may_pass(error):
                    expected = "expected an object that can be read, as others beside it can"
                    raise ObjectUnreadableError(f"{what}: {expected}, S3 says {code}", code) from error
            time.sleep(pause)
        raise AssertionError("expected the last try to return or raise")

    return cast("Callable[Concatenate[S3Store, str, P], T]", call)


class S3Store:
    """A bucket on any S3 server. Safe to use from threads. Retries a hiccup; an outage is the task's to retry.

    `tries` are made of each request, the first included, each of which may wait `read_seconds` for the answer.

    Raises UsageError when endpoint, profile, region or what else boto reads from the environment cannot be.
    """

    def __init__(
        self, settings: StoreSettings, connections: int = 32, *, read_seconds: float = 60, tries: int = 4
    ) -> None:
        self.bucket = settings.bucket
        try:
            self._client = make_client(settings, connections, read_seconds, tries)
        except (BotoCoreError, ValueError) as error:
            raise UsageError(f"expected an environment that names an S3 server, got: {error}") from error

    @_reading
    def head(self, key: str, version_id: str | None = None) -> ObjectInfo | None:
        try:
            return _info(key, self._head(key, version_id))
        except ClientError as error:
            if code_of(error) in MISSING:
                return None
            raise

    def _head(self, key: str, version_id: str | None) -> Mapping[str, Any]:
        """The answer to a HEAD. That of an error has no body, and so no code: then the first byte is asked for."""
        try:
            return self._client.head_object(Bucket=self.bucket, Key=key, **_version(version_id))
        except ClientError as error:
            if code_of(error).isdecimal() and code_of(error) not in MISSING:
                self._client.get_object(Bucket=self.bucket, Key=key, Range="bytes=0-0", **_version(version_id))
            raise

    @_reading
    def get(self, key: str, version_id: str | None = None) -> tuple[bytes, ObjectInfo]:
        answer = self._client.get_object(Bucket=self.bucket, Key=key, **_version(version_id))
        return answer["Body"].read(), _info(key, answer)

    @_reading
    def get_range(self, key: str, first: int, length: int, version_id: str | None = None) -> bytes:
        part = f"bytes={first}-{first + length - 1}"
        return self._client.get_object(Bucket=self.bucket, Key=key, Range=part, **_version(version_id))["Body"].read()

    @_reading
    def download(self, key: str, path: Path, version_id: str | None = None) -> ObjectInfo:
        answer = self._client.get_object(Bucket=self.bucket, Key=key, **_version(version_id))
        with path.open("wb") as file:
            shutil.copyfileobj(answer["Body"], file, 1 << 20)
        info = _info(key, answer)
        if path.stat().st_size != info.size:
            raise IncompleteReadError(actual_bytes=path.stat().st_size, expected_bytes=info.size)
        return info

    @_translated
    def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
        if_absent: bool = False,
        if_match: str | None = None,
    ) -> ObjectInfo:
        condition: _Condition = {}
        if if_absent:
            condition["IfNoneMatch"] = "*"
        if if_match is not None:
            condition["IfMatch"] = if_match
        try:
            answer = self._client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=data,
                ContentType=content_type,
                Metadata=dict(metadata or {}),
                **condition,
            )
        except ClientError as error:
            code = code_of(error)
            if condition and code in PRECONDITION | (MISSING if if_match else set()):
                kind = ObjectExistsError if if_absent else ObjectChangedError
                raise kind(f"expected {condition} to hold at {key!r}, S3 says {code}") from error
            raise
        return ObjectInfo(
            key=key,
            version_id=answer.get("VersionId", "null"),
            size=len(data),
            etag=answer["ETag"],
            modified_at=_answered_at(answer),
            metadata=dict(metadata or {}),
        )

    @_reading
    def copy(
        self, source_key: str, source_version: str, target_key: str, metadata: Mapping[str, str] | None = None
    ) -> ObjectInfo:
        source: CopySourceTypeDef = {"Bucket": self.bucket, "Key": source_key, "VersionId": source_version}
        replaced: _Replaced = {}
        if metadata is not None:
            replaced = {"Metadata": dict(metadata), "MetadataDirective": "REPLACE"}
        size = self._head(source_key, source_version)["ContentLength"]
        try:
            if size <= _COPY_AT_ONCE:
                answer = self._client.copy_object(Bucket=self.bucket, Key=target_key, CopySource=source, **replaced)
                copied = _version(answer.get("VersionId") or None)
            else:
                self._client.copy(source, self.bucket, target_key, ExtraArgs={**replaced})
                copied = _version(None)
        except ClientError as error:
            if code_of(error) != ARCHIVED and size:  # is it the source that cannot be read, or the target?
                self._client.get_object(**source, Range="bytes=0-1023")["Body"].read()
                raise translate(error, f"copy to {target_key!r} in bucket {self.bucket!r}") from error
            raise
        return _info(target_key, self._client.head_object(Bucket=self.bucket, Key=target_key, **copied))

    @_translated
    def delete(self, key: str, version_id: str | None = None) -> str | None:
        try:
            answer = self._client.delete_object(Bucket=self.bucket, Key=key, **_version(version_id))
        except ClientError as error:
            if code_of(error) not in MISSING:
                raise
            return None
        return answer.get("VersionId") if version_id is None else None

    def list_objects(self, prefix: str) -> Iterator[ObjectInfo]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in self._pages("list objects", prefix, pages):
            for info in page.get("Contents", []):
                yield ObjectInfo(info["Key"], "", info["Size"], info["ETag"], info["LastModified"])

    def list_folders(self, prefix: str) -> list[str]:
        paginator = self._client.get_paginator("list_objects_v2")
        pages = paginator.paginate(Bucket=self.bucket, Prefix=prefix, Delimiter="/")
        answers = self._pages("list folders", prefix, pages)
        return sorted({folder["Prefix"] for page in answers for folder in page.get("CommonPrefixes", [])})

    def list_versions(self, prefix: str) -> Iterator[VersionInfo]:
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self.bucket, Prefix=prefix)
        for page in self._pages("list versions", prefix, pages):
            for info in page.get("Versions", []):
                yield VersionInfo(
                    key=info["Key"],
                    version_id=info["VersionId"],
                    size=info["Size"],
                    modified_at=info["LastModified"],
                    is_latest=info["IsLatest"],
                    is_delete_marker=False,
                )
            for marker in page.get("DeleteMarkers", []):
                yield VersionInfo(
                    key=marker["Key"],
                    version_id=marker["VersionId"],
                    size=0,
                    modified_at=marker["LastModified"],
                    is_latest=marker["IsLatest"],
                    is_delete_marker=True,
                )

    def _gives_others(self, key: str) -> bool:
        """Whether the bucket can be listed, and an object beside `key` can be looked at, if there is one."""
        try:
            folders = key.rpartition("/")[:2], key.partition("/")[:2] if "/" in key else ("", "")
            for prefix in dict.fromkeys(map("".join, folders)):
                listed = self._client.list_objects_v2(Bucket=self.bucket, Prefix=prefix, MaxKeys=_NEIGHBOURS)
                others = [info["Key"] for info in listed.get("Contents", []) if info["Key"] != key]
                if any(self._has_head(other) for other in others):
                    return True
        except (ClientError, BotoCoreError):
            return False
        return not others

    def _has_head(self, key: str) -> bool:
        try:
            self._client.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            return code_of(error) in MISSING
        return True

    def is_versioned(self) -> bool:
        return self._versioning("versioning") == "Enabled"

    @_translated
    def _versioning(self, _what: str) -> str:
        return str(self._client.get_bucket_versioning(Bucket=self.bucket).get("Status", "off"))

    def _pages(self, operation: str, prefix: str, pages: Iterable[T]) -> Iterator[T]:
        """`pages`, asked for one after the other, with boto's errors turned into ours."""
        try:
            yield from pages
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"{operation} {prefix!r} in bucket {self.bucket!r}") from error


def _version(version_id: str | None) -> _Version:
    return {} if version_id is None else {"VersionId": version_id}


def _info(key: str, answer: Mapping[str, Any]) -> ObjectInfo:
    return ObjectInfo(
        key=key,
        version_id=answer.get("VersionId", "null"),
        size=answer["ContentLength"],
        etag=answer["ETag"],
        modified_at=answer["LastModified"],
        metadata=answer.get("Metadata", {}),
    )


def _answered_at(answer: Mapping[str, Any]) -> datetime:
    return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"])
