"""Methods and notifications, declared once, as values.

Dispatch, validation, JSON Schema, TypeScript, `schemas/methods.md` and the tests all read these declarations.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ckservice.jsonrpc.errors import INVALID_PARAMS, ErrorKind, RpcError
from ckservice.logs import redact_text

if TYPE_CHECKING:
    from ckservice.jsonrpc.call import Call

P = TypeVar("P", bound=BaseModel)
R = TypeVar("R", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Notification(Generic[P]):
    """Something told without an answer.

    Attributes:
        text: the member that holds streamed text. Waiting notifications of one request that differ only
            in it are merged into one while the host reads slowly.
        index: the member that counts the pieces of text before this one, if the notification has it.
    """

    name: str
    params: type[P]
    summary: str
    text: str | None = None
    index: str | None = None


@dataclass(frozen=True, slots=True)
class Request(Generic[P, R]):
    """Something asked, answered exactly once.

    Attributes:
        errors: the kinds it can answer beside those that every method can (`KERNEL_KINDS`).
        emits: the notifications it may send before its response.
        serialize_by: names the resource that calls must take turns on; calls with the same key run in
            the order they arrived. `None` is no turn-taking.
        tolerant: unknown members of the params are ignored, not refused.
        late: it is answered also when shutdown has begun or too much is in flight.
    """

    name: str
    params: type[P]
    result: type[R]
    summary: str
    errors: tuple[ErrorKind, ...] = ()
    emits: tuple[Notification[Any], ...] = ()
    serialize_by: Callable[[P], str | None] | None = None
    tolerant: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class Handler:
    """A declared request and the code that answers it.

    A plain function answers at once, on the reading path, and must not block; a coroutine function
    runs as a task of its own.
    """

    request: Request[Any, Any]
    run: Callable[["Call", Any], BaseModel | Awaitable[BaseModel]]
    inline: bool


def inline(request: Request[P, R], run: Callable[["Call", P], R]) -> Handler:
    """Bind a function that answers without waiting for anything."""
    return Handler(request, run, inline=True)


def handler(request: Request[P, R], run: Callable[["Call", P], Awaitable[R]]) -> Handler:
    """Bind a coroutine function."""
    return Handler(request, run, inline=False)


def invalid_params(request: Request[Any, Any], error: ValidationError) -> RpcError:
    """Say what is wrong with the params of a request, and where, without repeating what was sent."""
    names = [field.alias or name for name, field in request.params.model_fields.items() if name != "meta"]
    errors = [
        {"path": _path(detail["loc"]), "message": _explain(detail["type"], detail["msg"], detail["loc"], names)}
        for detail in _details(error)
    ]
    first = ": ".join(part for part in errors[0].values() if part) if errors else "see errors"
    return RpcError(
        INVALID_PARAMS,
        f"Invalid parameters for {request.name}: {first}",
        data={"errors": errors},
    )


_MAX_ERRORS = 100
_MAX_PATH_CHARS = 200
_MAX_DETAILS = 10_000
"""Pydantic can tell all details or none, at about 1 kB each; whoever makes more mistakes is told their number."""


def _details(error: ValidationError) -> Sequence[ErrorDetails]:
    if error.error_count() > _MAX_DETAILS:
        message = f"{error.error_count()} members of the params do not fit"
        return [{"type": "too_many", "loc": (), "msg": message, "input": None}]
    return error.errors(include_url=False, include_input=False, include_context=False)[:_MAX_ERRORS]


def _path(location: tuple[str | int, ...]) -> str:
    """`("messages", 0, "role")` as `messages[0].role`; names are the host's own, so one may be a key gone astray."""
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")
    return redact_text(path[:_MAX_PATH_CHARS])


def _explain(kind: str, message: str, location: tuple[str | int, ...], names: list[str]) -> str:
    if kind == "missing":
        return "is required"
    if kind == "extra_forbidden":
        similar = get_close_matches(str(location[-1]), names, n=1) if len(location) == 1 else []
        return f"is not a known parameter; did you mean {similar[0]}?" if similar else "is not a known parameter"
    return message.removeprefix("Value error, ")
