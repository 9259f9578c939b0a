"""Errors as the host sees them: a code, a stable `kind`, and a sentence for an end user.

Codes from -32768 to -32000 are JSON-RPC's and the implementation's, -32800 is LSP's `RequestCancelled`.
https://www.jsonrpc.org/specification#error_object
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One row of the error table.

    Attributes:
        name: what clients switch on.
        code: the JSON-RPC error code, which several rows may share.
        retryable: whether the same request may succeed later.
        summary: what it means, for a developer.
        user_message: what happened and what to do, for an end user, where the error itself says nothing better.
    """

    name: str
    code: int
    retryable: bool
    summary: str
    user_message: str


_MISUNDERSTANDING = "The app and ckservice do not understand each other; please update the app."

PARSE_ERROR = ErrorKind("parseError", -32700, False, "The line is not JSON in UTF-8.", _MISUNDERSTANDING)
INVALID_REQUEST = ErrorKind(
    "invalidRequest", -32600, False, "The JSON is not a JSON-RPC 2.0 message.", _MISUNDERSTANDING
)
DUPLICATE_ID = ErrorKind("duplicateId", -32600, False, "A request with this id is still in flight.", _MISUNDERSTANDING)
MESSAGE_TOO_LARGE = ErrorKind(
    "messageTooLarge",
    -32600,
    False,
    "The line, or the answer, is over the size limit.",
    "That is too much at once; please try with less.",
)
METHOD_NOT_FOUND = ErrorKind(
    "methodNotFound",
    -32601,
    False,
    "There is no such method, or it is disabled.",
    "This version of ckservice can't do that, or it is switched off; please check the settings or update the app.",
)
INVALID_PARAMS = ErrorKind("invalidParams", -32602, False, "The parameters do not fit the method.", _MISUNDERSTANDING)
INTERNAL = ErrorKind(
    "internal",
    -32603,
    False,
    "A bug in ckservice; errorId finds it in the log.",
    "Something went wrong inside ckservice. Please try again; if it happens again, report the error id.",
)
CANCELLED = ErrorKind("cancelled", -32800, False, "The host cancelled the request.", "This was cancelled.")
OVERLOADED = ErrorKind(
    "overloaded", -32001, True, "Too many requests are in flight.", "ckservice is busy; please try again in a moment."
)
SHUTTING_DOWN = ErrorKind(
    "shuttingDown",
    -32002,
    False,
    "The process is ending and takes no new work.",
    "ckservice is closing; please start it again.",
)
DEADLINE_EXCEEDED = ErrorKind(
    "deadlineExceeded",
    -32003,
    True,
    "The request's _meta.timeoutMs has passed.",
    "This took longer than its time limit; please try again.",
)

KERNEL_KINDS = (
    PARSE_ERROR,
    INVALID_REQUEST,
    DUPLICATE_ID,
    MESSAGE_TOO_LARGE,
    METHOD_NOT_FOUND,
    INVALID_PARAMS,
    INTERNAL,
    CANCELLED,
    OVERLOADED,
    SHUTTING_DOWN,
    DEADLINE_EXCEEDED,
)
"""What any method can answer, declared or not."""


class RpcError(Exception):
    """An error ready for the wire.

    Args:
        kind: the row of the error table.
        message: one sentence for a developer; it holds no input text, secret or path outside the repository.
        user_message: what happened and what to do, for an end user; the kind's own where it is left out.
        data: further members of `error.data`, by wire name.
    """

    def __init__(
        self, kind: ErrorKind, message: str, *, user_message: str | None = None, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.user_message = user_message or kind.user_message
        self.data = dict(data or {})
        self.error_id = os.urandom(6).hex()

    def shortened(self) -> "RpcError":
        """The same error without what may be long: its own message, texts and lists."""
        data = {name: value for name, value in self.data.items() if isinstance(value, int)}
        short = RpcError(self.kind, self.kind.summary, data=data)
        short.error_id = self.error_id
        return short

    def to_json(self) -> dict[str, Any]:
        """The `error` member of a response."""
        return {
            "code": self.kind.code,
            "message": self.message,
            "data": {
                "kind": self.kind.name,
                "retryable": self.kind.retryable,
                "userMessage": self.user_message,
                "errorId": self.error_id,
                **self.data,
            },
        }


class HostError(Exception):
    """The host answered one of our requests with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class HostGone(Exception):
    """The connection ended before the host answered one of our requests."""
