"""Notice that another process has ended, whatever ended it.

Each platform has a way to wait for a process that is not a child: pidfd_open(2) on Linux, kqueue's
EVFILT_PROC on macOS and the BSDs, a process handle on Windows. Where there is none the pid is looked at
four times a second.
"""

import _thread  # `threading` is not imported yet when the parent is watched first, and costs start-up time
import os
import select
import sys
import time
from collections.abc import Callable

_POLL_SECONDS = 0.25


def watch_parent(on_gone: Callable[[], None]) -> None:
    """Call `on_gone`, on a thread of its own, when the process that started this one has ended."""
    parent = os.getppid()
    watch(parent, on_gone, is_alive=lambda: os.getppid() == parent)


def watch(pid: int, on_gone: Callable[[], None], *, is_alive: Callable[[], bool] | None = None) -> None:
    """Call `on_gone`, on a thread of its own, when process `pid` has ended; at once if there is none.

    Args:
        pid: the process to watch.
        on_gone: called once.
        is_alive: a surer test than looking for the pid, which may have been given to another process.
    """

    def wait() -> None:
        _wait(pid, is_alive or (lambda: exists(pid)))
        on_gone()

    _thread.start_new_thread(wait, ())


def exists(pid: int) -> bool:
    """Whether there is a process with this pid."""
    try:
        if sys.platform == "win32":
            _open_windows_process(pid)
        else:
            os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is there, and somebody else's
    return True


def _wait(pid: int, is_alive: Callable[[], bool]) -> None:
    # What the platform says counts: a process that has ended keeps its pid until its own parent takes notice.
    while not _was_told(pid, is_alive) and is_alive():
        time.sleep(_POLL_SECONDS)


def _was_told(pid: int, is_alive: Callable[[], bool]) -> bool:
    """Wait until the platform says that a process has ended; false at once where it can't say."""
    try:
        if sys.platform == "linux":
            _wait_on_linux(pid, is_alive)
        elif sys.platform == "win32":
            _wait_on_windows(pid)
        elif hasattr(select, "kqueue"):
            _wait_with_kqueue(pid)
        else:
            return False
    except (OSError, OverflowError):
        return False
    return True


def _wait_on_linux(pid: int, is_alive: Callable[[], bool]) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        if is_alive():  # else the descriptor may be of another process with the same pid
            poll = select.poll()
            poll.register(descriptor, select.POLLIN)
            poll.poll()
    finally:
        os.close(descriptor)


def _wait_with_kqueue(pid: int) -> None:
    queue = select.kqueue()  # type: ignore[attr-defined,unused-ignore]  # macOS and the BSDs only
    event = select.kevent(  # type: ignore[attr-defined,unused-ignore]
        pid,
        filter=select.KQ_FILTER_PROC,  # type: ignore[attr-defined,unused-ignore]
        flags=select.KQ_EV_ADD,  # type: ignore[attr-defined,unused-ignore]
        fflags=select.KQ_NOTE_EXIT,  # type: ignore[attr-defined,unused-ignore]
    )
    queue.control([event], 1, None)


def _wait_on_windows(pid: int) -> None:
    import ctypes

    infinite = 0xFFFFFFFF
    handle = _open_windows_process(pid)
    ctypes.windll.kernel32.WaitForSingleObject(ctypes.c_void_p(handle), infinite)  # type: ignore[attr-defined,unused-ignore]


def _open_windows_process(pid: int) -> int:
    import ctypes

    synchronize, access_denied = 0x00100000, 5
    kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel32.OpenProcess.restype = ctypes.c_void_p
    handle: int | None = kernel32.OpenProcess(synchronize, False, pid)
    if handle:
        return handle
    if ctypes.get_last_error() == access_denied:  # type: ignore[attr-defined,unused-ignore]
        raise PermissionError
    raise ProcessLookupError
