"""A host for tests: it speaks to a real process over real pipes, and every wait it makes is bounded."""

import contextlib
import json
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

WAIT_SECONDS = 20
"""Long enough for a loaded machine; nothing waits this long unless something is wrong."""

SETTINGS = ("config", "embedding", "repoPath", "cache", "budget", "network", "limits", "methods", "offline", "logLevel")

ROOT = Path(__file__).parent.parent


def wait_until(is_so: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Look again and again; for what nothing tells us about."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


def question(text: str = "Hello, world", **params: Any) -> dict[str, Any]:
    """The params of a `chat/complete` that asks one thing."""
    return {"messages": [{"role": "user", "content": text}], **params}


class Sidecar:
    """A running ckservice.

    Everything it writes is kept: `messages` (parsed lines of stdout, in order), `raw` (the lines as they
    came), `answers` (how many responses came for each id, as JSON, those in batches included) and `log`
    (lines of stderr). A slow host rests `rest_seconds` after each line it reads.
    """

    def __init__(
        self,
        command: list[str],
        *,
        env: dict[str, str],
        read: bool = True,
        read_log: bool = True,
        stderr: int | None = subprocess.PIPE,
        cwd: Path = ROOT,
    ) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, env=env, cwd=cwd
        )
        self.messages: list[Any] = []
        self.raw: list[bytes] = []
        self.answers: Counter[str] = Counter()
        self.log: list[str] = []
        self.cut = b""
        self.rest_seconds = 0.0
        self.taken = 0
        self.is_initialized = False
        self._changed = threading.Condition()
        self._output_ended = False
        self._threads: deque[threading.Thread] = deque()
        if read:
            self.start_reading()
        if read_log and stderr == subprocess.PIPE:
            self.start_reading_log()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(WAIT_SECONDS)
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()

    def forget(self) -> None:
        """Begin anew, for the next test: default settings, nothing in flight, nothing that has come before.

        Raises:
            AssertionError: the process has ended, something is still in flight, or the host has introduced itself.
        """
        assert not self.is_initialized, "initialize can't be undone"
        self.call("settings/update", dict.fromkeys(SETTINGS), request_id=f"settings-{time.monotonic_ns()}")
        health = self.call("health/check", request_id=f"health-{time.monotonic_ns()}")
        assert health["inFlight"] == 1, "a test left a request behind"
        with self._changed:
            for kept in (self.messages, self.raw, self.answers, self.log):
                kept.clear()

    # Writing

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: Any) -> None:
        self.write(json.dumps(message).encode() + b"\n")

    def request(self, request_id: Any, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})

    def notify(self, method: str, params: Any = None) -> None:
        self.send({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    # Reading

    def start_reading(self) -> None:
        self._start_thread(self._read_messages)

    def start_reading_log(self) -> None:
        self._start_thread(self._read_log)

    def wait_for(self, predicate: Any, seconds: float = WAIT_SECONDS) -> Any:
        """The first message for which `predicate` is true, however long ago it came."""
        deadline = time.monotonic() + seconds
        seen = 0
        with self._changed:
            while True:
                for message in self.messages[seen:]:
                    if predicate(message):
                        return message
                seen = len(self.messages)
                if self._output_ended or not self._changed.wait(deadline - time.monotonic()):
                    raise AssertionError(f"nothing fitting came; got {self.messages[-5:]}, log {self.log[-5:]}")

    def response(self, request_id: Any, seconds: float = WAIT_SECONDS) -> Any:
        """The response to a request."""
        return self.wait_for(lambda message: _is_response(message, request_id), seconds)

    def wait_until(self, condition: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
        """Wait until what has come fulfils a condition."""
        with self._changed:
            fulfilled = self._changed.wait_for(condition, seconds)
        assert fulfilled, f"still not so; got {self.messages[-5:]}, log {self.log[-5:]}"

    def call(self, method: str, params: Any = None, request_id: Any = None) -> Any:
        """Ask and wait: the `result`, or the `error` where there is one."""
        self.taken += 1
        request_id = request_id if request_id is not None else f"call-{self.taken}"
        self.request(request_id, method, params)
        response = self.response(request_id)
        return response["result"] if "result" in response else response["error"]

    def initialize(self, **params: Any) -> Any:
        self.is_initialized = True
        return self.call(
            "initialize", {"protocolVersion": 1, "clientInfo": {"name": "tests", "version": "1"}, **params}
        )

    def notifications(self, request_id: Any, method: str | None = None) -> list[Any]:
        """The notifications of a request that have come so far."""
        return [
            message
            for message in list(self.messages)
            if isinstance(message, dict)
            and message.get("params", {}).get("requestId") == request_id
            and method in (None, message["method"])
        ]

    def wait_for_output_end(self, seconds: float = WAIT_SECONDS) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._output_ended, seconds), "stdout is still open"

    def wait_for_log(self, text: str, seconds: float = WAIT_SECONDS) -> str:
        """The first line of the log that holds a text."""
        with self._changed:
            found = self._changed.wait_for(lambda: next((line for line in self.log if text in line), None), seconds)
        assert found, f"{text!r} was not logged; got {self.log[-5:]}"
        return str(found)

    def records(self) -> list[dict[str, Any]]:
        """The log so far; fails on a line that is no JSON object."""
        records = [json.loads(line) for line in list(self.log)]
        assert all(isinstance(record, dict) for record in records), records
        return records

    def exit_code(self, seconds: float = WAIT_SECONDS) -> int:
        """Wait for the process to end by itself, and for all that it wrote."""
        code = self.process.wait(seconds)
        for thread in self._threads:
            thread.join(WAIT_SECONDS)
        return code

    def end(self) -> int:
        """Close stdin and wait: what a host does at the end."""
        self.close_input()
        code = self.exit_code()
        assert not self.cut, "the last line was cut"
        return code

    def assert_alive(self) -> None:
        """The session goes on: it answers, and its books balance."""
        health = self.call("health/check")
        assert health["received"] == health["answered"] + health["inFlight"], health

    def _start_thread(self, target: Any) -> None:
        thread = threading.Thread(target=target, daemon=True)
        thread.start()
        self._threads.append(thread)

    def _read_messages(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if not line.endswith(b"\n"):
                self.cut = line
                break
            message = json.loads(line)
            with self._changed:
                self.raw.append(line)
                self.messages.append(message)
                self.answers.update(_answered_ids(message))
                self._changed.notify_all()
            if self.rest_seconds:
                time.sleep(self.rest_seconds)
        with self._changed:
            self._output_ended = True
            self._changed.notify_all()

    def _read_log(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._changed:
                self.log.append(line.decode("utf-8", "replace").rstrip("\n"))
                self._changed.notify_all()


def _answered_ids(message: Any) -> list[str]:
    messages = message if isinstance(message, list) else [message]
    return [json.dumps(response["id"]) for response in messages if "method" not in response]


def _is_response(message: Any, request_id: Any) -> bool:
    return (
        isinstance(message, dict)
        and "method" not in message
        and "id" in message
        and message["id"] == request_id
        and type(message["id"]) is type(request_id)
    )
