"""One run of a program: so long, so much output, and nothing left of it afterwards."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import anyio
from anyio.abc import Process

from ckservice.errors import GitFailed

_COMPLAINT_BYTES = 64 * 1024
_NO_WINDOW = 0x0800_0000 if sys.platform == "win32" else 0
"""`CREATE_NO_WINDOW`, which `subprocess` knows on Windows only."""


@dataclass(frozen=True, slots=True)
class Output:
    """What a program said.

    Attributes:
        data: its standard output, as far as it was read.
        is_cut: there was more, and the program was ended.
        code: it ended with; not 0 where it was ended.
        complaint: the beginning of its standard error output. It holds paths, and goes nowhere.
    """

    data: bytes
    is_cut: bool
    code: int
    complaint: str


async def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str], given: bytes, max_bytes: int, seconds: float
) -> Output:
    """Run a program to its end.

    Args:
        command: its absolute path and its arguments; no shell sees them.
        cwd: where it runs.
        env: all of its environment.
        given: its standard input.
        max_bytes: of its output; it is ended when there are more.
        seconds: that it may take.

    Raises:
        GitFailed: it can't be started, or takes too long. It is ended then, with all that it has started.
    """
    try:
        with anyio.fail_after(seconds):
            return await _run(command, cwd, env, given, max_bytes)
    except TimeoutError:
        message = f"Git took longer than {seconds:g} seconds, and was ended."
    except (OSError, ValueError):  # the latter for a null character
        message = "Git could not be started."
    raise GitFailed(message, user_message=message)


async def _run(command: Sequence[str], cwd: Path, env: Mapping[str, str], given: bytes, max_bytes: int) -> Output:
    process = await anyio.open_process(
        command,
        stdin=PIPE if given else DEVNULL,  # never ours, on which the host speaks
        stdout=PIPE,
        stderr=PIPE,
        cwd=cwd,
        env=env,
        creationflags=_NO_WINDOW,
        start_new_session=True,
    )
    output, complaint = bytearray(), bytearray()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_write, process, given)
            tasks.start_soon(_read_complaint, process, complaint)
            is_cut = await _read(process, output, max_bytes)
            if is_cut:
                _kill(process)
        code = await process.wait()
    finally:
        _kill(process)
        await process.aclose()
    return Output(bytes(output[:max_bytes]), is_cut, code, complaint.decode("utf-8", "replace"))


async def _write(process: Process, given: bytes) -> None:
    if process.stdin is not None:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # it has heard enough
            await process.stdin.send(given)
            await process.stdin.aclose()


async def _read(process: Process, output: bytearray, max_bytes: int) -> bool:
    assert process.stdout is not None
    async for chunk in process.stdout:
        output += chunk
        if len(output) > max_bytes:
            return True
    return False


async def _read_complaint(process: Process, complaint: bytearray) -> None:
    assert process.stderr is not None
    async for chunk in process.stderr:
        complaint += chunk[: _COMPLAINT_BYTES - len(complaint)]


def _kill(process: Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):  # macOS says the second of a process that has just ended
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
