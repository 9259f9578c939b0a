"""From the start of the process to its first request, and the exit codes of the starts that fail."""

import json
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.providers.adapters import ADAPTERS, Adapter
from tests.providers.server import Server
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar, question

PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
PONG = b'{"jsonrpc":"2.0","id":1,"result":{}}\n'

SLOW_DISK = """
import sys, time
class SlowDisk:
    def find_spec(self, name, path=None, target=None):
        if name in ("openai", "anthropic"):
            time.sleep(1.5)
sys.meta_path.insert(0, SlowDisk())
"""
"""A `sitecustomize` that makes importing an SDK take longer than `FIRST_PIECE_MS`."""

FIRST_PIECE_MS = 1000

Run = Callable[..., "subprocess.CompletedProcess[bytes]"]


@pytest.fixture
def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run the program on an input to its end."""

    def _run(*arguments: str, data: bytes = PING, shell: str = "", **env: str) -> Any:
        program = [*command, *arguments]
        if shell:
            program = ["sh", "-c", f'exec "$@" {shell}', "sh", *program]
        return subprocess.run(
            program,
            input=data,
            capture_output=True,
            env={**environment, **env},
            cwd=ROOT,
            timeout=WAIT_SECONDS,
            check=False,
        )

    return _run


def assert_fails(done: "subprocess.CompletedProcess[bytes]", code: int) -> str:
    """The process ended with a code and said so in its last line; the reason."""
    last = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, last["code"], done.stdout) == (code, code, b"")
    assert b"Traceback" not in done.stderr
    return str(last["reason"])


# Configuration


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CKSERVICE_TEMPERATURE", "abc"),
        ("CKSERVICE_TEMPERATURE", "9"),
        ("CKSERVICE_TEMPERATURE", "nan"),
        ("LLM_MAX_TOKENS", "0"),
        ("CKSERVICE_MAX_TOKENS", "1.5"),
        ("CKSERVICE_PROVIDER", "acme"),
        ("LOG_LEVEL", "loud"),
        ("CKSERVICE_LOG_FORMAT", "xml"),
    ],
)
def test_an_environment_that_makes_no_sense_is_refused(run: Run, name: str, value: str) -> None:
    reason = assert_fails(run(**{name: value}), 10)
    assert reason.endswith(".")
    assert value not in reason.split()


@pytest.mark.parametrize("below", ["", "/below"])
def test_a_data_directory_that_is_a_file_is_refused(run: Run, tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert "CKSERVICE_DATA_DIR" in assert_fails(run(CKSERVICE_DATA_DIR=f"{tmp_path}/file{below}"), 11)


def test_a_data_directory_that_takes_no_files_is_refused(run: Run) -> None:
    assert_fails(run(CKSERVICE_DATA_DIR="/proc"), 11)


def test_a_data_directory_is_created(run: Run, tmp_path: Path) -> None:
    done = run(CKSERVICE_DATA_DIR=str(tmp_path / "a" / "b"))
    assert (done.returncode, done.stdout, done.stderr) == (0, PONG, b"")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_recording_that_cannot_be_written_is_refused(run: Run, tmp_path: Path) -> None:
    assert_fails(run("--record", str(tmp_path / "missing" / "file")), 10)


@pytest.mark.parametrize(
    "arguments",
    [["--nonsense"], ["--drain-timeout", "soon"], ["--drain-timeout", "-1"], ["serve", "more"], ["--record"]],
)
def test_a_wrong_argument_is_one_sentence_and_code_2(run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    sentence = assert_fails(done, 2)
    assert sentence.startswith("ckservice")
    assert done.stderr.splitlines()[:-1] == [sentence.encode()]


# Standard descriptors that are closed


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&-", "<&- >&- 2>&-", "<&- 2>&-", ">&- 2>&-"])
def test_without_stdin_or_stdout_it_ends_at_once(run: Run, closed: str) -> None:
    done = run(shell=closed, data=b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_without_stderr_it_works(run: Run) -> None:
    done = run(shell="2>&-", data=PING + b"{broken\n")
    assert done.returncode == 0
    assert done.stdout.startswith(PONG)
    assert len(done.stdout.splitlines()) == 2


def test_an_input_that_holds_nothing_ends_it(run: Run) -> None:
    done = run(shell="</dev/null", data=b"")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_full_disk_behind_stdout_is_a_silent_end(run: Run) -> None:
    done = run(shell=">/dev/full")
    assert (done.returncode, done.stderr) == (0, b"")


# Signals during the start


@pytest.mark.parametrize("delay_ms", [0, 3, 6, 10, 15, 20, 30, 45, 60, 80, 110, 150, 200, 260])
def test_a_signal_during_the_start_leaves_nothing_half_done(start: Callable[..., Sidecar], delay_ms: int) -> None:
    sidecar = start()
    client = {"protocolVersion": 1, "clientInfo": {"name": "tests", "version": "1"}}
    ask = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": client}
    chat = {"jsonrpc": "2.0", "id": 2, "method": "chat/complete", "params": question(stream=False)}
    sidecar.write(json.dumps(ask).encode() + b"\n" + json.dumps(chat).encode() + b"\n")  # one write: read as one
    threading.Event().wait(delay_ms / 1000)
    sidecar.process.send_signal(signal.SIGTERM)
    code = sidecar.exit_code(6)
    sidecar.wait_for_output_end()
    answered = [message["id"] for message in sidecar.messages]
    assert (code, answered) in ((-signal.SIGTERM, []), (0, []), (0, [1, 2]))
    assert not [line for line in sidecar.log if "Traceback" in line]


# Bugs


@pytest.mark.source
def test_a_bug_in_the_event_loop_ends_the_process_with_70(start_with_test_methods: Callable[..., Sidecar]) -> None:
    sidecar = start_with_test_methods()
    sidecar.request(1, "test/crash", {"text": "out of cheese"})
    assert sidecar.exit_code() == 70
    sidecar.wait_for_log('"code"')
    records = sidecar.records()
    assert (records[-1]["code"], set(records[-1])) == (70, {"code", "reason"})
    assert "out of cheese" in records[-2]["exception"]


@pytest.mark.source
@pytest.mark.parametrize("adapter", [a for a in ADAPTERS if a.name in ("openai", "anthropic")], ids=str)
def test_a_provider_is_not_blamed_for_a_slow_import(
    start: Callable[..., Sidecar], serve: Callable[..., Server], tmp_path: Path, adapter: Adapter
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SLOW_DISK)
    sidecar = start(env={"PYTHONPATH": str(tmp_path)})
    sidecar.call("settings/update", {"limits": {"firstTokenTimeoutMs": FIRST_PIECE_MS}})
    answer = sidecar.call("chat/complete", adapter.ask(serve(adapter.hello()).url))
    assert (answer.get("content"), answer.get("attempts")) == ("Hello", 1), answer
