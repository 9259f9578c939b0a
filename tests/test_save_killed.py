"""Saves whose process is killed, whose disk breaks, or whose files are written by somebody else, at each of their steps."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interrupted_saves import EDITED
from tests.saving import FEATURE, FEATURE_DATA, FEATURE_PATH, TASK, TASK_PATH, files, sample, save, write
from tests.sidecar import ROOT, WAIT_SECONDS, Sidecar

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes fork, and are killed by signals")

Start = Callable[..., Sidecar]

OTHER_PATH = "contexts/features/FEAT-002.yaml"
OTHER = "id: FEAT-002\r\ntitle: Other # two\r\nstatus: done\r\nspecs: [SPEC-009]   # why\r\n"
SPEC_PATH = "contexts/specs/SPEC-001-how.yaml"
LISTED = FEATURE + "specs: [ SPEC-008 ]\n"
OLD = {FEATURE_PATH: LISTED.encode(), OTHER_PATH: OTHER.encode(), TASK_PATH: TASK.encode()}
NEW = {
    **OLD,
    FEATURE_PATH: LISTED.replace("8 ]", "8, SPEC-001 ]").encode(),
    OTHER_PATH: OTHER.replace("]", ", SPEC-001]").encode(),
    SPEC_PATH: b"id: SPEC-001\ntitle: How\nrelated:\n  features:\n    - FEAT-001\n    - FEAT-002\n",
}


@pytest.fixture
def template(tmp_path: Path) -> Path:
    template = tmp_path / "template"
    write(template, OLD)
    return template


def interrupt(how: str, template: Path) -> list[tuple[Path, str, str]]:
    """Interrupt a save at every step: the repositories that are left, how each save ended, and the step."""
    results = template.parent / "results"
    command = [sys.executable, "-m", "tests.interrupted_saves", how, str(template), str(results)]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=WAIT_SECONDS * 4).stdout
    lines = [json.loads(line) for line in output.splitlines()]
    return [(results / name, ended, event) for name, ended, event in lines]


def ids(sidecar: Sidecar, root: Path) -> list[str]:
    """The ids that the next process finds; it recovers what was left."""
    return [entity["id"] for entity in sidecar.call("entity/list", {"repoPath": str(root)})["entities"]]


def assert_old_or_new(sidecar: Sidecar, root: Path) -> bool:
    """Whether the next process finds the new state; else it is the old one, and never anything between or beside."""
    found = ids(sidecar, root)
    now = files(root)
    assert now in (OLD, NEW), root.name
    assert (SPEC_PATH in now) == ("SPEC-001" in found) == (root / SPEC_PATH).parent.exists(), root.name
    assert found == sorted(found, key=lambda entity_id: ["F", "S", "T"].index(entity_id[0]))
    return now == NEW


@pytest.mark.source
@pytest.mark.parametrize(("how", "least"), [("kill", 20), ("tear", 20), ("recover", 20), ("undo", 10)])
def test_a_save_that_is_killed_is_done_or_undone(sidecar: Sidecar, template: Path, how: str, least: int) -> None:
    results = interrupt(how, template)
    killed = [root for root, ended, _ in results if ended == "killed"]
    assert len(killed) >= least
    assert {ended for _, ended, _ in results} <= {"killed", "done", "failed"}
    outcomes = {assert_old_or_new(sidecar, root) for root, _, _ in results}
    assert outcomes == {False, True}


@pytest.mark.source
def test_a_step_that_fails_undoes_all_of_them(sidecar: Sidecar, template: Path) -> None:
    results = interrupt("fail", template)
    assert sum(ended == "failed" for _, ended, _ in results) >= 15
    for root, ended, event in results:
        # A journal that can't be removed, and the like, does not keep a save from being made.
        assert files(root).items() >= (NEW if ended == "done" else OLD).items(), (root.name, event)
        assert assert_old_or_new(sidecar, root) == (ended == "done"), (root.name, event)


@pytest.mark.source
def test_what_an_editor_writes_meanwhile_is_not_lost(template: Path) -> None:
    results = interrupt("edit", template)
    conflicts = 0
    for root, ended, event in results:
        now = files(root)
        if ended in ("conflict", "failed"):  # found out in time
            conflicts += ended == "conflict"
            assert now == {**OLD, OTHER_PATH: EDITED}, (root.name, event)
        elif event == "os.rename" and now == NEW:
            continue  # between the last look at the file and its renaming
        else:  # written before the save had begun, or after it had come to an end
            assert ended == "done"
            assert now in (NEW, {**NEW, OTHER_PATH: EDITED}), (root.name, event)
    assert conflicts >= 8
    assert sum(event == "os.rename" and files(root) == NEW for root, _, event in results) == 1


@pytest.mark.source
def test_what_is_changed_before_the_recovery_is_left_as_it_is(sidecar: Sidecar, template: Path) -> None:
    outcomes = set()
    for root, _, _ in interrupt("kill", template):
        is_begun = files(root).get(SPEC_PATH) is not None
        (root / OTHER_PATH).write_bytes(EDITED)
        ids(sidecar, root)
        now = files(root)
        assert now in ({**OLD, OTHER_PATH: EDITED}, {**NEW, OTHER_PATH: EDITED})
        assert (SPEC_PATH in now) == is_begun
        outcomes.add(is_begun)
    assert outcomes == {False, True}


def test_a_journal_that_is_not_ours_moves_nothing(sidecar: Sidecar, tmp_path: Path) -> None:
    root = sample(tmp_path / "repository")
    outside = tmp_path / "outside.yaml"
    outside.write_text("theirs")
    token = "0123456789abcdef"
    temporary = f"contexts/.ckservice-{token}-0.new.tmp"
    replacement = {"target": FEATURE_PATH, "temporary": temporary, "before": None, "after": None}
    plan = {"replacements": [], "temporaries": [], "directories": [], "is_undoing": True}
    plans: list[object] = [
        {**plan, "temporaries": ["../outside.yaml"]},
        {**plan, "temporaries": [FEATURE_PATH]},
        {**plan, "temporaries": [7, None, {}]},
        {**plan, "temporaries": 5},
        {**plan, "directories": ["../outside.yaml", ".git"]},
        {**plan, "replacements": [{**replacement, "target": "../outside.yaml"}]},
        {**plan, "replacements": [{**replacement, "temporary": TASK_PATH}]},
        {**plan, "replacements": [{**replacement, "target": ".git/config"}]},
        {**plan, "replacements": [{**replacement, "target": 5, "temporary": []}]},
        {**plan, "replacements": [{**replacement, "more": 1}, 5]},
        {},
        [],
        None,
        "x" * 2_000_000,
    ]
    before = files(root)
    for content in [*(json.dumps(found) + "\n" for found in plans), "[" * 100_000 + "\n", "\0\n", "\n\n", ""]:
        write(root, {f".ckservice-{token}.journal": content})
        assert ids(sidecar, root) == ["FEAT-001", "T-001", "svc-web"]
        assert files(root) == before, content[:200]
        assert outside.read_text() == "theirs"
    sidecar.assert_alive()


def test_links_in_place_of_journals_and_temporaries_are_not_followed(sidecar: Sidecar, tmp_path: Path) -> None:
    root = sample(tmp_path / "repository")
    outside = tmp_path / "outside"
    write(outside, {"x.yaml": "theirs", ".ckservice-0123456789abcdef-0.new.tmp": "theirs"})
    (root / "contexts/specs").symlink_to(outside)
    plan = {"replacements": [], "directories": ["contexts/specs"], "is_undoing": False}
    plan["temporaries"] = ["contexts/specs/.ckservice-0123456789abcdef-0.new.tmp"]
    (outside / "journal").write_text(json.dumps(plan) + "\n")
    (root / ".ckservice-0123456789abcdef.journal").symlink_to(outside / "journal")
    before = files(outside)
    ids(sidecar, root)
    (root / ".ckservice-0123456789abcdef.journal").unlink()
    write(root, {".ckservice-0123456789abcdef.journal": json.dumps(plan) + "\n"})
    ids(sidecar, root)
    assert files(outside) == before
    assert not (root / ".ckservice-0123456789abcdef.journal").exists()


# The real process, killed at a system call


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace kills a process at a system call")
@pytest.mark.parametrize("call", ["fchmod", "fsync:1", "rename", "fsync:2"])
def test_the_process_is_killed_in_the_middle_of_a_save(
    start: Start, sidecar: Sidecar, tmp_path: Path, call: str
) -> None:
    root = sample(tmp_path / "repository")
    name, _, place = call.partition(":")
    names = {"rename": "rename,renameat,renameat2"}.get(name, name)
    through = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", f"inject={names}:signal=KILL:when={place or 1}"]
    done = FEATURE.replace("proposed", "done")
    with start(through=through, env={"PYTHONDONTWRITEBYTECODE": "1"}) as killed:
        killed.request(1, "entity/save", {"repoPath": str(root), "entity": {**FEATURE_DATA, "status": "done"}})
        assert killed.exit_code() != 0
        assert not killed.answers
    assert ids(sidecar, root) == ["FEAT-001", "T-001", "svc-web"]
    assert (root / FEATURE_PATH).read_text() == (done if call == "fsync:2" else FEATURE)
    assert len(files(root)) == 3
    assert "diff" in save(sidecar, root, FEATURE_DATA)
