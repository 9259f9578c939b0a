"""What the parts of a process's life share: how it was started, how it can end, with which exit code."""

import json
import os
import select
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import FrameType, MappingProxyType
from typing import Any, NamedTuple, NoReturn

EXIT_CLEAN = 0
EXIT_USAGE = 2
EXIT_CONFIGURATION = 10
EXIT_DATA_DIRECTORY = 11
EXIT_CRASH = 70

CRASH_REASON = "ckservice met an internal error and ended; what stands before this line says where."

_STDERR_SECONDS = 0.2
_REASON_CHARS = 500


class Options(NamedTuple):
    """How to serve.

    Attributes:
        settings: the layer of settings that the environment makes.
        log_format: `json` or `console`.
        data_directory: where data is kept; created if it is missing.
        endpoints: of providers that the environment names one for.
        keys: of providers that the environment holds one for.
        record: a file to record the session in.
        drain_timeout: seconds to finish what runs after the end of input; `None`: 10 once `initialize`
            has come, else as long as it takes.
        watch_parent: end when the parent process does, if stdin is a pipe or socket.
        strict: answer an undeclared error with `internal`. For tests: it keeps the declarations honest.
    """

    settings: Mapping[str, Any]
    log_format: str
    data_directory: str
    endpoints: Mapping[Any, str] = MappingProxyType({})
    keys: Mapping[Any, str] = MappingProxyType({})
    record: str | None = None
    drain_timeout: float | None = None
    watch_parent: bool = True
    strict: bool = False


class Ending:
    """What to do when the host has gone or a signal comes: leave at once, as long as nothing has begun.

    `lifetime` puts something gentler in its place.
    """

    def __init__(self) -> None:
        self.signalled: Callable[[], None] = leave
        self.host_gone: Callable[[], None] = leave
        self.is_postponed = False

    def postpone(self) -> None:
        """Have the first signal wait for `lifetime`: something has been read, and is owed an answer."""
        self.signalled = self._remember

    def _remember(self) -> None:
        self.signalled = leave
        self.is_postponed = True

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signalled()

    def on_host_gone(self) -> None:
        self.host_gone()


def leave() -> NoReturn:
    """End the process now. Tearing down an interpreter with many modules would take longer than all before."""
    os._exit(EXIT_CLEAN)


def fail(code: int, reason: str) -> NoReturn:
    """End the process with a code, and say why in the last line of stderr, if anybody reads it."""
    with suppress(OSError):
        # What can be written to takes PIPE_BUF bytes; Windows can only ask sockets.
        if sys.platform == "win32" or select.select([], [2], [], _STDERR_SECONDS)[1]:
            os.write(2, json.dumps({"code": code, "reason": reason[:_REASON_CHARS]}).encode("ascii") + b"\n")
    os._exit(code)
