"""The meaning of an error from boto: who has to act, and whether it may concern one object only."""

from botocore.exceptions import (
    BotoCoreError,
    ChecksumError,
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from nightjar.errors import NightjarError, TryAgainError, UsageError
from nightjar.runtime.store import INCOMPLETE, ObjectMissingError

# MethodNotAllowed is the answer about a version that is a delete marker.
MISSING = {"NoSuchKey", "NoSuchVersion", "404", "NotFound", "MethodNotAllowed", "405"}
# Not ConditionalRequestConflict (409): that only says that another write, perhaps an earlier try of this, is under way.
PRECONDITION = {"PreconditionFailed", "412"}
_REFUSED = {
    "AccessDenied",
    "AuthorizationHeaderMalformed",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "NoSuchBucket",
    "SignatureDoesNotMatch",
    "403",
}
_OF_THE_BUCKET = _REFUSED - {"AccessDenied", "403"} | {
    "ExpiredToken",
    "InvalidToken",
    "RequestExpired",
    "RequestTimeTooSkewed",
    "PermanentRedirect",
    "TemporaryRedirect",
}
# Of these statuses it is known that they pass: timeout, conflict, condition, too many requests.
_PASSING = {408, 409, 412, 429}
_DAMAGED = (IncompleteReadError, ResponseStreamingError, ChecksumError, FlexibleChecksumError)


def translate(error: ClientError | BotoCoreError, what: str) -> NightjarError:
    """The Nightjar error that says the same; what is not known is taken for an outage."""
    if isinstance(error, ClientError):
        code = code_of(error)
        if code in MISSING:
            return ObjectMissingError(f"{what}: expected an object, S3 says {code}")
        if code in _REFUSED:
            return UsageError(f"{what}: S3 refuses with {code}; check bucket, credentials and policy")
        return TryAgainError(f"{what}: S3 answers {code}")
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return UsageError(f"{what}: no S3 credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY or a role")
    if isinstance(error, ParamValidationError):
        return UsageError(f"{what}: {error}")
    if isinstance(error, BotoConnectionError | HTTPClientError):
        return TryAgainError(f"{what}: S3 cannot be reached: {error}")
    return TryAgainError(f"{what}: {error}")


def code_of(error: ClientError) -> str:
    """The API's code; the answer to a HEAD has no body, so there it is the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def of_one_object(error: ClientError | BotoCoreError) -> str | None:
    """The code of an error in reading an object that may be about this object alone; None for one that is not."""
    if isinstance(error, _DAMAGED):
        return INCOMPLETE
    if not isinstance(error, ClientError):
        return None
    code, status = code_of(error), _status(error)
    if code in MISSING | PRECONDITION | _OF_THE_BUCKET or "Throttl" in code or "SlowDown" in code:
        return None
    return code if status == 500 or (400 <= status < 500 and status not in _PASSING) else None


def may_pass(error: ClientError | BotoCoreError) -> bool:
    """Whether trying again soon may help: a damaged answer or an internal error, not a refusal."""
    return isinstance(error, _DAMAGED) or (isinstance(error, ClientError) and _status(error) >= 500)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
