"""The process: claims its descriptors, answers the handshake, runs the event loop, and knows how to end.

Importing this module is cheap; what is heavy is imported after the handshake. The process ends with
`os._exit`, because tearing down an interpreter with many modules takes longer than everything before.
"""

import json
import os
import signal
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

from ckservice import contract, handshake, parent
from ckservice.jsonrpc import descriptors

if TYPE_CHECKING:
    from ckservice.app import Service
    from ckservice.jsonrpc.method import Handler

EXIT_CLEAN = 0
EXIT_USAGE = 2
EXIT_CONFIGURATION = 10
EXIT_DATA_DIRECTORY = 11
EXIT_CRASH = 70


class Options(NamedTuple):
    """How to serve.

    Attributes:
        settings: the layer of settings that the environment makes.
        log_format: `json` or `console`.
        data_directory: where data is kept; created if it is missing.
        record: a file to record the session in.
        drain_timeout: seconds to finish what runs after the end of input; `None`: 10 once `initialize`
            has come, else as long as it takes.
        watch_parent: end when the parent process does, if stdin is a pipe or socket.
        strict: answer an undeclared error with `internal`. For tests: it keeps the declarations honest.
    """

    settings: Mapping[str, Any]
    log_format: str
    data_directory: str
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

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signalled()

    def on_host_gone(self) -> None:
        self.host_gone()


def leave() -> NoReturn:
    """End the process now."""
    os._exit(EXIT_CLEAN)


def serve(options: Options, more_handlers: "Callable[[Service], Iterable[Handler]]" = lambda _service: ()) -> NoReturn:
    """Serve the host on stdin and stdout, until it is done with us.

    `more_handlers` answer methods beside those of the contract.
    """
    source, target = descriptors.claim()
    ending = Ending()
    for number in _ending_signals():
        signal.signal(number, ending.on_signal)
    if source is None or target is None:
        os._exit(EXIT_CLEAN)  # nobody asks, or nobody listens
    if options.watch_parent and descriptors.is_pipe_or_socket(source):
        parent.watch_parent(ending.on_host_gone)
    _check_settings(options.settings)
    _check_data_directory(options.data_directory)
    first = handshake.read_first(source)
    early = handshake.answer(first, options.settings)
    if early is not None:
        _write_whole(target, early.answered)

    from ckservice import lifetime  # noqa: PLC0415 - this imports everything: after the first answer

    lifetime.run(lifetime.Start(options, ending, source, target, first, early, more_handlers))


def fail(code: int, reason: str) -> NoReturn:
    """End the process with a code, and say why in the last line of stderr."""
    with suppress(OSError):
        os.write(2, json.dumps({"code": code, "reason": reason}).encode("ascii") + b"\n")
    os._exit(code)


def _ending_signals() -> list[signal.Signals]:
    names = ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK")  # the last two on POSIX and on Windows only
    return [getattr(signal, name) for name in names if hasattr(signal, name)]


def _check_settings(settings: Mapping[str, Any]) -> None:
    if not settings:
        return
    schema = contract.load("methods/settings.update.json")
    if contract.fits(settings, schema["params"], schema):
        return
    from ckservice.errors import InvalidArguments  # noqa: PLC0415 - only to say what is wrong
    from ckservice.settings import SettingsStack  # noqa: PLC0415

    try:
        SettingsStack(settings)
    except InvalidArguments as error:
        first = error.errors[0]
        fail(EXIT_CONFIGURATION, f"The environment sets {first['path']} to something invalid: {first['message']}.")


def _check_data_directory(path: str) -> None:
    probe = os.path.join(path, f".probe-{os.getpid()}")  # noqa: PTH118 - pathlib is not imported yet
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)  # noqa: PTH103
        descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, b"?")
        finally:
            os.close(descriptor)
            os.unlink(probe)  # noqa: PTH108
    except OSError as error:
        reason = f"The data directory {path} can't be used: {os.strerror(error.errno or 0)}. Set CKSERVICE_DATA_DIR."
        fail(EXIT_DATA_DIRECTORY, reason)


def _write_whole(descriptor: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        os._exit(EXIT_CLEAN)  # nobody listens
