"""A service as a child process, spoken to over its pipes as any host would."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, Self

_EXIT_SECONDS = 15


def own_command() -> list[str]:
    """How to start this very program again."""
    if getattr(sys, "frozen", False):  # PyInstaller's mark: the executable is the program
        return [sys.executable]
    return [sys.executable, "-m", "ckservice"]


class Child:
    """Lines to it, messages from it. Use as a context manager: it is ended on the way out."""

    def __init__(self, command: list[str], environment: Mapping[str, str], *, quiet: bool = False) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own program, or the one the user named
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if quiet else None,
            env={**os.environ, **environment},
        )
        self._messages: SimpleQueue[dict[str, Any] | list[Any] | None] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close_input()
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def write(self, line: bytes) -> None:
        """Send one line; without effect once the child has ended."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

    def close_input(self) -> None:
        """Tell it that nothing more comes."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def read(self, seconds: float | None = None) -> Any:
        """The next message; `None` at the end, which is also where a line is no JSON.

        Raises:
            TimeoutError: none came within `seconds`.
        """
        try:
            return self._messages.get(timeout=seconds)
        except Empty:
            raise TimeoutError from None

    def wait(self) -> int:
        """Its exit code, once its output has ended."""
        return self._process.wait(_EXIT_SECONDS)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with suppress(ValueError):  # another program than ours, or one that was killed in the middle of a line
            for line in self._process.stdout:
                self._messages.put(json.loads(line))
        self._messages.put(None)
