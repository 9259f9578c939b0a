"""The first answer: `initialize`, before anything heavy is imported.

A host waits for this answer with its window already open. Everything it needs is in the generated
contract, so it is given with the interpreter's own modules. Whatever else comes first, or is at all
unusual, is left to the connection, which knows every rule.
"""

import json
import os
import select
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

from ckservice import contract

_READ_BYTES = 64 * 1024
_WAIT_SECONDS = 0.05
"""A host that has written nothing by then is not waiting for us: better to use the time for importing."""


def read_first(source: int) -> bytes:
    """Read what the host wrote at once, if it did."""
    if sys.platform != "win32" and not select.select([source], [], [], _WAIT_SECONDS)[0]:
        return b""
    try:
        return os.read(source, _READ_BYTES)
    except OSError:
        return b""


class Handshake(NamedTuple):
    """An `initialize` and its answer, as lines, and what the host said in it."""

    asked: bytes
    answered: bytes
    params: dict[str, Any]


def answer(first: bytes, settings: Mapping[str, Any]) -> Handshake | None:
    """Answer a plain `initialize` that comes first; `None` if it is for the connection to answer.

    Args:
        first: what was read.
        settings: those from the environment.
    """
    line, newline, _ = first.partition(b"\n")
    if not newline or b'"initialize"' not in line or b"\\u" in line:
        return None
    try:
        message = json.loads(line.decode("utf-8"), parse_constant=_refuse, parse_int=_read_exact)
    except (ValueError, RecursionError):
        return None
    if not isinstance(message, dict) or message.keys() != {"jsonrpc", "id", "method", "params"}:
        return None
    request_id, params = message["id"], message["params"]
    if message["jsonrpc"] != "2.0" or message["method"] != "initialize" or not _is_plain_id(request_id):
        return None
    schema = contract.load("methods/initialize.json")
    if not contract.fits(params, schema["params"], schema):
        return None
    meta = contract.load("meta.json")
    if params["protocolVersion"] != meta["protocolVersion"]:
        return None
    given = {**settings, **{name: value for name, value in params.get("settings", {}).items() if value is not None}}
    response = {"jsonrpc": "2.0", "id": request_id, "result": contract.initialize_result(meta, given)}
    return Handshake(line + newline, json.dumps(response, separators=(",", ":")).encode("ascii") + b"\n", params)


def _is_plain_id(value: Any) -> bool:
    return (type(value) is int and 0 <= value < 2**31) or (type(value) is str and 1 <= len(value) <= 64)


def _read_exact(digits: str) -> int:
    value = int(digits)
    if abs(value) >= 2**53:
        raise ValueError("other readers of JSON make a floating point number of it")
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")
