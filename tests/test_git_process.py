"""How ckservice runs Git: with which environment, for how long, and never with the host's own pipes."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.git_repository import GIT, GitRepository
from tests.sidecar import Sidecar, wait_until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a script stands in for Git")

Start = Callable[..., Sidecar]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return GitRepository.create(tmp_path / "repository").root.resolve()


def stand_in(folder: Path, script: str) -> str:
    """A program with the name of Git; the `PATH` in which it comes first."""
    folder.mkdir()
    program = folder / "git"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return f"{folder}{os.pathsep}{os.environ['PATH']}"


def test_without_git(start: Start, root: Path) -> None:
    sidecar = start(env={"PATH": ""})
    answer = sidecar.call("repository/impact", {"repoPath": str(root)})
    assert answer["data"]["kind"] == "toolFailed"
    assert answer["data"]["userMessage"] == "Git is not installed, or not in `PATH`."
    assert "entityIds" in answer["message"]
    sidecar.assert_alive()
    assert sidecar.end() == 0


def test_what_the_host_is_told(start: Start, root: Path) -> None:
    sidecar = start()
    GitRepository(root).write("contexts/tasks/T-001.yaml", "id: T-001\ntitle: Do\nstatus: todo\n")
    state = sidecar.call("repository/inspect", {"repoPath": str(root)})["overview"]["git"]
    assert state == {"available": True, "branch": "main", "changed": 1}
    state = sidecar.call("repository/inspect", {"repoPath": str(root.parent)})["overview"]["git"]
    assert state == {
        "available": False,
        "message": "This directory is not in a Git repository; `git init` makes it one.",
    }
    assert sidecar.end() == 0


def test_a_git_that_would_obey_the_repository_is_too_old(start: Start, root: Path, tmp_path: Path) -> None:
    path = stand_in(tmp_path / "bin", f'unset GIT_CONFIG_COUNT; exec "{GIT}" "$@"')
    answer = start(env={"PATH": path}).call("repository/impact", {"repoPath": str(root)})
    assert answer["data"]["userMessage"] == "This Git is too old; 2.31 or later is needed."


def test_its_environment_is_built_anew(start: Start, root: Path, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    given = {
        "PATH": stand_in(tmp_path / "bin", f"env > '{seen}'; pwd >> '{seen}'; ls -l /proc/self/fd >> '{seen}'; exit 1"),
        "OPENAI_API_KEY": "sk-canary",
        "CKSERVICE_MODEL": "canary",
        "SOME_TOKEN": "canary",
        "GIT_DIR": "/canary",
        "GIT_EXTERNAL_DIFF": "canary",
        "LD_LIBRARY_PATH": "/usr/local/own-libraries",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(tmp_path),
    }
    sidecar = start(env=given)
    assert sidecar.call("repository/impact", {"repoPath": str(root)})["data"]["kind"] == "toolFailed"
    text = seen.read_text()
    assert "canary" not in text
    assert "_MEIPASS" not in text
    assert "_PYI" not in text
    lines = text.splitlines()
    assert "LD_LIBRARY_PATH=/usr/local/own-libraries" in lines
    assert f"HOME={tmp_path}" in lines
    assert "LC_ALL=C" in lines
    assert "GIT_OPTIONAL_LOCKS=0" in lines
    assert str(root) in lines
    assert sidecar.end() == 0


def test_it_can_not_take_what_the_host_says(start: Start, root: Path, tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    sidecar = start(env={"PATH": stand_in(tmp_path / "bin", f"cat > '{heard}'; echo rubbish; exit 128")})
    assert sidecar.call("repository/impact", {"repoPath": str(root)})["data"]["kind"] == "toolFailed"
    sidecar.assert_alive()
    assert heard.read_bytes() == b""
    assert sidecar.end() == 0


@pytest.mark.parametrize("reason", ["deadline", "cancel"])
def test_a_git_that_hangs_is_ended_with_its_request(start: Start, root: Path, tmp_path: Path, reason: str) -> None:
    pids = tmp_path / "pids"
    path = stand_in(
        tmp_path / "bin", f"sleep 100 & echo $! > '{pids}.new'; echo $$ >> '{pids}.new'; mv '{pids}.new' '{pids}'; wait"
    )
    sidecar = start(env={"PATH": path})
    meta = {"_meta": {"timeoutMs": 1000}} if reason == "deadline" else {}
    sidecar.request(1, "repository/impact", {"repoPath": str(root), **meta})
    wait_until(pids.exists)
    if reason == "cancel":
        sidecar.notify("$/cancelRequest", {"id": 1})
    kind = sidecar.response(1)["error"]["data"]["kind"]
    assert kind == {"deadline": "deadlineExceeded", "cancel": "cancelled"}[reason]
    for pid in pids.read_text().split():
        wait_until(lambda pid=pid: not _is_running(pid))  # type: ignore[misc] # mypy can't infer a default
    assert sidecar.end() == 0


def _is_running(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
