"""From what went wrong in a handler to the one error that its request is answered with."""

import logging

from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.errors import (
    CANCELLED,
    DEADLINE_EXCEEDED,
    INTERNAL,
    KERNEL_KINDS,
    SHUTTING_DOWN,
    ErrorKind,
    HostGone,
    RpcError,
)
from ckservice.jsonrpc.hooks import Hooks

log = logging.getLogger("ckservice.jsonrpc")

_REASONS: dict[ErrorKind, str] = {
    CANCELLED: "The request was cancelled.",
    DEADLINE_EXCEEDED: "The request took longer than its time limit.",
    SHUTTING_DOWN: "ckservice is shutting down; the request was not finished.",
}


def raised(call: Call, error: BaseException, hooks: Hooks) -> RpcError:
    """The answer to a request whose handler raised."""
    if isinstance(error, HostGone):
        return RpcError(SHUTTING_DOWN, "The host closed the connection before it answered a question.")
    try:
        rpc_error = error if isinstance(error, RpcError) else hooks.translate(error)
    except Exception as another:  # noqa: BLE001 - the host is owed an answer all the same
        return bug(another)
    if rpc_error is None:
        return bug(error)
    if rpc_error.kind not in (*KERNEL_KINDS, *call.request.errors):
        log.error("undeclared error", extra={"method": call.request.name, "kind": rpc_error.kind.name})
        return bug(error) if hooks.strict else rpc_error
    return rpc_error


def cut_short(call: Call) -> RpcError:
    """The answer to a request whose handler was ended from outside."""
    kind = call.cancelled_as or DEADLINE_EXCEEDED
    return RpcError(kind, _REASONS[kind])


def bug(error: BaseException) -> RpcError:
    """The answer where we are to blame. The log has the traceback, under the same error id."""
    rpc_error = RpcError(INTERNAL, "An internal error; the log tells more under this errorId.")
    log.error("internal error", exc_info=error, extra={"errorId": rpc_error.error_id})
    return rpc_error
