"""The log on stderr: what a record holds, that it holds nobody up, and what it never tells."""

import base64
import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import ROOT, Sidecar, question, wait_until

Start = Callable[..., Sidecar]


def test_a_record_is_an_object_with_time_level_logger_and_message(start: Start) -> None:
    sidecar = start()
    error = sidecar.call("chat/complete", question(model="gpt-5"), request_id="r")
    record = json.loads(sidecar.wait_for_log(error["data"]["errorId"]))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record.pop("time"))
    assert record == {
        "level": "info",
        "logger": "ckservice.jsonrpc",
        "message": "request failed",
        "requestId": "r",
        "method": "chat/complete",
        "kind": "providerNotConfigured",
        "errorId": error["data"]["errorId"],
        "reason": error["message"],
    }


def told(sidecar: Sidecar) -> dict[str, dict[str, Any]]:
    """What the log tells of errors, by their ids."""
    return {record["errorId"]: record for record in sidecar.records() if "kind" in record}


def is_told(sidecar: Sidecar, error_id: str) -> bool:
    return error_id in told(sidecar)


def test_every_error_is_found_in_the_log_with_its_request(start: Start) -> None:
    sidecar = start()
    sidecar.call("settings/update", {"offline": {"fault": "internal"}})
    sidecar.request(1, "chat/complete", question())  # fails in a task
    sidecar.request(2, "settings/update", {"logLevel": "loud"})  # never becomes a call
    sidecar.request(3, "nothing/here")
    sidecar.initialize()
    sidecar.request(4, "initialize", {"protocolVersion": 1, "clientInfo": {"name": "n", "version": "v"}})  # inline
    sidecar.write(b"{broken\n")
    errors = [sidecar.response(request_id)["error"] for request_id in range(1, 5)]
    broken = sidecar.wait_for(lambda message: message.get("id", "") is None)["error"]
    logged: dict[str, Any] = {}
    for error in [*errors, broken]:
        error_id = error["data"]["errorId"]
        sidecar.wait_until(partial(is_told, sidecar, error_id))
        logged |= told(sidecar)
    assert [logged[error["data"]["errorId"]]["requestId"] for error in errors] == [1, 2, 3, 4]
    assert logged[broken["data"]["errorId"]]["kind"] == "parseError"


def test_at_level_debug_every_answer_is_a_record(start: Start) -> None:
    sidecar = start(env={"CKSERVICE_LOG_LEVEL": "debug"})
    sidecar.call("chat/complete", question(), request_id=1)
    record = json.loads(sidecar.wait_for_log("request answered"))
    assert (record["level"], record["outcome"], record["requestId"]) == ("debug", "ok", 1)
    assert record["durationMs"] >= 0


def test_at_level_error_only_bugs_are_records(start: Start) -> None:
    sidecar = start(env={"LOG_LEVEL": "error"})
    sidecar.call("nothing/here")
    sidecar.call("settings/update", {"offline": {"fault": "internal"}})
    sidecar.call("chat/complete", question())
    assert sidecar.end() == 0
    assert [record["message"] for record in sidecar.records()] == ["internal error"]


@pytest.mark.parametrize("name", ["CKSERVICE_LOG_FORMAT", "LOG_FORMAT"])
def test_on_request_the_log_is_for_people(start: Start, name: str) -> None:
    sidecar = start(env={name: "console"})
    error = sidecar.call("nothing/here")
    line = sidecar.wait_for_log(error["data"]["errorId"])
    assert re.match(r"\d\d:\d\d:\d\d INFO +message refused ", line)
    assert "kind=methodNotFound" in line


# A log that nobody reads


def ping_often(sidecar: Sidecar, count: int) -> None:
    for request_id in range(count):
        sidecar.request(request_id, "ping")
    assert sidecar.response(count - 1)["result"] == {}


def test_a_log_that_nobody_reads_holds_nothing_up_and_what_was_dropped_is_counted(start: Start) -> None:
    sidecar = start(env={"LOG_LEVEL": "debug"}, read_log=False)
    ping_often(sidecar, 4000)  # about 150 bytes each: more than the pipe and the queue take
    sidecar.start_reading_log()
    dropped = json.loads(sidecar.wait_for_log("log records dropped"))
    assert dropped.keys() == {"time", "level", "logger", "message", "count"}
    refused = 0

    def new_records_arrive() -> bool:
        nonlocal refused
        refused += 1
        error_id = sidecar.call("nothing/here", request_id=f"n{refused}")["data"]["errorId"]
        with contextlib.suppress(AssertionError):
            sidecar.wait_for_log(error_id, 0.5)
            return True
        return False

    wait_until(new_records_arrive)
    written = [record for record in sidecar.records() if record["message"] in ("request answered", "message refused")]
    counts = [record["count"] for record in sidecar.records() if record["message"] == "log records dropped"]
    assert len(written) + sum(counts) == 4000 + refused
    assert sidecar.end() == 0


@pytest.fixture
def full_pipe() -> Iterator[int]:
    """The end to write to of a pipe that takes not one byte more."""
    source, target = os.pipe()
    os.set_blocking(target, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(target, b"x" * 4096)
    os.set_blocking(target, True)
    yield target
    os.close(target)
    os.close(source)


def test_a_full_log_does_not_hold_up_the_end(start: Start, full_pipe: int) -> None:
    sidecar = start(env={"LOG_LEVEL": "debug"}, stderr=full_pipe)
    sidecar.call("nothing/here")
    assert sidecar.end() == 0


def test_a_full_log_does_not_hold_up_a_signal(start: Start, full_pipe: int) -> None:
    sidecar = start(env={"LOG_LEVEL": "debug"}, stderr=full_pipe)
    sidecar.call("nothing/here")
    sidecar.process.terminate()
    assert sidecar.exit_code(6) == 0


def test_a_full_log_does_not_hold_up_a_refusal_to_start(start: Start, full_pipe: int) -> None:
    assert start(env={"LOG_LEVEL": "loud"}, stderr=full_pipe).exit_code() == 10


@pytest.mark.source
def test_a_full_log_does_not_hold_up_a_crash(start_with_test_methods: Start, full_pipe: int) -> None:
    sidecar = start_with_test_methods(stderr=full_pipe)
    sidecar.request("crash", "test/crash")
    assert sidecar.exit_code() == 70


def test_a_closed_log_holds_nothing_up(start: Start) -> None:
    sidecar = start(env={"LOG_LEVEL": "debug"}, read_log=False)
    assert sidecar.process.stderr is not None
    sidecar.process.stderr.close()
    ping_often(sidecar, 100)
    assert sidecar.call("nothing/here")["data"]["kind"] == "methodNotFound"
    assert sidecar.end() == 0


# Secrets

CANARY = "canary-3f9d17c2"
KEY, HEADER, OTHER = (f"{CANARY}-{name}" for name in ("key", "header", "other"))
CONFIG = {"apiKey": KEY, "headers": {"X-Gateway": HEADER}, "fallback": [{"provider": "openai", "apiKey": OTHER}]}

LEAKS: dict[str, list[Any]] = {
    "given and shown": [("settings/update", {"config": CONFIG}), ("settings/get", {}), ("metrics/get", {})],
    "in a request": [("chat/complete", question(config=CONFIG)), ("chat/complete", question(config=CONFIG, model="x"))],
    "beside a mistake": [("settings/update", {"config": {**CONFIG, "temperature": 9}})],
    "of a wrong type": [
        ("settings/update", {"config": {"apiKey": [KEY]}}),
        ("settings/update", {"config": {"headers": [HEADER]}}),
        ("settings/update", {"config": {"headers": f"X-Gateway: {HEADER}"}}),
    ],
    "under a wrong name": [("settings/update", {"config": {"apikey": KEY}}), ("ping", {"password": KEY})],
    "in an unknown method": [("nothing/here", {"config": CONFIG})],
    "in a line cut off": [
        b'{"jsonrpc":"2.0","id":1,"method":"settings/update","params":{"config":{"apiKey":"' + KEY.encode()
    ],
    "in a line too long": [
        ("settings/update", {"limits": {"maxLineBytes": 1024}}),
        ("settings/update", {"config": CONFIG, "padding": "x" * 8000}),
    ],
    "in a line that is not text": [b'{"id":1,"config":{"apiKey":"' + KEY.encode() + b'","x":"\xff"}}'],
    "in what is not the protocol": [[{"apiKey": KEY}], {"jsonrpc": "2.0", "result": {"apiKey": KEY}, "id": 7}],
    "again elsewhere": [("settings/update", {"config": CONFIG}), ("nothing/here", {"text": f"my key is {KEY}!"})],
}


@pytest.mark.parametrize("messages", LEAKS.values(), ids=LEAKS.keys())
def test_a_key_never_leaves(start: Start, tmp_path: Path, messages: list[Any]) -> None:
    recording = tmp_path / "recording.jsonl"
    sidecar = start("--record", str(recording), env={"LOG_LEVEL": "debug"})
    for message in messages:
        if isinstance(message, tuple):
            sidecar.call(*message)
        else:
            sidecar.write((message if isinstance(message, bytes) else json.dumps(message).encode()) + b"\n")
    assert sidecar.end() == 0
    sidecar.wait_for_output_end()
    recorded = recording.read_text("ascii")
    decoded = [base64.b64decode(text) for text in re.findall(r'"base64": "([^"]*)"', recorded)]
    for place in (b"".join(sidecar.raw), "\n".join(sidecar.log).encode(), recorded.encode(), *decoded):
        assert CANARY.encode() not in place
    assert len(recorded.splitlines()) >= len(messages)


LOOK_ALIKES = [
    "sk-proj-0123456789abcdefghij",
    "sk-ant-api03-0123456789abcdef",
    "Bearer 0123456789abcdef.token",
    "ghp_0123456789abcdefghijklmnop",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl",
]


@pytest.mark.parametrize("secret", LOOK_ALIKES)
def test_what_looks_like_a_key_is_not_repeated(start: Start, tmp_path: Path, secret: str) -> None:
    recording = tmp_path / "recording.jsonl"
    sidecar = start("--record", str(recording), env={"LOG_LEVEL": "debug"})
    sidecar.call("settings/update", {"config": {"headers": {secret: 5}}})
    sidecar.call("ping", {secret: 1, "text": secret})
    sidecar.call("chat/complete", {**question(), "model": secret})
    sidecar.call("chat/complete", {"messages": [{"role": secret, "content": secret}]})
    assert sidecar.end() == 0
    sidecar.wait_for_output_end()
    bare = secret.removeprefix("Bearer ").encode()
    for place in (b"".join(sidecar.raw), "\n".join(sidecar.log).encode(), recording.read_bytes()):
        assert bare not in place


@pytest.mark.skipif(os.name != "posix", reason="looks at permission bits")
def test_a_recording_is_for_its_owner_only(start: Start, tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    sidecar = start("--record", str(recording))
    sidecar.call("ping")
    assert recording.stat().st_mode & 0o777 == 0o600


@pytest.mark.source
def test_a_bug_before_the_log_is_open_has_its_reason_in_the_last_line(
    command: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "pydantic.py").write_text("raise RuntimeError('out of cheese')\n", encoding="utf-8")
    env = {**environment, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    done = subprocess.run(command, input=b"", capture_output=True, env=env, cwd=tmp_path, timeout=20, check=False)
    assert done.returncode == 70
    assert json.loads(done.stderr.splitlines()[-1])["code"] == 70
    assert b"out of cheese" in done.stderr
