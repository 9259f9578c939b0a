"""The beginning of the process: it claims its descriptors, checks its ground, answers the handshake.

Importing this module is cheap; what is heavy is imported after the handshake.
"""

import os
import select
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from ckservice import contract, handshake, parent
from ckservice.jsonrpc import descriptors
from ckservice.process import (
    CRASH_REASON,
    EXIT_CONFIGURATION,
    EXIT_CRASH,
    EXIT_DATA_DIRECTORY,
    Ending,
    Options,
    fail,
    leave,
)

if TYPE_CHECKING:
    from ckservice.app import Service
    from ckservice.jsonrpc.method import Handler


def serve(options: Options, more_handlers: "Callable[[Service], Iterable[Handler]]" = lambda _service: ()) -> NoReturn:
    """Serve the host on stdin and stdout, until it is done with us.

    `more_handlers` answer methods beside those of the contract.
    """
    source, target = descriptors.claim()
    sys.excepthook = _end_on_bug
    ending = Ending()
    for number in _ending_signals():
        if number.name != "SIGHUP" or signal.getsignal(number) != signal.SIG_IGN:  # which is what nohup is for
            signal.signal(number, ending.on_signal)
    if source is None or target is None:
        leave()  # nobody asks, or nobody listens
    if options.watch_parent and descriptors.is_pipe_or_socket(source):
        parent.watch_parent(ending.on_host_gone)
    _check_settings(options.settings)
    _check_data_directory(options.data_directory)
    first = handshake.read_first(source)
    if first:
        ending.postpone()
    early = handshake.answer(first, options.settings)
    if early is not None:
        _write_whole(target, early.answered)

    from ckservice import lifetime  # noqa: PLC0415 - this imports everything: after the first answer

    lifetime.run(lifetime.Start(options, ending, source, target, first, early, more_handlers))


def _end_on_bug(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    sys.__excepthook__(kind, error, trace)
    fail(EXIT_CRASH, CRASH_REASON)


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
    probe = os.path.join(path, f".probe-{os.getpid()}")
    try:
        os.makedirs(path, mode=0o700, exist_ok=True)
        descriptor = os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            os.write(descriptor, b"?")
        finally:
            os.close(descriptor)
            os.unlink(probe)
    except OSError as error:
        reason = f"The data directory {path} can't be used: {os.strerror(error.errno or 0)}. Set CKSERVICE_DATA_DIR."
        fail(EXIT_DATA_DIRECTORY, reason)


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:  # somebody who shares the description has made it non-blocking
            select.select([], [descriptor], [])
        except OSError:
            leave()  # nobody listens
