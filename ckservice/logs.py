"""Logs on stderr, one JSON object per line (or plain text for people), that never block and never tell a secret.

Records are handed to a bounded queue; a thread writes them. When stderr takes nothing the oldest
waiting records stay, newer ones are counted and dropped, and the count is logged once there is room.
"""

import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, Literal

LogLevel = Literal["debug", "info", "warning", "error"]

CONTEXT: ContextVar[Mapping[str, Any]] = ContextVar("ckservice_log_context", default=MappingProxyType({}))
"""Members added to each record: the id and method of the request being answered, its traceparent."""

_QUEUE_BYTES = 256 * 1024
_MAX_RECORD_CHARS = 16 * 1024

_TELLING_NAME = r"(?:api[-_]?key|authorization|password|secret|credential|cookie|subscription-key|(?:access|auth|refresh)[-_]?token)"
_SECRET_NAMES = re.compile(_TELLING_NAME, re.IGNORECASE)
_SECRET_MEMBERS = re.compile(
    r"""("[^"\\]{0,64}"""
    + _TELLING_NAME
    + r"""[^"\\]{0,64}"\s*:\s*)(?!"(?:un)?set")(?:"(?:[^"\\]|\\.)*"?|\[[^\]]*\]?)"""
    + r"""|("headers"\s*:\s*)(?:\{[^}]*\}?|\[[^\]]*\]?)""",
    re.IGNORECASE,
)
"""Members named like a secret, in text that is JSON or was going to be."""

_SECRET_TEXT = re.compile(
    r"""\b(?:sk|pk|rk)-[A-Za-z0-9_-]{12,}"""  # OpenAI, Anthropic and those who imitate them
    r"""|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}"""
    r"""|\bAKIA[0-9A-Z]{16}\b|\bxox[abeoprs]-[A-Za-z0-9-]{10,}"""
    r"""|(?<=://)[^\s/?#"]{1,400}(?=@)"""  # user and password in a URL, or a token alone
    r"""|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"""  # JSON Web Tokens
    r"""|(?<=[Bb]earer )[A-Za-z0-9._~+/=-]{8,}"""
    r"""|-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)""",
    re.DOTALL,
)
_URLS = ("endpoint", "proxy", "url")
REDACTED = "[redacted]"

_known_secrets: list[str] = []
"""Longest first: one may be the beginning of another."""


def remember_secret(value: str) -> None:
    """Have an exact value redacted from everything that is logged or recorded from now on."""
    if len(value) < 6 or value in _known_secrets:  # shorter ones would redact ordinary words
        return
    # Exceptions and broken lines tell it with escapes, should it have anything to escape.
    encoded = value.encode("utf-8", "surrogatepass")
    escaped = (text[1:-1] for text in (json.dumps(value), repr(value), ascii(value), repr(encoded)[1:]))
    _known_secrets[:] = sorted({*_known_secrets, value, *escaped}, key=len, reverse=True)


def redact_known(text: str) -> str:
    """Replace known secrets."""
    for secret in tuple(_known_secrets):  # another thread may add one
        text = text.replace(secret, REDACTED)
    return text


def redact_text(text: str) -> str:
    """Replace known secrets, and what looks like one."""
    text = redact_known(text)
    if '"' in text:
        text = _SECRET_MEMBERS.sub(lambda found: f'{found[1] or found[2]}"{REDACTED}"', text)
    return _SECRET_TEXT.sub(REDACTED, text)


def redact(value: Any) -> Any:
    """Replace secrets in a JSON value: members named like one, known ones, and what looks like one."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return {redact_text(str(key)): _redact_member(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item) for item in value]
    return value


def _redact_member(name: str, value: Any) -> Any:
    if name == "headers" and isinstance(value, Mapping):  # a gateway's headers are its keys
        return {redact_text(str(header)): _redact_secret(item) for header, item in value.items()}
    if isinstance(value, str | list) and (name == "headers" or _SECRET_NAMES.search(name)):
        return _redact_secret(value)
    if isinstance(value, str) and name in _URLS and "@" in value:
        return _redact_user(value)
    return redact(value)


def _redact_user(url: str) -> str:
    """A URL without user and password, however little it is one: somebody may have left out the scheme."""
    user, _, place = url.rpartition("@")
    scheme, separator, _ = user.rpartition("://")
    return f"{redact_text(scheme)}{separator}{REDACTED}@{redact_text(place)}"


def _redact_secret(value: Any) -> Any:
    return value if value in ("set", "unset") else REDACTED


class JsonFormatter(logging.Formatter):
    """One JSON object per line: `time`, `level`, `logger`, `message`, then context and extra members."""

    def format(self, record: logging.LogRecord) -> str:
        members: dict[str, Any] = {
            "time": _timestamp(record.created),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **CONTEXT.get(),
            **_extra(record),
        }
        if record.exc_info:
            # Redacted before it is cut: nobody knows half a key again.
            exception = redact_text("".join(traceback.format_exception(*record.exc_info)))
            members["exception"] = exception[-_MAX_RECORD_CHARS:]
        return json.dumps(redact(members), default=lambda value: redact_text(str(value)))


class ConsoleFormatter(logging.Formatter):
    """A line for people: time, level, message, then the members as `name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        members = {**CONTEXT.get(), **_extra(record)}
        pairs = redact_text("".join(f" {name}={value}" for name, value in redact(members).items()))
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{clock} {record.levelname:<7} {redact_text(record.getMessage())}{pairs}"
        if record.exc_info:
            text += "\n" + redact_text("".join(traceback.format_exception(*record.exc_info)).rstrip())
        return text


_STANDARD_MEMBERS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD_MEMBERS}


def _timestamp(seconds: float) -> str:
    milliseconds = int(seconds * 1000) % 1000
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{milliseconds:03d}Z"


class StderrHandler(logging.Handler):
    """Writes records to a descriptor on a thread, so that a full or closed stderr holds nobody up."""

    def __init__(self, descriptor: int = 2) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: deque[bytes] = deque()
        self._queued = 0
        self._dropped = 0
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        except Exception:  # noqa: BLE001 - a record that can't be formatted must not end the request
            self.handleError(record)
            return
        with self._wake:
            if self._queued + len(line) > _QUEUE_BYTES:
                self._dropped += 1
                return
            self._lines.append(line)
            self._queued += len(line)
            if self._thread is None:
                self._thread = threading.Thread(target=self._write, name="ckservice-log", daemon=True)
                self._thread.start()
            self._wake.notify_all()

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - overrides logging's
        """Say nothing: stderr is what failed, or the record itself."""

    def drain(self, seconds: float) -> None:
        """Wait until everything is written, but no longer than `seconds`."""
        with self._wake:
            self._wake.wait_for(lambda: self._queued == 0, seconds)

    def _write(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: bool(self._lines))
                line = self._lines.popleft()
                size = len(line)
                dropped, self._dropped = self._dropped, 0
            if dropped:
                line += self.format(_dropped_record(dropped)).encode("ascii") + b"\n"
            with suppress(OSError):
                _write_whole(self._descriptor, line)
            with self._wake:
                self._queued -= size
                self._wake.notify_all()


def _dropped_record(count: int) -> logging.LogRecord:
    members = {"name": __name__, "levelno": logging.WARNING, "levelname": "WARNING", "msg": "log records dropped"}
    return logging.makeLogRecord({**members, "count": count})


def _write_whole(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def configure(level: str, log_format: str) -> StderrHandler:
    """Send all logging to stderr. Other libraries are heard from warnings up."""
    logging.raiseExceptions = False
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter() if log_format == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    set_level(level)
    logging.captureWarnings(True)
    threading.excepthook = _log_unraised
    sys.unraisablehook = _log_unraised
    return handler


def _log_unraised(error: "threading.ExceptHookArgs | sys.UnraisableHookArgs") -> None:
    """Log what was raised where nobody can catch it, in a thread or while an object was deleted."""
    exception = error.exc_value if error.exc_value is not None else error.exc_type()
    logging.getLogger("ckservice").error("error outside of any request", exc_info=exception)


def set_level(level: str) -> None:
    """Change how much ckservice itself tells."""
    logging.getLogger("ckservice").setLevel(level.upper())
