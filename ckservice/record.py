"""A session in a file: what both sides said, when, without secrets. One line of JSON for each message.

    {"in": {"jsonrpc": "2.0", "id": 1, "method": "ping"}, "ms": 0.0}
    {"out": {"jsonrpc": "2.0", "id": 1, "result": {}}, "ms": 0.4}

`in` is from the host. A line that was not JSON stands as text; one that was not even text, as
`{"base64": …}`; of one over the limit there is the beginning, and its length as `bytes`. `replay` reads the same format, and so do the transcripts of the tests.
"""

import base64
import json
import os
from time import perf_counter
from typing import Any, BinaryIO

from ckservice.jsonrpc.framing import TooLong
from ckservice.logs import redact


class Recorder:
    """Writes a recording, whole lines at a time, so that a killed process leaves a readable one."""

    def __init__(self, path: str) -> None:
        # The file holds prompts and answers: for its owner only.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self._started_at = perf_counter()

    def received(self, line: bytes | TooLong) -> None:
        """Record a line of the host."""
        if isinstance(line, TooLong):
            self._write("in", line.head, bytes=line.size)
        else:
            self._write("in", line)

    def sent(self, line: bytes) -> None:
        """Record a line of ours."""
        self._write("out", line)

    def _write(self, direction: str, line: bytes, **members: int) -> None:
        milliseconds = round((perf_counter() - self._started_at) * 1000, 1)
        entry = {direction: redact(_readable(line)), **members, "ms": milliseconds}
        self._file.write(json.dumps(entry).encode("ascii") + b"\n")


def _readable(line: bytes) -> Any:
    line = line.rstrip(b"\r\n")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(line).decode("ascii")}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    # A bare JSON text would be taken for a line that was not JSON.
    return text if isinstance(value, str) else value
