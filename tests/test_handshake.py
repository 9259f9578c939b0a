"""`initialize`: before anything heavy is imported, and the same on both of its ways.

A file as stdin is there at once, so what stands in its first line is always seen by the fast way; what
stands behind another request never is.
"""

import fcntl
import hashlib
import json
import re
import subprocess
import sys
import termios
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar, question, wait_until

CLIENT = {"protocolVersion": 1, "clientInfo": {"name": "tests", "version": "1"}}
PING = b'{"jsonrpc":"2.0","id":"ping","method":"ping"}\n'

Run = Callable[..., list[Any]]


@pytest.fixture
def run(command: list[str], environment: dict[str, str], tmp_path: Path) -> Run:
    """Run the program on a file to its end; what it wrote."""

    def _run(data: bytes, *, merge: bool = False, options: tuple[str, ...] = ()) -> list[Any]:
        path = tmp_path / "input"
        path.write_bytes(data)
        # Measuring coverage imports a lot before our first line.
        measured = {name: value for name, value in environment.items() if not name.startswith("COVERAGE_")}
        with path.open("rb") as file:
            done = subprocess.run(
                [command[0], *options, *command[1:]],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                env=measured,
                cwd=ROOT,
                timeout=WAIT_SECONDS,
                check=False,
            )
        assert done.returncode == 0, done
        return done.stdout.splitlines() if merge else [json.loads(line) for line in done.stdout.splitlines()]

    return _run


def initialize(params: Any, request_id: Any = 1) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": request_id, "method": "initialize", "params": params}).encode() + b"\n"


def comparable(message: Any) -> Any:
    """Without what differs from process to process."""
    text = re.sub(r'"(pid|errorId)": [^,}]*', r'"\1": "…"', json.dumps(message))
    return json.loads(text)


@pytest.mark.source
def test_it_is_answered_before_anything_heavy_is_imported(run: Run) -> None:
    # One file for both outputs keeps the order in which they were written.
    lines = run(initialize(CLIENT), merge=True, options=("-X", "importtime"))
    answered = next(place for place, line in enumerate(lines) if line.startswith(b'{"jsonrpc"'))
    for module in (b"asyncio", b"pydantic", b"anyio", b"orjson", b"threading", b"ckservice.app"):
        imported = next(place for place, line in enumerate(lines) if line.endswith(b" " + module))
        assert answered < imported, module


SAME = {
    "minimal": CLIENT,
    "full": {**CLIENT, "capabilities": {"approvals": True}, "optOutNotifications": ["stream/token"], "processId": 1},
    "limits": {**CLIENT, "settings": {"limits": {"maxInFlight": 5, "maxLineBytes": 4096}}},
    "disabled": {**CLIENT, "settings": {"methods": {"disabled": ["ping", "model/list", "unheard/of"]}}},
    "nulls": {**CLIENT, "settings": {"limits": {"maxInFlight": None}, "methods": None, "logLevel": None}},
    "all settings": {
        **CLIENT,
        "settings": {
            "config": {"provider": "openai", "apiKey": "canary-000111", "temperature": 1, "headers": {"a": "b"}},
            "offline": {"fault": "rateLimited", "tokenDelayMs": 1},
            "logLevel": "debug",
        },
    },
    "unknown": {**CLIENT, "newer": {"x": [1]}, "capabilities": {"newer": 1}, "settings": {"newer": {"y": 2}}},
    "unknown in client": {**CLIENT, "clientInfo": {"name": "n", "version": "v", "newer": 1}},
    "meta": {**CLIENT, "_meta": {"timeoutMs": 1000, "traceparent": "00-ab-cd-01", "progressToken": 1}},
    "bad meta": {**CLIENT, "_meta": {"timeoutMs": 0}},
    "version 2": {**CLIENT, "protocolVersion": 2},
    "version true": {**CLIENT, "protocolVersion": True},
    "version 1.0": {**CLIENT, "protocolVersion": 1.0},
    "version text": {**CLIENT, "protocolVersion": "1"},
    "no client": {"protocolVersion": 1},
    "nothing": {},
    "a list": [1],
    "process 0": {**CLIENT, "processId": 0},
    "process null": {**CLIENT, "processId": None},
    "process beyond 64 bits": {**CLIENT, "processId": 10**30},
    "bad setting": {**CLIENT, "settings": {"limits": {"maxInFlight": 0}}},
    "opt out of nothing": {**CLIENT, "optOutNotifications": None},
    "bad opt out": {**CLIENT, "optOutNotifications": "stream/token"},
    "not ASCII": {**CLIENT, "clientInfo": {"name": "\u00e9\u2028\U0001f600", "version": "1"}},
}


@pytest.mark.parametrize("params", SAME.values(), ids=SAME.keys())
def test_both_ways_answer_the_same(run: Run, params: Any) -> None:
    [first] = run(initialize(params))
    [_, second] = run(PING + initialize(params))
    assert first["id"] == second["id"] == 1
    assert comparable(first) == comparable(second)


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"deep":' + b"[" * 20_000 + b"]" * 20_000 + b"}}\n",
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"nan":NaN}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"cut":"\xc3\n',
        b'{"jsonrpc":"2.0","id":1,"method":"initialize"}\n',
        b'{"jsonrpc":"2.0","id":1.5,"method":"initialize","params":{}}\n',
        b'{"jsonrpc":"2.0","id":null,"method":"initialize","params":{}}\n',
        b'{"jsonrpc":"1.0","id":1,"method":"initialize","params":{}}\n',
        b'[{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":1}}]\n',
        b'"initialize"\n',
    ],
    ids=["deep", "nan", "not UTF-8", "no params", "id 1.5", "id null", "version 1.0", "batch", "text"],
)
def test_a_first_line_that_is_unusual_is_answered_as_any_other(run: Run, line: bytes) -> None:
    [first] = run(line)
    [_, second] = run(PING + line)
    assert comparable(first) == comparable(second)


def test_settings_take_effect_on_both_ways(run: Run) -> None:
    settings = {"methods": {"disabled": ["ping"]}, "config": {"temperature": 0.5}}
    asked = initialize({**CLIENT, "settings": settings}) + PING
    shown = b'{"jsonrpc":"2.0","id":2,"method":"settings/get"}\n'
    for messages in (run(asked + shown), run(shown.replace(b"2,", b"0,", 1) + asked + shown)[1:]):
        _, ping, settings_now = messages
        assert ping["error"]["data"]["kind"] == "methodNotFound"
        assert settings_now["result"]["config"]["temperature"] == 0.5


@pytest.mark.parametrize("request_id", [0, 2**31, 2**53 - 1, -5, "a", "x" * 256, "\u00e9"])
def test_the_answer_has_the_id_that_was_given(run: Run, request_id: Any) -> None:
    [answer] = run(initialize(CLIENT, request_id))
    assert answer["id"] == request_id
    assert answer["result"]["protocolVersion"] == 1


def test_what_follows_in_the_same_write_is_answered(run: Run) -> None:
    chat = {"jsonrpc": "2.0", "id": 2, "method": "chat/complete", "params": question(stream=False)}
    messages = run(initialize(CLIENT) + PING + b"\r\n\n" + json.dumps(chat).encode())
    assert [message["id"] for message in messages] == [1, "ping", 2]
    assert all("result" in message for message in messages)


def test_a_line_that_comes_in_two_pieces_is_answered(start: Callable[..., Sidecar]) -> None:
    sidecar = start()
    line = initialize(CLIENT)
    sidecar.write(line[:40])
    stdin = sidecar.process.stdin
    assert stdin is not None
    wait_until(lambda: fcntl.ioctl(stdin, termios.FIONREAD, bytes(4)) == bytes(4))  # all of it has been read
    sidecar.write(line[40:])
    assert sidecar.response(1)["result"]["serverInfo"]["pid"] == sidecar.process.pid


def test_it_tells_what_the_contract_says(start: Callable[..., Sidecar]) -> None:
    result = start().initialize()
    meta = json.loads((ROOT / "schemas" / "meta.json").read_text("utf-8"))
    assert result["schemaHash"] == meta["schemaHash"]
    assert result["limits"] == meta["limits"]
    assert result["capabilities"]["methods"] == meta["methods"]
    bundle = json.loads((ROOT / "schemas" / "protocol.json").read_text("utf-8"))
    canonical = json.dumps(bundle, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(canonical.encode()).hexdigest() == meta["schemaHash"]


@pytest.mark.parametrize("way", ["first", "later"])
def test_a_second_one_is_refused(start: Callable[..., Sidecar], way: str) -> None:
    sidecar = start()
    if way == "later":
        sidecar.call("ping")
    sidecar.initialize()
    error = sidecar.initialize()
    assert (error["code"], error["data"]["kind"]) == (-32600, "alreadyInitialized")


def test_one_that_was_refused_may_be_followed_by_a_better_one(start: Callable[..., Sidecar]) -> None:
    sidecar = start()
    error = sidecar.initialize(protocolVersion=2)
    assert (error["code"], error["data"]["kind"], error["data"]["supported"]) == (-32004, "unsupportedVersion", [1])
    assert sidecar.initialize(clientInfo={})["data"]["errors"] == [
        {"path": "clientInfo.name", "message": "is required"},
        {"path": "clientInfo.version", "message": "is required"},
    ]
    assert sidecar.initialize()["protocolVersion"] == 1


@pytest.mark.parametrize("way", ["first", "later"])
def test_the_process_ends_with_the_one_that_the_host_named(start: Callable[..., Sidecar], way: str) -> None:
    host = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        sidecar = start("--no-watch-parent")
        if way == "later":
            sidecar.call("ping")
        sidecar.initialize(processId=host.pid)
        sidecar.assert_alive()
        host.kill()  # and nobody waits for it yet: it stays as a zombie
        assert sidecar.exit_code(3) == 0
    finally:
        host.kill()
        host.communicate(timeout=WAIT_SECONDS)


def test_the_process_ends_if_the_one_named_is_not_there(start: Callable[..., Sidecar]) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait(WAIT_SECONDS)
    for process_id in (ended.pid, 2**40):
        sidecar = start()
        sidecar.initialize(processId=process_id)
        assert sidecar.exit_code(3) == 0
        assert sidecar.log == []
