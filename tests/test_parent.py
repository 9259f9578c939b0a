"""The death of the host: noticed though somebody else holds the pipes open, idle or busy or stuck.

The tests start the program through a parent that can be killed. They hold the other end of its stdin
themselves, so it never reads an end of input; that it has ended shows in its stdout.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ckservice import parent
from tests.sidecar import WAIT_SECONDS, Sidecar, question

PARENT = [sys.executable, "-c", "import subprocess, sys; subprocess.run(sys.argv[1:])"]
PARENT_WITH_INPUT = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run(sys.argv[2:], stdin=open(sys.argv[1]))",
]
GONE_SECONDS = 3
"""The protocol says 1; this bound is for a machine that does other things too."""

Start = Callable[..., Sidecar]


def kill_parent(sidecar: Sidecar) -> None:
    sidecar.process.kill()
    sidecar.process.wait(WAIT_SECONDS)


def test_an_idle_process_ends_with_its_parent(start: Start) -> None:
    sidecar = start(through=PARENT)
    assert sidecar.initialize()["serverInfo"]["pid"] != sidecar.process.pid
    kill_parent(sidecar)
    sidecar.wait_for_output_end(GONE_SECONDS)
    assert sidecar.log == []


def test_a_busy_process_ends_with_its_parent(start: Start) -> None:
    sidecar = start(through=PARENT)
    sidecar.call("settings/update", {"offline": {"tokenDelayMs": 1}})
    for request_id in range(5):
        sidecar.request(request_id, "chat/complete", question("word " * 100_000))
    sidecar.wait_for(lambda message: message.get("params", {}).get("seq") == 5)
    kill_parent(sidecar)
    sidecar.wait_for_output_end(GONE_SECONDS)


def test_a_process_whose_output_nobody_reads_ends_with_its_parent(start: Start) -> None:
    sidecar = start(through=PARENT, read=False)
    for request_id in range(5):
        sidecar.request(request_id, "chat/complete", question("word " * 100_000))
    stdout = sidecar.process.stdout
    assert stdout is not None
    stdout.readline()
    kill_parent(sidecar)
    sidecar.start_reading()
    sidecar.wait_for_output_end(GONE_SECONDS)


@pytest.mark.source
@pytest.mark.parametrize("method", ["test/block", "test/hang"])
def test_a_stuck_process_ends_with_its_parent(start_with_test_methods: Start, method: str) -> None:
    sidecar = start_with_test_methods(through=PARENT)
    sidecar.call("ping")
    sidecar.request(1, method, {"key": "", "seconds": 60} if method == "test/block" else {})
    if method == "test/block":
        sidecar.wait_for_log("blocking")
    else:
        sidecar.call("test/turn", {"key": "k"})
    kill_parent(sidecar)
    sidecar.wait_for_output_end(GONE_SECONDS)


def test_a_process_that_does_not_watch_goes_on(start: Start) -> None:
    sidecar = start("--no-watch-parent", through=PARENT)
    sidecar.call("settings/update", {"offline": {"firstTokenDelayMs": 1500}})
    sidecar.request(1, "chat/complete", question())
    sidecar.call("ping")
    kill_parent(sidecar)
    assert sidecar.response(1)["result"]["finishReason"] == "stop"
    sidecar.assert_alive()
    sidecar.close_input()
    sidecar.wait_for_output_end()


def test_with_a_file_as_stdin_the_parent_is_not_watched(start: Start, tmp_path: Path) -> None:
    slow = {"jsonrpc": "2.0", "id": 1, "method": "settings/update", "params": {"offline": {"firstTokenDelayMs": 1500}}}
    chat = {"jsonrpc": "2.0", "id": 2, "method": "chat/complete", "params": question(stream=False)}
    (tmp_path / "input").write_text(f"{json.dumps(slow)}\n{json.dumps(chat)}\n", encoding="utf-8")
    sidecar = start(through=[*PARENT_WITH_INPUT, str(tmp_path / "input")])
    sidecar.response(1)
    kill_parent(sidecar)
    assert sidecar.response(2)["result"]["finishReason"] == "stop"
    sidecar.wait_for_output_end()


# The watch itself


@pytest.fixture
def child() -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)


@pytest.mark.source
def test_a_watch_notices_the_end_and_nothing_before(child: "subprocess.Popen[bytes]") -> None:
    gone = threading.Event()
    with child:
        parent.watch(child.pid, gone.set)
        assert not gone.wait(0.3)
        child.kill()
        assert gone.wait(GONE_SECONDS)  # before anybody has waited for the child


@pytest.mark.source
@pytest.mark.parametrize("pid", [None, 2**31, 2**70])
def test_a_process_that_is_not_there_is_gone_at_once(child: "subprocess.Popen[bytes]", pid: int | None) -> None:
    with child:
        child.kill()
    gone = threading.Event()
    parent.watch(pid or child.pid, gone.set)
    assert gone.wait(GONE_SECONDS)
    assert not parent.exists(pid or child.pid)


@pytest.mark.source
def test_another_process_exists() -> None:
    assert parent.exists(os.getpid())
    assert parent.exists(1)


WATCH_WITHOUT_DESCRIPTORS = """
import os, resource, sys, threading
from ckservice import parent
gone = threading.Event()
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # 0, 1 and 2 are taken: there is none for a pidfd
try:
    os.pidfd_open(os.getpid())
except OSError:
    {start}
    print("gone" if gone.wait(0.6) else "watching", flush=True)  # longer than from one look to the next
    print("gone" if gone.wait(20) else "still there", flush=True)
"""


def run_watch(start: str, *arguments: str) -> "subprocess.Popen[str]":
    program = [sys.executable, "-c", WATCH_WITHOUT_DESCRIPTORS.format(start=start), *arguments]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True)


@pytest.mark.source
@pytest.mark.skipif(sys.platform != "linux", reason="takes pidfd_open away")
def test_where_the_platform_cannot_tell_the_pid_is_looked_at(child: "subprocess.Popen[bytes]") -> None:
    with run_watch("parent.watch(int(sys.argv[1]), gone.set)", str(child.pid)) as watcher:
        assert watcher.stdout is not None
        assert watcher.stdout.readline() == "watching\n"
        with child:
            child.kill()
        assert watcher.stdout.readline() == "gone\n"


@pytest.mark.source
@pytest.mark.skipif(sys.platform != "linux", reason="takes pidfd_open away")
def test_where_the_platform_cannot_tell_a_new_parent_tells(tmp_path: Path) -> None:
    script = tmp_path / "watcher.py"
    script.write_text(WATCH_WITHOUT_DESCRIPTORS.format(start="parent.watch_parent(gone.set)"), encoding="utf-8")
    command = [*PARENT, sys.executable, str(script)]
    environment = {**os.environ, "PYTHONPATH": str(Path(parent.__file__).parent.parent)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as launcher:
        assert launcher.stdout is not None
        assert launcher.stdout.readline() == "watching\n"
        launcher.kill()
        launcher.wait(WAIT_SECONDS)  # its pid is free now; a watch of the pid alone would do too
        assert launcher.stdout.readline() == "gone\n"
