"""The states a repository can be in, as Git tells them: real repositories, the real Git."""

import os
import sys
from pathlib import Path

import pytest

from ckservice.context.git.model import Diff
from ckservice.context.git.parsing import blob_hash
from ckservice.context.git.repository import Git
from tests.git_repository import GitRepository

pytestmark = pytest.mark.source


def look_at(repository: GitRepository, folder: str = ".") -> Git:
    """Git as it is seen from a folder, by a user without any configuration."""
    root = (repository.root / folder).resolve()
    return Git(root, {"PATH": os.environ["PATH"], "HOME": str(repository.root.parent)})


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository.create(tmp_path / "repository")


async def test_before_the_first_commit(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    git = look_at(repository)
    state = await git.state()
    assert (state.available, state.branch, state.head, state.changed) == (True, "main", None, 1)
    assert await git.resolve("HEAD") is None
    assert await git.is_unborn("HEAD")
    assert await git.log() == []
    repository.git("add", "a.yaml")
    difference = await git.diff()
    assert difference is not None
    assert difference.text.endswith("+one\n")
    assert await git.diff("main") is None


async def test_a_branch_that_is_broken_is_not_one_without_commits(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    repository.commit()
    repository.write(".git/refs/heads/main", "rubbish\n")
    git = look_at(repository)
    assert await git.resolve("HEAD") is None
    assert not await git.is_unborn("HEAD")


async def test_a_branch_a_commit_and_nothing_changed(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    commit = repository.commit("First\nline\n\nMore")
    git = look_at(repository)
    state = await git.state()
    assert (state.branch, state.head, state.changed) == ("main", commit, 0)
    log = await git.log()
    assert log is not None
    assert log[0].model_dump() == {
        "hash": commit,
        "parents": [],
        "author": "Ada",
        "date": "2024-05-06T07:08:09+02:00",
        "subject": "First line",
    }
    for revision in ("HEAD", "@", "main", commit[:8], "main^{}", "HEAD~0"):
        assert await git.resolve(revision) == commit
    repository.git("tag", "-a", "v1", "-m", "tagged")
    assert await git.resolve("v1") == commit


async def test_a_detached_head(repository: GitRepository) -> None:
    commit = repository.commit()
    repository.git("checkout", "--quiet", "--detach")
    state = await look_at(repository).state()
    assert (state.available, state.branch, state.head) == (True, None, commit)


async def test_every_kind_of_change(repository: GitRepository) -> None:
    for name in ("modified", "staged", "both", "deleted", "moved", "link"):
        repository.write(name, f"{name}\n" * 9)
    repository.write(".gitignore", "ignored\n")
    repository.commit()
    for name in ("staged", "both"):
        repository.write(name, "new\n")
        repository.git("add", name)
    for name in ("modified", "both", "added", "untracked/deep/file", "ignored"):
        repository.write(name, "newer\n")
    repository.git("add", "added")
    repository.git("mv", "moved", "there")
    (repository.root / "deleted").unlink()
    (repository.root / "link").unlink()
    (repository.root / "link").symlink_to("there")
    status = await look_at(repository).status()
    assert [(file.path, file.status, file.staged, file.previous_path) for file in status.files] == [
        ("added", "added", True, None),
        ("both", "modified", True, None),
        ("deleted", "deleted", False, None),
        ("link", "typeChanged", False, None),
        ("modified", "modified", False, None),
        ("staged", "modified", True, None),
        ("there", "renamed", True, "moved"),
        ("untracked/deep/file", "untracked", False, None),
    ]


async def test_a_merge_conflict(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "other")
    repository.write("a.yaml", "two\n")
    repository.commit()
    repository.git("checkout", "--quiet", "main")
    repository.write("a.yaml", "three\n")
    commit = repository.commit()
    with pytest.raises(AssertionError):
        repository.git("merge", "other")
    git = look_at(repository)
    status = await git.status()
    assert [(file.path, file.status) for file in status.files] == [("a.yaml", "conflicted")]
    difference = await git.diff()
    assert difference is not None
    assert "+<<<<<<< HEAD" in difference.text
    assert (await git.files(commit, ["."]))[0].path == "a.yaml"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
async def test_odd_names(repository: GitRepository) -> None:
    names = [
        "a\nb.yaml",
        "ä ö.yaml",
        '"quoted".yaml',
        "tab\t.yaml",
        "-option",
        "日本.yaml",
        " leading",
        "R100 x",
        ":(top)",
    ]
    repository.git("config", "core.quotePath", "true")
    for name in names:
        repository.write(name, name.encode())
    commit = repository.commit()
    git = look_at(repository)
    files = await git.files(commit, ["."])
    assert sorted(file.path for file in files) == sorted(names)
    blobs = await git.blobs(file.hash for file in files)
    assert sorted(blobs.values()) == sorted(name.encode() for name in names)
    for name in names:
        assert await git.show("HEAD", name) == name.encode()
        repository.write(name, "changed\n")
    assert [file.path for file in (await git.status()).files] == sorted(names)
    difference = await git.diff(paths=["日本.yaml"])
    assert difference is not None
    assert "+++ b/日本.yaml\n" in difference.text


async def test_below_the_top_of_the_work_tree(repository: GitRepository) -> None:
    repository.write("context-repo/contexts/a.yaml", "one\n")
    repository.write("context-repo/moved.yaml", "long enough to be recognised\n" * 5)
    repository.write("elsewhere/b.yaml", "one\n")
    commit = repository.commit()
    repository.write("context-repo/contexts/a.yaml", "two\n")
    repository.write("elsewhere/b.yaml", "two\n")
    repository.git("mv", "context-repo/moved.yaml", "context-repo/contexts/moved.yaml")
    git = look_at(repository, "context-repo")
    status = await git.status()
    assert [(file.path, file.previous_path) for file in status.files] == [
        ("contexts/a.yaml", None),
        ("contexts/moved.yaml", "moved.yaml"),
    ]
    assert [file.path for file in await git.files(commit, ["contexts"])] == ["contexts/a.yaml"]
    assert await git.show("HEAD", "contexts/a.yaml") == b"one\n"
    difference = await git.diff()
    assert difference is not None
    assert "+++ b/contexts/a.yaml\n" in difference.text
    assert "b.yaml" not in difference.text


async def test_a_linked_worktree_and_a_submodule(repository: GitRepository) -> None:
    repository.write("contexts/a.yaml", "one\n")
    commit = repository.commit()
    repository.git("worktree", "add", "--quiet", "-b", "side", "../side")
    outer = GitRepository.create(repository.root.parent / "outer")
    outer.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(repository.root), "inner")
    for place, branch in ((repository.root.parent / "side", "side"), (outer.root / "inner", "main")):
        there = GitRepository(place)
        there.write("contexts/a.yaml", "two\n")
        git = look_at(there)
        state = await git.state()
        assert (state.available, state.branch, state.head, state.changed) == (True, branch, commit, 1)
        assert await git.show("HEAD", "contexts/a.yaml") == b"one\n"


async def test_a_shallow_clone(repository: GitRepository) -> None:
    first = repository.commit("First")
    repository.commit("Second")
    clone = GitRepository(repository.root.parent / "clone")
    clone.git("clone", "--quiet", "--depth=1", repository.root.as_uri(), ".")
    git = look_at(clone)
    assert (await git.open()).is_shallow
    assert await git.resolve(first) is None
    log = await git.log()
    assert log is not None
    assert [commit.subject for commit in log] == ["Second"]


async def test_sha256(tmp_path: Path) -> None:
    repository = GitRepository.create(tmp_path / "repository", "--object-format=sha256")
    git = look_at(repository)
    assert (await git.diff()) is not None
    repository.write("a.yaml", "one\n")
    commit = repository.commit()
    (file,) = await git.files(commit, ["."])
    assert file.hash == blob_hash(b"one\n", (await git.open()).object_format)
    assert await git.blobs([file.hash]) == {file.hash: b"one\n"}
    assert (await git.state()).head == commit


async def test_a_lock_is_in_nobodys_way(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    repository.commit()
    repository.write(".git/index.lock", "")
    repository.write("a.yaml", "two\n")
    assert (await look_at(repository).state()).changed == 1


async def test_looking_writes_nothing(repository: GitRepository) -> None:
    file = repository.write("a.yaml", "one\n")
    repository.commit()
    os.utime(file, (1, 1))  # Git would like to note in its index that the content is the same
    before = {path: path.stat().st_mtime_ns for path in (repository.root / ".git").rglob("*")}
    git = look_at(repository)
    assert (await git.state()).changed == 0
    assert await git.diff() == Diff(text="", cut=False)
    assert {path: path.stat().st_mtime_ns for path in (repository.root / ".git").rglob("*")} == before


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
async def test_a_repository_of_somebody_else(repository: GitRepository) -> None:
    repository.write("a.yaml", "one\n")
    repository.commit()
    for path in (repository.root, *repository.root.rglob("*")):
        os.chown(path, 12345, 12345)
    state = await look_at(repository).state()
    assert not state.available
    assert "git config --global --add safe.directory" in str(state.message)
    assert str(repository.root) not in str(state.message)
    (repository.root.parent / ".gitconfig").write_text(f"[safe]\n\tdirectory = {repository.root.resolve()}\n")
    assert (await look_at(repository).state()).available


@pytest.mark.parametrize("broken", ["HEAD", "config", "index", "objects", "everything"])
async def test_a_broken_repository(repository: GitRepository, broken: str) -> None:
    repository.write("a.yaml", "one\n")
    commit = repository.commit()
    if broken == "everything":
        for path in (repository.root / ".git").rglob("*"):
            if path.is_file():
                path.unlink()
    elif broken == "objects":
        (repository.root / ".git/objects" / commit[:2] / commit[2:]).unlink()
    else:
        repository.write(f".git/{broken}", b"\0rubbish[\xff")
    git = look_at(repository)
    state = await git.state()
    assert not state.available
    assert state.message
    assert str(repository.root) not in state.message


async def test_no_repository_and_a_bare_one(tmp_path: Path) -> None:
    state = await Git(tmp_path.resolve()).state()
    assert not state.available
    assert "git init" in str(state.message)
    GitRepository.create(tmp_path / "bare", "--bare")
    assert "bare" in str((await Git((tmp_path / "bare").resolve()).state()).message)
    (tmp_path / "empty/.git").mkdir(parents=True)
    assert not (await Git((tmp_path / "empty").resolve()).state()).available


@pytest.mark.parametrize("path", ["", os.pathsep, "/nowhere"])
async def test_without_git(repository: GitRepository, path: str) -> None:
    state = await Git(repository.root.resolve(), {"PATH": path}).state()
    assert not state.available
    assert "not installed" in str(state.message)
    assert not (await Git(repository.root.resolve(), {}).state()).available
