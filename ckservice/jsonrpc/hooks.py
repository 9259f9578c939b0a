"""What a connection asks of, and tells, the program around it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ckservice.jsonrpc.errors import RpcError
from ckservice.jsonrpc.framing import TooLong


class Limits(Protocol):
    """What bounds a connection; read anew each time, so that it can be changed while it runs."""

    @property
    def max_in_flight(self) -> int:
        """Requests running or waiting at one time."""

    @property
    def max_line_bytes(self) -> int:
        """Length of one line of input."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a connection asks of, and tells, the program around it.

    Attributes:
        limits: see `Limits`.
        translate: turns a domain's exception into an `RpcError`; `None` for one it doesn't know, which
            is a bug and answered `internal`.
        is_enabled: whether a method may be called at present.
        on_notification: what to do on notifications, by name. Cancels are understood without it.
        on_answer: told of each answer: the method, and the error kind or "ok".
        on_line: told of each line that came in.
        strict: an undeclared error is a bug too. For tests: it keeps the declarations honest.
    """

    limits: Limits
    translate: Callable[[BaseException], RpcError | None] = lambda _error: None
    is_enabled: Callable[[str], bool] = lambda _method: True
    on_notification: Mapping[str, Callable[[], None]] = field(default_factory=dict)
    on_answer: Callable[[str, str], None] = lambda _method, _outcome: None
    on_line: Callable[[bytes | TooLong], None] | None = None
    strict: bool = False
