"""entity/save when others save at the same time: threads, processes, and whoever cancels."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.saving import FEATURE, FEATURE_DATA, FEATURE_PATH, files, sample, save, sha256, write
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar

Start = Callable[..., Sidecar]

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="the lock is on the directory, as POSIX has it")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return sample(tmp_path / "repository")


@contextmanager
def held(root: Path) -> Iterator[None]:
    """Be somebody who is writing in a repository."""
    import fcntl

    descriptor = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def task(number: int, status: str = "todo") -> dict[str, Any]:
    return {"id": f"T-{number:03}", "title": f"Task {number}", "status": status}


def ask(sidecar: Sidecar, request_id: Any, root: Path, entity: dict[str, Any], **params: Any) -> None:
    sidecar.request(request_id, "entity/save", {"repoPath": str(root), "entity": entity, **params})


def assert_tidy(root: Path) -> None:
    assert not [path for path in files(root) if ".ckservice" in path]


def test_two_processes_save_different_entities(start: Start, sidecar: Sidecar, root: Path) -> None:
    other = start()
    for number in range(100, 150):
        ask(sidecar, f"save-{number}", root, task(number))
        ask(other, f"save-{number}", root, task(number + 100))
    for number in range(100, 150):
        assert sidecar.response(f"save-{number}")["result"]["created"]
        assert other.response(f"save-{number}")["result"]["created"]
    found = sidecar.call("entity/list", {"repoPath": str(root), "entityType": "task", "limit": 1000})["entities"]
    assert [entity["id"] for entity in found] == [
        "T-001",
        *(f"T-{number}" for number in range(100, 250) if number < 150 or number >= 200),
    ]
    assert_tidy(root)


def test_two_processes_change_different_documents_of_one_file(start: Start, sidecar: Sidecar, root: Path) -> None:
    path = "contexts/tasks/many.yaml"
    write(root, {path: "".join(f"---\n# {n}\nid: T-{n}\ntitle: Task {n}\nstatus: todo\n" for n in range(100, 140))})
    other = start()
    for number in range(100, 140, 2):
        ask(sidecar, f"save-{number}", root, task(number, "done"))
        ask(other, f"save-{number}", root, task(number + 1, "done"))
    for number in range(100, 140, 2):
        assert "result" in sidecar.response(f"save-{number}")
        assert "result" in other.response(f"save-{number}")
    assert (root / path).read_text() == "".join(
        f"---\n# {n}\nid: T-{n}\ntitle: Task {n}\nstatus: done\n" for n in range(100, 140)
    )
    assert_tidy(root)


def test_of_two_who_change_the_same_state_one_wins(start: Start, sidecar: Sidecar, root: Path) -> None:
    sidecars = [sidecar, start()]
    for turn in range(20):
        known = sha256((root / FEATURE_PATH).read_bytes())
        for name, each in zip("ab", sidecars, strict=True):
            for attempt in "xy":
                changed = {**FEATURE_DATA, "title": f"{turn} {name} {attempt}"}
                ask(each, f"{turn} {attempt}", root, changed, expectedHash=known)
        answers = [each.response(f"{turn} {attempt}") for each in sidecars for attempt in "xy"]
        won = [answer["result"] for answer in answers if "result" in answer]
        lost = [answer["error"]["data"]["kind"] for answer in answers if "error" in answer]
        assert len(won) == 1
        assert lost == ["conflict"] * 3
        assert won[0]["hash"] == sha256((root / FEATURE_PATH).read_bytes())
    assert_tidy(root)


@pytest.mark.source
def test_two_processes_add_to_the_same_feature(sidecar: Sidecar, root: Path) -> None:
    command = [sys.executable, "-m", "tests.many_saves", str(root), "25"]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) for _ in range(2)]
    given: list[str] = []
    for process in processes:
        output, _ = process.communicate(timeout=2 * WAIT_SECONDS)
        assert process.returncode == 0
        given += json.loads(output)
    wanted = [f"US-{number:03}" for number in range(1, 51)]
    assert sorted(given) == wanted
    params = {"repoPath": str(root)}
    found = sidecar.call("entity/list", {**params, "entityType": "userstory"})["entities"]
    assert [entity["id"] for entity in found] == wanted
    feature = sidecar.call("entity/get", {**params, "entityId": "FEAT-001"})
    assert feature["entity"] == {**FEATURE_DATA, "userStories": wanted}
    assert feature["yaml"].startswith(FEATURE)
    errors = sidecar.call("repository/validate", params)["errors"]
    assert not [error for error in errors if "US-" in error["message"]]
    assert_tidy(root)


def test_a_save_that_is_cancelled_is_whole_or_not_made(sidecar: Sidecar, root: Path) -> None:
    now = FEATURE
    for turn in range(40):
        title = f"Turn {turn}"
        ask(sidecar, turn, root, {**FEATURE_DATA, "title": title})
        sidecar.notify("$/cancelRequest", {"id": turn})
        answer = sidecar.response(turn)
        text = (root / FEATURE_PATH).read_text()
        wanted = FEATURE.replace('"Sign in"', f'"{title}"')
        assert text in (now, wanted)
        if "result" in answer:
            assert sha256(text) == answer["result"]["hash"] == sha256(wanted)
        else:
            assert answer["error"]["data"]["kind"] == "cancelled"
        now = text
    sidecar.call("ping")
    assert all(sidecar.answers[str(turn)] == 1 for turn in range(40))
    assert_tidy(root)
    sidecar.assert_alive()


@on_posix
def test_a_save_waits_for_another_program(sidecar: Sidecar, root: Path) -> None:
    with held(root):
        ask(sidecar, "waiting", root, {**FEATURE_DATA, "status": "done"})
        listed = sidecar.call("entity/list", {"repoPath": str(root)})["entities"]  # reading does not wait
        assert len(listed) == 3
        assert not sidecar.answers['"waiting"']
        assert (root / FEATURE_PATH).read_text() == FEATURE
    assert "result" in sidecar.response("waiting")


@on_posix
def test_what_another_program_is_about_to_write_is_left_to_it(sidecar: Sidecar, root: Path) -> None:
    journal, temporary = ".ckservice-0123456789abcdef.journal", "contexts/.ckservice-0123456789abcdef-0.new.tmp"
    plan = {"replacements": [], "temporaries": [temporary], "directories": [], "is_undoing": False}
    with held(root):
        write(root, {temporary: "half", journal: json.dumps(plan) + "\n"})
        sidecar.call("entity/list", {"repoPath": str(root)})
        assert files(root).keys() >= {journal, temporary}
    sidecar.call("entity/list", {"repoPath": str(root)})
    assert_tidy(root)


@on_posix
@pytest.mark.source
def test_nobody_waits_for_ever(root: Path) -> None:
    from ckservice.context.transaction.locking import locked
    from ckservice.errors import StorageFailed

    with held(root), pytest.raises(StorageFailed, match="Another window"), locked(root, seconds=0.05):
        pass
    with locked(root) as is_alone:
        assert is_alone
        with pytest.raises(StorageFailed, match="Another window"), locked(root, seconds=0.05):
            pass


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace has a system call fail")
def test_a_save_goes_on_where_nothing_can_be_locked(start: Start, root: Path) -> None:
    through = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=flock", "-e", "inject=flock:error=EOPNOTSUPP"]
    journal, temporary = ".ckservice-0123456789abcdef.journal", "contexts/.ckservice-0123456789abcdef-0.new.tmp"
    plan = {"replacements": [], "temporaries": [temporary], "directories": [], "is_undoing": False}
    with start(through=through) as sidecar:
        for status in ("done", "blocked"):
            assert "diff" in save(sidecar, root, {**FEATURE_DATA, "status": status})
        write(root, {temporary: "half", journal: json.dumps(plan) + "\n"})
        assert "diff" in save(sidecar, root, FEATURE_DATA)
        assert files(root).keys() >= {journal, temporary}  # somebody may be at work on it
        os.utime(root / journal, (0, 0))
        assert save(sidecar, root, FEATURE_DATA)["diff"] == ""
        assert_tidy(root)
        sidecar.wait_for_log("can't be locked")
        assert sum("can't be locked" in line for line in sidecar.log) == 1
