"""A session in a file: what both sides said, when, without secrets. One line of JSON for each message.

    {"ms": 0.0, "in": {"jsonrpc": "2.0", "id": 1, "method": "ping"}}
    {"ms": 0.4, "out": {"jsonrpc": "2.0", "id": 1, "result": {}}}

`in` is from the host. A line that was not JSON stands as text; one that was not even text, as
`{"base64": …}`; of one over the limit there is the beginning, and its length as `bytes`. Text that one
request streamed without a break stands as one notification: a secret that a model repeats comes in
pieces, and only the whole can be recognised. `replay` reads the same format, and so do the transcripts
of the tests.
"""

import base64
import json
import os
from time import perf_counter
from typing import Any, BinaryIO

from ckservice.jsonrpc.framing import TooLong
from ckservice.logs import redact, redact_text

_MAX_HELD_CHARS = 1024 * 1024


class Recorder:
    """Writes a recording, whole lines at a time, so that a killed process leaves a readable one."""

    def __init__(self, path: str) -> None:
        # The file holds prompts and answers: for its owner only.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._file: BinaryIO = os.fdopen(descriptor, "wb", buffering=0)
        self._started_at = perf_counter()
        self._held: dict[str | int, dict[str, Any]] = {}

    def received(self, line: bytes | TooLong) -> None:
        """Record a line of the host."""
        if isinstance(line, TooLong):
            self._write({"in": _readable(line.head), "bytes": line.size})
            return
        message = _readable(line)
        params = message.get("params") if isinstance(message, dict) else None
        if isinstance(params, dict):
            # A cancel stands behind the text that it came after.
            self._release(params.get("id", params.get("requestId")))
        self._write({"in": message})

    def sent(self, line: bytes) -> None:
        """Record a line of ours."""
        message = _readable(line)
        if isinstance(message, dict):
            params = message.get("params", {})
            if "token" in params:
                self._hold(message)
                return
            self._release(params.get("requestId", message.get("id")))
        self._write({"out": message})

    def _hold(self, message: dict[str, Any]) -> None:
        params = message["params"]
        held = self._held.get(params["requestId"])
        if held is None or held["out"]["method"] != message["method"]:
            self._release(params["requestId"])
            self._held[params["requestId"]] = {"out": message, "ms": self._now()}
        else:
            held["out"]["params"]["token"] += params["token"]
            if len(held["out"]["params"]["token"]) > _MAX_HELD_CHARS:
                self._release(params["requestId"])

    def _release(self, request_id: Any) -> None:
        held = self._held.pop(request_id, None) if isinstance(request_id, str | int) else None
        if held is not None:
            self._write(held)

    def _write(self, entry: dict[str, Any]) -> None:
        self._file.write(json.dumps({"ms": self._now(), **redact(entry)}).encode("ascii") + b"\n")

    def _now(self) -> float:
        return round((perf_counter() - self._started_at) * 1000, 1)


def _readable(line: bytes) -> Any:
    line = line.rstrip(b"\r\n")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        text = redact_text(line.decode("latin-1"))  # a byte is a character
        return {"base64": base64.b64encode(text.encode("latin-1")).decode("ascii")}
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return text
    # A bare JSON text would be taken for a line that was not JSON.
    return text if isinstance(value, str) else value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
