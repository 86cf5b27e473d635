"""Whether an IAM policy allows a request, as far as those in helm/iam/ go."""

from fnmatch import fnmatchcase
from typing import Any


def allows(policy: dict[str, Any], action: str, key: str = "", prefix: str | None = None) -> bool:
    """Whether some statement has the action on the object `key`, or on the bucket with the `prefix` of a list."""
    resource = f"arn:aws:s3:::BUCKET/{key}" if key else "arn:aws:s3:::BUCKET"
    return any(
        action in statement["Action"]
        and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])
        and _meets(statement.get("Condition", {}), prefix)
        for statement in policy["Statement"]
    )


def _meets(condition: dict[str, Any], prefix: str | None) -> bool:
    """A condition on a value that the request does not have is met with IfExists only."""
    for operator, values in condition.items():
        if prefix is None:
            if operator != "StringLikeIfExists":
                return False
        elif not any(fnmatchcase(prefix, pattern) for pattern in values["s3:prefix"]):
            return False
    return True
