"""The refusals of the API server, as the client sees them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """A request is answered with an error status.

    Attributes:
        code: HTTP status.
        reason: the machine-readable reason in Kubernetes' own spelling, for example `NotFound`.
        message: one sentence for people.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message

    def status(self) -> dict[str, Any]:
        """The `Status` object that goes into the response's body."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


def not_found(kind: str, name: str) -> ApiError:
    """404, as for an object that never was or is gone."""
    return ApiError(404, "NotFound", f'{kind} "{name}" not found')


def invalid(name: str, why: str) -> ApiError:
    """422, as for an object that breaks its schema or a rule of admission."""
    return ApiError(422, "Invalid", f'Pod "{name}" is invalid: {why}')
