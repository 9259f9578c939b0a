"""The command line as people use it: in a pipe, and at a terminal."""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.providers.server import closed_port
from tests.sidecar import ROOT, WAIT_SECONDS

Run = Callable[..., subprocess.CompletedProcess[str]]

HELLO = '{"messages":[{"role":"user","content":"Hello"}]}'


@pytest.fixture
def run(command: list[str], environment: dict[str, str]) -> Run:
    """Run the program with arguments and wait for its end."""

    def _run(*arguments: str, stdin: str | None = None, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*command, *arguments],
            input=stdin,
            env={**environment, **env},
            cwd=ROOT,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=2 * WAIT_SECONDS,
            check=False,
        )

    return _run


def test_a_line_piped_in_is_answered_and_the_process_ends(run: Run) -> None:
    result = run(stdin='{"jsonrpc":"2.0","id":1,"method":"health/check"}\n')
    assert result.returncode == 0
    assert json.loads(result.stdout)["result"]["status"] == "healthy"
    assert result.stderr == ""


def test_call_prints_the_result_as_one_line_of_json_on_a_pipe(run: Run) -> None:
    result = run("call", "chat/complete", HELLO)
    assert result.returncode == 0
    assert result.stdout.count("\n") == 1
    assert json.loads(result.stdout)["content"].endswith("You wrote: Hello")
    assert result.stderr == ""


def test_call_follows_notifications_as_lines_of_json(run: Run) -> None:
    lines = [json.loads(line) for line in run("call", "chat/complete", HELLO, "--follow").stdout.splitlines()]
    tokens = [line["params"]["token"] for line in lines if line.get("method") == "stream/token"]
    assert "".join(tokens) == lines[-1]["content"]


def test_call_reads_params_from_a_file_and_from_stdin(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "params.json"
    path.write_text(HELLO, encoding="utf-8")
    for result in (run("call", "chat/complete", f"@{path}"), run("call", "chat/complete", "-", stdin=HELLO)):
        assert json.loads(result.stdout)["content"].endswith("Hello")


def test_call_says_what_is_wrong_with_a_request(run: Run) -> None:
    result = run("call", "chat/complete", '{"mesages":[]}')
    assert result.returncode == 1
    assert result.stdout == ""
    assert "did you mean messages?" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is made with pty, which is POSIX only")
def test_call_types_tokens_out_on_a_terminal(command: list[str], environment: dict[str, str]) -> None:
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        [*command, "call", "chat/complete", HELLO], stdin=terminal, stdout=terminal, env=environment, cwd=ROOT
    )
    os.close(terminal)
    assert process.wait(WAIT_SECONDS) == 0
    shown = os.read(controller, 65536).decode("utf-8")
    os.close(controller)
    assert shown == "No model is connected; this is the offline provider of ckservice. You wrote: Hello\r\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cal"], "there is no command 'cal'; did you mean call?"),
        (["--recrod", "x"], "--recrod"),
        (["--drain-timeout", "soon"], "number of seconds"),
        (["--drain-timeout", "-1"], "number of seconds"),
        (["call"], "METHOD"),
        (["call", "ping", "{"], "PARAMS must be a JSON object"),
        (["call", "ping", "[]"], "PARAMS must be a JSON object"),
        (["call", "ping", "@/no/such/file"], "PARAMS must be a JSON object"),
        (["schema", "--diff", "/no/such/file"], "can't be read"),
        (["replay"], "FILE"),
    ],
)
def test_usage_errors_exit_with_2_and_one_sentence(run: Run, arguments: list[str], told: str) -> None:
    result = run(*arguments, stdin="")
    assert result.returncode == 2
    assert result.stdout == ""
    sentence, *rest = result.stderr.splitlines()
    assert told in sentence
    assert [json.loads(line) for line in rest] in ([], [{"code": 2, "reason": sentence}])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["replay", "tests/transcripts/chat.jsonl", "--exe", "/no/such/program"], "/no/such/program"),
        (["schema", "--out", "README.md/below"], "README.md"),
    ],
)
def test_what_the_system_refuses_is_one_sentence(run: Run, arguments: list[str], told: str) -> None:
    result = run(*arguments)
    assert result.returncode == 1
    assert told in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.skipif(not Path("/bin/echo").exists(), reason="needs a program that is not ours")
def test_a_program_that_is_not_ours_is_a_difference_and_no_error(run: Run) -> None:
    result = run("replay", "tests/transcripts/chat.jsonl", "--exe", "/bin/echo")
    assert (result.returncode, result.stderr) == (1, "")
    assert "did not come" in result.stdout


@pytest.mark.parametrize(
    "arguments", [["schema"], ["call", "chat/complete", HELLO, "--follow"], ["call", "model/list"]]
)
def test_a_reader_that_has_read_enough_is_no_error(
    command: list[str], environment: dict[str, str], arguments: list[str]
) -> None:
    with subprocess.Popen(
        [*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(WAIT_SECONDS) == 0


def test_help_and_version(run: Run) -> None:
    assert "COMMAND" in run("--help").stdout
    assert "chat/complete" in run("call", "--help").stdout
    assert run("--version").stdout == f"ckservice {_version()}\n"


def test_doctor_tells_what_it_found(run: Run) -> None:
    result = run("doctor", "--json")
    findings = {finding["name"]: finding for finding in json.loads(result.stdout)}
    assert result.returncode == 0
    assert findings["ckservice"]["value"].startswith(_version())
    assert findings["contract"]["is_well"]
    assert findings["offline"]["value"].startswith("answers within")
    assert (findings["openai"]["value"], findings["openai"]["is_well"]) == ("not set up", True)
    assert "OPENAI_API_KEY" in run("doctor").stdout


def test_doctor_minds_a_provider_that_is_configured_and_not_there(run: Run) -> None:
    result = run("doctor", CKSERVICE_PROVIDER="ollama", OLLAMA_HOST=f"127.0.0.1:{closed_port()}")
    assert result.returncode == 1
    assert "start Ollama" in result.stdout


def test_doctor_says_what_to_do_about_a_data_directory_that_cannot_be_used(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    result = run("doctor", CKSERVICE_DATA_DIR=str(file / "data"))
    assert result.returncode == 1
    assert "Set CKSERVICE_DATA_DIR" in result.stdout


def _version() -> str:
    namespace: dict[str, str] = {}
    path = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["version"]["path"]
    exec((ROOT / path).read_text(encoding="utf-8"), namespace)
    return namespace["__version__"]
