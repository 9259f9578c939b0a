"""The wire's descriptors are the wire's alone: no print, no child process and no warning reaches them."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import pytest

from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar, wait_until

Start = Callable[..., Sidecar]

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


def pipe_name(stream: IO[bytes] | None) -> str:
    """Both ends of a pipe have this name in /proc."""
    assert stream is not None
    return f"pipe:[{os.fstat(stream.fileno()).st_ino}]"


@pytest.mark.source
def test_what_is_printed_goes_to_the_log(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    assert sidecar.call("test/print", {"text": '{"jsonrpc":"2.0","id":1,"result":"forged"}'})["text"]
    sidecar.assert_alive()
    assert len(sidecar.messages) == 2
    assert sum("forged" in line for line in sidecar.log) == 2


@pytest.mark.source
def test_a_child_process_neither_writes_to_the_wire_nor_reads_from_it(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    child: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": "test/child", "params": {"text": "from the child"}}
    sidecar.send(child)
    for request_id in range(2, 50):
        sidecar.request(request_id, "ping")
    assert sidecar.response(1)["result"] == {"text": "from the child"}
    assert [sidecar.response(request_id)["result"] for request_id in range(2, 50)] == [{}] * 48
    assert len(sidecar.messages) == 49
    sidecar.wait_for_log("from the child")


@pytest.mark.source
@linux_only
def test_a_child_process_inherits_no_end_of_the_wire(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    opened = sidecar.call("test/openFiles")["text"]
    assert pipe_name(sidecar.process.stderr) in opened  # it would see them
    assert "/dev/null" in opened
    assert pipe_name(sidecar.process.stdin) not in opened
    assert pipe_name(sidecar.process.stdout) not in opened


@linux_only
def test_the_standard_descriptors_are_given_away(start: Start) -> None:
    sidecar = start()
    sidecar.call("ping")
    opened = [str(Path(f"/proc/{sidecar.process.pid}/fd/{descriptor}").readlink()) for descriptor in range(3)]
    log = pipe_name(sidecar.process.stderr)
    assert opened == ["/dev/null", log, log]


@pytest.mark.source
def test_a_warning_is_a_line_of_the_log_like_others(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods(env={"PYTHONWARNINGS": "always"})
    sidecar.call("test/warn", {"text": "mind the gap"})
    sidecar.wait_for_log("mind the gap")
    assert [record["level"] for record in sidecar.records()] == ["warning"]


@pytest.mark.source
def test_an_error_in_a_thread_is_a_line_of_the_log_like_others(start_with_test_methods: Start) -> None:
    sidecar = start_with_test_methods()
    sidecar.call("test/raiseInThread", {"text": "out of cheese"})
    wait_until(lambda: len(sidecar.log) == 2)
    records = sidecar.records()
    assert [record["level"] for record in records] == ["error", "error"]
    assert all("RuntimeError: out of cheese" in record["exception"] for record in records)


def test_nothing_is_logged_where_nothing_happens(start: Start) -> None:
    sidecar = start()
    sidecar.initialize()
    sidecar.call("ping")
    sidecar.call("shutdown")
    assert sidecar.end() == 0
    assert sidecar.log == []


@posix_only
def test_descriptors_that_somebody_made_non_blocking_lose_nothing(
    command: list[str], environment: dict[str, str]
) -> None:
    """Node does that to pipes it inherits: reads may find nothing, and writes may find no room."""
    to_read, to_write = os.pipe()
    ours, theirs = os.pipe()
    os.set_blocking(to_read, False)
    os.set_blocking(theirs, False)
    words = "word " * 40_000
    request = {"jsonrpc": "2.0", "id": 1, "method": "chat/complete", "params": {"messages": [_said(words)]}}
    with subprocess.Popen(command, stdin=to_read, stdout=theirs, env=environment, cwd=ROOT) as process:
        os.close(to_read)
        os.close(theirs)
        with os.fdopen(to_write, "wb") as stdin:
            stdin.write(json.dumps(request).encode() + b"\n")
        with pytest.raises(subprocess.TimeoutExpired):  # it must not give up on a full pipe
            process.wait(1)
        with os.fdopen(ours, "rb") as stdout:
            messages = [json.loads(line) for line in stdout]
        assert process.wait(WAIT_SECONDS) == 0
    text = "".join(message["params"]["token"] for message in messages if message.get("method") == "stream/token")
    assert messages[-1]["result"]["content"] == text
    assert words.strip() in text


@posix_only
def test_nohup_is_respected(start: Start) -> None:
    sidecar = start(through=["nohup"])
    sidecar.call("ping")
    sidecar.process.send_signal(signal.SIGHUP)
    sidecar.assert_alive()
    assert sidecar.end() == 0


def _said(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}
