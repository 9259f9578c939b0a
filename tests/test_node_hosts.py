"""Hosts as they are in the world: Node, by itself and with the two JSON-RPC peers that apps already have."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import psutil
import pytest

from tests.sidecar import ROOT, WAIT_SECONDS

NODE = ROOT / "tests" / "node"
SNIPPET = NODE / "embed.mjs"
SNIPPET_LINES = 15
SCRIPT_SECONDS = 60
"""Each wait in a script has a bound of its own; this is for a script that does not end."""

pytestmark = pytest.mark.node

Run = Callable[..., None]


def unavailable(reason: str) -> NoReturn:
    """Node is there wherever the whole suite has to run; elsewhere it may be missing."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="module")
def node() -> str:
    """The path of Node, with the packages that the scripts import."""
    executable = shutil.which("node")
    if executable is None:
        unavailable("node is not installed")
    packages = ("@modelcontextprotocol/sdk", "vscode-jsonrpc")
    missing = [name for name in packages if not (NODE / "node_modules" / name / "package.json").exists()]
    if missing:
        unavailable(f"tests/node has no {', '.join(missing)}: run `npm ci` there")
    return executable


@pytest.fixture
def run(node: str, command: list[str], environment: dict[str, str]) -> Run:
    """Run a scenario of a script with the program under test; it succeeds and leaves no process."""

    def _run(script: str, scenario: str, **more: str) -> None:
        completed = subprocess.run(
            [node, NODE / script, scenario, *command],
            env={**environment, **more},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SCRIPT_SECONDS,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout.decode("utf-8", "replace")[-5_000:]

    return _run


@pytest.mark.parametrize(
    "scenario",
    ["first chat", "shutdown and exit", "cancel", "many at once", "big messages", "unicode", "cut anywhere"],
)
def test_a_plain_node_main_process(run: Run, scenario: str) -> None:
    run("plain.mjs", scenario)


@pytest.mark.parametrize("scenario", ["session", "cancel"])
def test_the_transport_of_the_mcp_sdk(run: Run, scenario: str) -> None:
    run("mcp.mjs", scenario)


@pytest.mark.parametrize("scenario", ["requests and notifications", "cancel", "error data", "concurrent", "dispose"])
def test_vscode_jsonrpc_over_lines(run: Run, scenario: str) -> None:
    run("vscode.mjs", scenario)


# A host that dies


@contextmanager
def dying_host(scenario: str, node: str, command: list[str], environment: dict[str, str]) -> Iterator[Any]:
    """A Node process with a service; yields both. A third one, that holds the service's stdin open, is ended with it."""
    host = subprocess.Popen(
        [node, NODE / "dying.mjs", scenario, *command], env=environment, cwd=ROOT, stdout=subprocess.PIPE
    )
    with ExitStack() as stack:
        stack.callback(host.wait, WAIT_SECONDS)
        stack.callback(host.kill)
        assert host.stdout is not None
        stack.enter_context(host.stdout)
        pids = json.loads(host.stdout.readline())
        for pid in pids.values():
            if pid is not None:
                stack.callback(end, psutil.Process(pid))
        yield host, psutil.Process(pids["service"])


def end(process: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        process.kill()


def wait_until_gone(process: psutil.Process, seconds: float) -> None:
    """A process whose parent has died may stay as a zombie where nobody inherits it; that is gone as well."""
    deadline = time.monotonic() + seconds
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"{process} outlived its host"
        with suppress(psutil.TimeoutExpired):
            process.wait(0.02)


@pytest.mark.parametrize("scenario", ["starting", "idle", "busy", "stdin held open", "busy, stdin held open"])
def test_the_service_goes_with_a_host_that_is_killed(
    node: str, command: list[str], environment: dict[str, str], scenario: str
) -> None:
    with dying_host(scenario, node, command, environment) as (host, service):
        assert service.is_running()
        host.kill()
        wait_until_gone(service, WAIT_SECONDS)


# The snippet of the README


@pytest.fixture
def path(command: list[str], tmp_path: Path) -> str:
    """A PATH on which `ckservice` is the program under test."""
    if len(command) == 1:
        folder = Path(command[0]).parent
    else:
        folder = tmp_path / "bin"
        folder.mkdir()
        if sys.platform == "win32":
            unavailable("the source has no ckservice.exe; run with --exe")
        (folder / "ckservice").write_text(f"#!/bin/sh\nexec {shlex.join(command)}\n", encoding="utf-8")
        (folder / "ckservice").chmod(0o755)
    return os.pathsep.join([str(folder), os.environ["PATH"]])


@pytest.mark.parametrize("scenario", ["answers", "errors", "the service ends"])
def test_the_snippet_of_the_readme_works(run: Run, path: str, scenario: str) -> None:
    run("embedded.mjs", scenario, PATH=path)


def test_the_snippet_of_the_readme_survives_a_missing_service(run: Run, tmp_path: Path) -> None:
    run("embedded.mjs", "no service", PATH=str(tmp_path))


@pytest.mark.source
def test_the_readme_shows_the_snippet() -> None:
    snippet = SNIPPET.read_text("utf-8")
    readme = (ROOT / "README.md").read_text("utf-8")
    assert len([line for line in snippet.splitlines() if line]) <= SNIPPET_LINES
    assert f"```js\n{snippet}```\n" in readme
