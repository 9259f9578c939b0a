"""Paths inside a repository: what is refused, with links followed, and on every system alike."""

import os
import sys
from pathlib import Path

import pytest

from ckservice.context.paths import inside, inside_contexts, read_text
from ckservice.errors import PathForbidden
from tests.sidecar import Sidecar

on_posix = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")

TASK = {"id": "T-001", "title": "A task", "status": "todo"}

FORBIDDEN = [
    "..",
    "../x.yaml",
    "contexts/../../x.yaml",
    "contexts/tasks/../../../x.yaml",
    "contexts/.../x.yaml",
    "contexts/.. /x.yaml",
    "/etc/x.yaml",
    "//server/share/x.yaml",
    "C:/x.yaml",
    "c:x.yaml",
    "C:\\x.yaml",
    "\\x.yaml",
    "\\\\server\\share\\x.yaml",
    "\\\\?\\C:\\x.yaml",
    "\\\\.\\pipe\\x.yaml",
    "contexts\\..\\..\\x.yaml",
    ".git/x.yaml",
    "contexts/.git/x.yaml",
    ".GIT/x.yaml",
    ".git./x.yaml",
    ".git /x.yaml",
    ".git . ./x.yaml",
    "git~1/x.yaml",
    "GIT~2/x.yaml",
    ".git::$INDEX_ALLOCATION/x.yaml",
    ".git:x.yaml",
    ".g\u200cit/x.yaml",
    "\ufeff.git/x.yaml",
    ".Gi\u200dT/x.yaml",
    "\uff0egit/x.yaml",
    "contexts/tasks/con.yaml",
    "contexts/tasks/AUX",
    "contexts/nul/x.yaml",
    "contexts/tasks/Com1.x.yaml",
    "contexts/tasks/lpt\u00b9.yaml",
    "contexts/tasks/con .yaml",
    "contexts/tasks/x.yaml.",
    "contexts/tasks/x.yaml ",
    "contexts/tasks /x.yaml",
    "contexts/tasks/a\nb.yaml",
    "contexts/tasks/a\x00.yaml",
    "contexts/tasks/a\x7f.yaml",
    "contexts/tasks/a\x85.yaml",
    "contexts/tasks/a\ufffd.yaml",
    f"contexts/tasks/{'x' * 300}.yaml",
    f"contexts/tasks/{'ü' * 130}.yaml",
    "contexts/" * 500 + "x.yaml",
    ".",
    "./.",
    "",
]

NO_PLACE_FOR_ENTITIES = [
    "x.yaml",
    "contexts",
    "contexts.yaml",
    "Contexts/tasks/x.yaml",
    "docs/x.yaml",
    ".context/rules/x.yaml",
    "contexts/tasks/x.md",
    "contexts/tasks/x",
    "contexts/tasks/.yaml",
    "contexts/tasks/.x.yaml",
    "contexts/.tasks/x.yaml",
    "contexts/tasks/x.yaml:y.yaml",
    "contexts/tasks/x?.yaml",
    'contexts/tasks/"x".yaml',
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path.resolve() / "repository"
    (root / "contexts/tasks").mkdir(parents=True)
    (root / ".git").mkdir()
    (root / ".git/config.yaml").write_text("secret: 1\n")
    (root / ".context/rules").mkdir(parents=True)
    (root / "docs").mkdir()
    (root / "docs/page.md").write_text("\ufeffcaf\u00e9", encoding="utf-8")
    evil = tmp_path / "repository-evil"
    evil.mkdir()
    (evil / "x.yaml").write_text("secret: 1\n")
    return root


@pytest.mark.parametrize("path", [path for path in [*FORBIDDEN, *NO_PLACE_FOR_ENTITIES] if 0 < len(path) <= 1024])
def test_nothing_is_written_where_entities_are_not(sidecar: Sidecar, root: Path, path: str) -> None:
    error = sidecar.call("entity/save", {"repoPath": str(root), "entity": TASK, "path": path})
    assert error["data"]["kind"] == "pathForbidden"
    assert str(root) not in sidecar.raw[-1].decode()
    assert not list(root.rglob("*x*.yaml"))


@pytest.mark.source
@pytest.mark.parametrize("path", FORBIDDEN)
def test_what_is_forbidden_is_forbidden_everywhere(root: Path, path: str) -> None:
    for check in (inside, inside_contexts, read_text):
        with pytest.raises(PathForbidden) as caught:
            check(root, path)
        assert str(root) not in caught.value.message
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.source
@pytest.mark.parametrize("path", NO_PLACE_FOR_ENTITIES)
def test_places_where_no_entity_is_written(root: Path, path: str) -> None:
    with pytest.raises(PathForbidden):
        inside_contexts(root, path)


@pytest.mark.source
@pytest.mark.parametrize(
    "path",
    [
        "contexts/tasks/T-001-x.yaml",
        "./contexts//tasks/./x.YML",
        "contexts/new/deep/folder/console.yaml",
        "contexts/a..b/x.yaml",
        "contexts/.github/x.yaml",
        "contexts/tasks/digit~1.yaml",
        "contexts/tasks/日本語 with space.yaml",
    ],
)
def test_what_is_allowed(root: Path, path: str) -> None:
    found = inside(root, path)
    assert found == root / Path(path)
    if ".github" not in path:
        assert inside_contexts(root, path) == found


@pytest.mark.source
@on_posix
@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("contexts/out", "../../repository-evil", "contexts/out/x.yaml"),
        ("contexts/out", "../../repository-evil", "contexts/out/new.yaml"),
        ("contexts/x.yaml", "../../repository-evil/x.yaml", "contexts/x.yaml"),
        ("contexts/x.yaml", "../../repository-evil/new.yaml", "contexts/x.yaml"),
        ("contexts/abs", "/etc", "contexts/abs/hosts.yaml"),
        ("contexts/g", "../.git", "contexts/g/config.yaml"),
        ("contexts/loop", "loop", "contexts/loop/x.yaml"),
        ("contexts/loop.yaml", "loop.yaml", "contexts/loop.yaml"),
        ("contexts/file.yaml", "../docs/page.md", "contexts/file.yaml/x.yaml"),
    ],
)
def test_links_and_files_in_the_way(root: Path, link: str, target: str, path: str) -> None:
    (root / link).symlink_to(target)
    for check in (inside, inside_contexts, read_text):
        with pytest.raises(PathForbidden):
            check(root, path)


@pytest.mark.source
@on_posix
def test_links_inside_lead_to_where_they_lead(root: Path) -> None:
    (root / "contexts/linked").symlink_to("tasks")
    (root / "contexts/rules").symlink_to("../.context/rules")
    (root / "contexts/page.yaml").symlink_to("../docs/page.md")
    assert inside_contexts(root, "contexts/linked/x.yaml") == root / "contexts/tasks/x.yaml"
    assert inside(root, "contexts/rules/x.yaml") == root / ".context/rules/x.yaml"
    for hidden in ("contexts/rules/x.yaml", "contexts/page.yaml"):
        with pytest.raises(PathForbidden):
            inside_contexts(root, hidden)


@pytest.mark.source
def test_text_is_read_as_far_as_it_is_text(root: Path) -> None:
    assert read_text(root, "docs/page.md") == "café"
    (root / "docs/latin.md").write_bytes(b"caf\xe9")
    assert read_text(root, "docs/latin.md") == "caf\ufffd"
    assert read_text(root, "docs/page.md", max_bytes=8) == "café"
    with pytest.raises(PathForbidden, match=r"^docs/page\.md has 8 bytes; at most 7 are read\.$"):
        read_text(root, "docs/page.md", max_bytes=7)
    for missing in ("docs/no.md", "no/no.md", "docs"):
        assert read_text(root, missing) is None


@pytest.mark.source
@on_posix
def test_text_of_what_is_no_file(root: Path) -> None:
    os.mkfifo(root / "docs/pipe.md")
    with pytest.raises(PathForbidden, match="not a regular file"):
        read_text(root, "docs/pipe.md")
