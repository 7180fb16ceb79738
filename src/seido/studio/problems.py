"""What a request to the studio can run into: a code for programs, and a sentence for people."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final

STATUS: Final = MappingProxyType(
    {
        "invalid": 422,
        "unreadable": 422,
        "unknown_kind": 415,
        "wrong_kind": 409,
        "not_ready": 409,
        "too_many_bytes": 413,
        "too_long": 413,
        "too_many_pixels": 413,
        "too_large": 413,
        "no_model": 409,
        "region_needed": 422,
        "nothing_moves": 422,
        "not_found": 404,
        "method": 405,
        "forbidden": 403,
        "no_token": 401,
        "queue_full": 429,
        "store_full": 507,
        "out_of_memory": 422,
        "out_of_time": 422,
        "died": 422,
        "cancelled": 409,
        "internal": 500,
        "closing": 503,
    }
)
"""The status of each code."""


class ProblemError(Exception):
    """Ends a request or a job: a code out of STATUS, one sentence with the cure, and facts such as limits."""

    def __init__(self, code: str, message: str, **facts: Any) -> None:  # noqa: ANN401  (what JSON holds)
        super().__init__(message)
        self.code = code if code in STATUS else "internal"
        self.message = message
        self.facts = facts

    @property
    def status(self) -> int:
        """The HTTP status that goes with it."""
        return STATUS[self.code]

    def as_json(self) -> dict[str, Any]:
        """Write it as the body of an answer."""
        return {"code": self.code, "message": self.message, "facts": self.facts}


def not_found() -> ProblemError:
    """Say that an id is not, or no longer, known; the same for everybody."""
    return ProblemError("not_found", "there is no such thing, or it was deleted; make it or send it again")
