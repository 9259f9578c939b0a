"""The standard descriptors, claimed for the wire before anything else can use them.

Imports only what the interpreter has loaded already: this runs before everything else.
"""

import os
import stat
import sys


def claim() -> tuple[int | None, int | None]:
    """Take stdin and stdout away from everybody else.

    Afterwards descriptor 0 is the null device and descriptor 1 is stderr, so that a `print`, a C library
    or a child process reaches the log and never the wire.

    Returns:
        The wire's own copies of stdin and stdout, `None` where the parent had closed one. They are not
        inherited by child processes.
    """
    is_open = [_is_open(descriptor) for descriptor in (0, 1, 2)]
    for was_open in is_open:
        if not was_open:
            # Takes the lowest free number, which is the closed one: nothing that is opened later may
            # land there and be taken for a standard descriptor.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    source = os.dup(0) if is_open[0] else None
    target = os.dup(1) if is_open[1] else None
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    if sys.platform == "win32":
        _make_binary(source, target)
    sys.stdout = sys.stderr
    return source, target


def is_pipe_or_socket(descriptor: int) -> bool:
    """Whether a program, rather than a file or a terminal, is at the other end."""
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def _make_binary(*descriptors: int | None) -> None:
    """Windows: keep the C runtime from turning line feeds into CR LF."""
    import msvcrt  # noqa: PLC0415 - exists on Windows only

    for descriptor in descriptors:
        if descriptor is not None:
            msvcrt.setmode(descriptor, os.O_BINARY)  # type: ignore[attr-defined,unused-ignore]  # Windows only
