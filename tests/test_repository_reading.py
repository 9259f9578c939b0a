"""Repositories as they are found on disk: what is read, what is complained about, and what changes are noticed."""

import os
import shutil
import socket
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sidecar import Sidecar
from tests.small_tree import FEATURE, entities, write

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="needs names, links and pipes that Windows has not")


def complaints(sidecar: Sidecar, root: Path, kind: str = "yaml") -> dict[str, str]:
    """What is said of each file."""
    found = sidecar.call("repository/validate", {"repoPath": str(root)})["errors"]
    return {finding["file"]: finding["message"] for finding in found if finding["kind"] == kind}


def test_a_repository_may_be_empty(sidecar: Sidecar, tmp_path: Path) -> None:
    assert entities(sidecar, tmp_path) == {}
    (tmp_path / "contexts" / "features").mkdir(parents=True)
    assert sidecar.call("repository/validate", {"repoPath": str(tmp_path)})["ok"]


def test_contexts_may_be_something_else(sidecar: Sidecar, tmp_path: Path) -> None:
    write(tmp_path, "contexts", "not a folder")
    assert entities(sidecar, tmp_path) == {}
    assert complaints(sidecar, tmp_path) == {"contexts": "The file is not a folder"}


def test_a_broken_file_hides_no_other(sidecar: Sidecar, tmp_path: Path) -> None:
    write(tmp_path, "contexts/features/FEAT-001-good.yaml")
    write(tmp_path, "contexts/features/FEAT-002-tab.yml", "id: FEAT-002\ntitle:\n\t- x\n")
    write(tmp_path, "contexts/features/FEAT-003-big.yaml", "#" * (5 * 1024 * 1024 + 1))
    write(tmp_path, "contexts/features/FEAT-004-list.yaml", "- a\n- b\n")
    write(tmp_path, "contexts/features/FEAT-005-text.yaml", "# note\njust words\n")
    write(tmp_path, "contexts/features/FEAT-006-empty.yaml", "")
    write(tmp_path, "contexts/features/FEAT-007-comments.yaml", "# nothing\n---\n")
    write(tmp_path, "contexts/things/FAET-008.yaml", "colour: red\n")
    write(tmp_path, "contexts/features/FEAT-009-bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\n" + _bomb())
    (tmp_path / "contexts/features/FEAT-010-latin.yaml").write_bytes(b"id: FEAT-010\ntitle: caf\xe9\n")
    write(tmp_path, "contexts/features/FEAT-011-GOOD.YAML")
    found = sidecar.call("repository/validate", {"repoPath": str(tmp_path)})["errors"]
    shown = {
        Path(finding["file"]).stem: (finding["line"], finding["severity"], finding["message"])
        for finding in found
        if finding["kind"] == "yaml"
    }
    assert shown.pop("FEAT-002-tab")[:2] == (3, "error")
    assert shown.pop("FEAT-009-bomb")[1] == "error"
    assert shown == {
        "FEAT-003-big": (1, "error", "The file has 5,242,881 bytes; at most 5,242,880 are read"),
        "FEAT-004-list": (1, "error", "The file holds a list, not an entity"),
        "FEAT-005-text": (2, "error", "The file holds text, not an entity"),
        "FEAT-006-empty": (1, "warning", "The file holds nothing"),
        "FEAT-007-comments": (1, "warning", "The file holds nothing"),
        "FAET-008": (
            1,
            "error",
            "The file holds an entity of no known type: neither its folder nor its id or fields tell",
        ),
        "FEAT-010-latin": (2, "error", "The file is not UTF-8 text"),
    }
    assert entities(sidecar, tmp_path).keys() >= {"FEAT-001", "FEAT-010", "FEAT-011"}


def _bomb() -> str:
    names = "bcdefghijklmnopqrstuvw"
    return "".join(f"{name}: &{name} [*{before}, *{before}]\n" for before, name in pairwise(names))


@on_posix
def test_what_is_no_file_is_not_opened(sidecar: Sidecar, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "contexts/features/FEAT-001.yaml")
    features = tmp_path / "contexts/features"
    os.mkfifo(features / "FEAT-002.yaml")
    (features / "FEAT-003.yaml").symlink_to("FEAT-002.yaml")
    (features / "FEAT-004.yaml").symlink_to("FEAT-005.yaml")
    (features / "FEAT-006.yaml").symlink_to("FEAT-006.yaml")
    (features / "FEAT-007.yaml").mkdir()
    monkeypatch.chdir(features)  # a socket's path is short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("FEAT-008.yaml")
        assert complaints(sidecar, tmp_path) == {
            "contexts/features/FEAT-002.yaml": "The file is not a regular file, and is not read",
            "contexts/features/FEAT-004.yaml": "The file is a link that leads nowhere",
            "contexts/features/FEAT-006.yaml": "The file is a link that leads nowhere",
            "contexts/features/FEAT-008.yaml": "The file is not a regular file, and is not read",
        }
    assert entities(sidecar, tmp_path) == {"FEAT-001": "contexts/features/FEAT-001.yaml"}


@on_posix
def test_names_that_can_not_be_shown(sidecar: Sidecar, tmp_path: Path) -> None:
    write(tmp_path, "contexts/features/FEAT-001-ünïcode naïve.yaml")
    features = os.fsencode(tmp_path / "contexts/features")
    for name in (b"FEAT-002\n.yaml", b"FEAT-002\t.yaml", b"FEAT-003-\xff.yaml"):
        Path(os.fsdecode(features + b"/" + name)).write_text(FEATURE)
    Path(os.fsdecode(features + b"/a\xffb")).mkdir()
    message = "The file has a name with characters that can't be shown, and is not read"
    assert complaints(sidecar, tmp_path) == {
        "contexts/features/FEAT-002\ufffd.yaml": message,
        "contexts/features/FEAT-002\ufffd.yaml\ufffd": message,
        "contexts/features/FEAT-003-\ufffd.yaml": message,
        "contexts/features/a\ufffdb": message,
    }
    assert entities(sidecar, tmp_path) == {"FEAT-001": "contexts/features/FEAT-001-ünïcode naïve.yaml"}
    assert sidecar.call("entity/nextId", {"repoPath": str(tmp_path), "entityType": "feature"}) == {"id": "FEAT-004"}


@on_posix
def test_files_that_may_not_be_read(start: Callable[..., Sidecar], tmp_path: Path) -> None:
    write(tmp_path, "contexts/features/FEAT-001.yaml")
    secret = write(tmp_path, "contexts/features/FEAT-002.yaml")
    folder = write(tmp_path, "contexts/specs/SPEC-001.yaml").parent
    for path in (secret, folder):
        path.chmod(0)
    is_root = os.geteuid() == 0
    if is_root and shutil.which("setpriv") is None:
        pytest.skip("root may read everything")
    sidecar = start(through=["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if is_root else [])
    message = "The file is not readable: permission denied"
    assert complaints(sidecar, tmp_path) == {"contexts/features/FEAT-002.yaml": message, "contexts/specs": message}
    for path in (secret, folder):
        path.chmod(0o700)
    assert entities(sidecar, tmp_path).keys() == {"FEAT-001", "FEAT-002", "SPEC-001"}


@on_posix
def test_links_are_followed_to_one_place_inside(sidecar: Sidecar, tmp_path: Path) -> None:
    root, outside = tmp_path / "repository", tmp_path / "repository-evil"
    write(root, "contexts/features/FEAT-001.yaml")
    write(root, "data/tasks/T-001.yaml", "id: T-001\ntitle: x\nstatus: todo\n")
    write(root, ".git/FEAT-008.yaml")
    write(outside, "features/FEAT-009.yaml")
    features = root / "contexts/features"
    for name, target in {
        "FEAT-101.yaml": "FEAT-001.yaml",
        "again": ".",
        "up": "..",
        "top": "../..",
        "tasks": "../../data/tasks",
        "more": str(root / "data/tasks"),
        "loop": "loop",
        "FEAT-102.yaml": str(outside / "features/FEAT-009.yaml"),
        "out": str(outside),
        "relative": "../../../repository-evil",
        "git": "../../.git",
    }.items():
        (features / name).symlink_to(target)
    assert entities(sidecar, root) == {
        "FEAT-001": "contexts/features/FEAT-001.yaml",
        "T-001": "data/tasks/T-001.yaml",
    }
    refused = "The file is a link that leads out of the repository, and is not followed"
    assert complaints(sidecar, root) == {
        "contexts/features/FEAT-102.yaml": refused,
        "contexts/features/out": refused,
        "contexts/features/relative": refused,
        "contexts/features/git": refused,
        "contexts/features/top": "The file is a link to a folder that it is itself in, and is not followed",
    }
    assert complaints(sidecar, root, "duplicate") == {}


@on_posix
def test_contexts_may_be_a_link(sidecar: Sidecar, tmp_path: Path) -> None:
    write(tmp_path, "repository/shared/contexts/features/FEAT-001.yaml")
    write(tmp_path, "elsewhere/features/FEAT-002.yaml")
    contexts = tmp_path / "repository/contexts"
    contexts.symlink_to("shared/contexts")
    root = tmp_path / "repository"
    assert entities(sidecar, root) == {"FEAT-001": "shared/contexts/features/FEAT-001.yaml"}
    contexts.unlink()
    contexts.symlink_to("../elsewhere")
    assert entities(sidecar, root) == {}
    assert list(complaints(sidecar, root)) == ["contexts"]


@pytest.mark.parametrize(
    ("path", "text", "entity_type"),
    [
        ("user-stories/x.yaml", "id: x\n", "userstory"),
        ("UserStories/deep/er/x.yaml", "id: x\n", "userstory"),
        ("feature/x.yaml", "id: x\n", "feature"),
        ("tasks/2026/x.yml", "id: x\n", "task"),
        ("features/FEAT-001/specs/x.yaml", "id: x\n", "spec"),
        ("features/service/x.yaml", "id: FEAT-001\n", "feature"),
        ("tasks/x.yaml", "id: FEAT-001\n", "task"),
        ("odd/x.yaml", "id: T-001\n", "task"),
        ("x.yaml", "id: svc-x\n", "service"),
        ("x.yaml", "id: pkg-x\n", "package"),
        ("x.yaml", "principles: []\n", "governance"),
        ("odd/x.yaml", "id: x\niWant: rest\n", "userstory"),
        ("odd/x.yaml", "id: x\nsteps: [one]\n", "task"),
        ("odd/x.yaml", "id: x\nrelated: {}\n", "spec"),
    ],
)
def test_types_are_told_by_folder_then_id_then_fields(
    sidecar: Sidecar, tmp_path: Path, path: str, text: str, entity_type: str
) -> None:
    write(tmp_path, f"contexts/{path}", text)
    (entity,) = sidecar.call("entity/list", {"repoPath": str(tmp_path)})["entities"]
    assert entity["type"] == entity_type


def test_hidden_files_and_other_endings_are_left_out(sidecar: Sidecar, tmp_path: Path) -> None:
    for path in (".FEAT-001.yaml", ".drafts/FEAT-002.yaml", "FEAT-003.yaml.bak", "FEAT-004.md", "FEAT-005.yaml~"):
        write(tmp_path, f"contexts/features/{path}")
    assert entities(sidecar, tmp_path) == {}
    assert complaints(sidecar, tmp_path) == {}


def test_several_documents_in_a_file(sidecar: Sidecar, tmp_path: Path) -> None:
    text = "id: FEAT-001\ntitle: One\nstatus: done\n---\nid: FEAT-002\ntitle: Two\nstatus: done\n"
    write(tmp_path, "contexts/features/both.yaml", text)
    assert list(entities(sidecar, tmp_path)) == ["FEAT-001", "FEAT-002"]
    second = sidecar.call("entity/get", {"repoPath": str(tmp_path), "entityId": "FEAT-002"})
    assert (second["entity"]["title"], second["yaml"]) == ("Two", "---\nid: FEAT-002\ntitle: Two\nstatus: done\n")
