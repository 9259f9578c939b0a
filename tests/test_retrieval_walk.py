"""Which files are indexed: Git says what is ignored, whatever changes is noticed, and many may ask at once."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from ckservice.retrieval.files.walk import Listing, Walk
from tests.git_repository import GitRepository
from tests.listing import Rules, by_git, listed, make
from tests.sidecar import WAIT_SECONDS

pytestmark = pytest.mark.source


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))  # the user of the tests has rules of his own
    return GitRepository.create(tmp_path.resolve() / "repository")


# Git decides


async def test_git_says_what_is_ignored(repository: GitRepository) -> None:
    rules = Rules(repository.root)
    rules.write(".gitignore", "*.log\n/out/\n!important.log\ncache/*\n!cache/keep.txt\n")
    rules.write("app/.gitignore", "local.*\n!debug.log\n")
    rules.write(".git/info/exclude", "mine.txt\n")
    make(repository.root, "a.log", "important.log", "out/x.txt", "app/out/x.txt", "cache/a.txt", "cache/keep.txt")
    make(
        repository.root, "app/local.ini", "app/debug.log", "app/deep/local.ini", "mine.txt", ".github/ci.yml", "new.md"
    )
    make(repository.root, "tracked/forced.log")
    repository.git("add", "--force", "tracked/forced.log")
    listing = await Walk(repository.root).list()
    assert sorted(listing.files) == by_git(repository)
    assert {"app/out/x.txt", "cache/keep.txt", "app/debug.log", "tracked/forced.log", ".github/ci.yml"} < {
        *listing.files
    }
    assert listing.left_out == {"ignored": 6}
    assert listing.files["new.md"].size == len("new.md\n")
    assert listing.files["new.md"].mtime_ns == (repository.root / "new.md").stat().st_mtime_ns


def changes(repository: GitRepository) -> Iterator[str]:
    """Make all kinds of changes, one after the other, in an order in which each makes a difference."""
    root, rules = repository.root, Rules(repository.root)
    make(root, "src/new.py", "logs/deep/new.txt", "fresh/one.txt", "fresh/deep/two.txt", "empty/three.txt")
    yield "new files"
    rules.write(".gitignore", "*.txt\n")
    yield "other rules"
    rules.write("fresh/.gitignore", "!one.txt\n")
    yield "rules in a folder"
    repository.git("add", "--force", "logs/deep/new.txt")
    yield "added by force"
    (root / ".gitignore").unlink()
    yield "no rules"
    rules.write(".git/info/exclude", "src\n")
    yield "rules that nobody shares"
    rules.write("../home/.config/git/ignore", "empty\n")
    yield "rules of the user"
    shutil.rmtree(root / "fresh")
    yield "no folder"
    make(root, "fresh")
    yield "a file for a folder"
    (root / "fresh").unlink()
    make(root, "fresh/x/y.txt")
    yield "a folder for a file"
    repository.git("commit", "--quiet", "--message", "x")
    repository.git("switch", "--quiet", "--orphan", "other")
    yield "another branch"


async def test_whatever_changes_is_noticed(repository: GitRepository) -> None:
    Rules(repository.root).write(".gitignore", "*.log\nmade/\n")
    make(repository.root, "src/a.py", "logs/a.log", "made/a.txt", "README.md")
    repository.git("add", ".")
    (repository.root / "empty").mkdir()
    walk = Walk(repository.root)
    before = await walk.list()
    assert sorted(before.files) == [".gitignore", "README.md", "src/a.py"]
    make(repository.root, "src/new.log", "made/new.txt")
    assert (await walk.list()).files == before.files
    for name in changes(repository):
        listing = await walk.list()
        assert sorted(listing.files) == by_git(repository), name
        assert listing == await walk.list(), name
        assert listing.files != before.files, name
        before = listing


async def test_rules_that_change_twice_at_one_moment_are_read_again(repository: GitRepository) -> None:
    make(repository.root, "a.txt", "b.txt")
    rules = repository.write(".gitignore", "a.txt\n")
    moment = rules.stat().st_mtime_ns
    walk = Walk(repository.root)
    assert sorted((await walk.list()).files) == [".gitignore", "b.txt"]
    rules.write_bytes(b"b.txt\n")
    os.utime(rules, ns=(moment, moment))
    assert sorted((await walk.list()).files) == [".gitignore", "a.txt"]


async def test_other_repositories_are_not_entered(repository: GitRepository, tmp_path: Path) -> None:
    make(repository.root, "a.txt", "plain/b.txt")
    for name in ("clone", "submodule", "packages/ignored"):
        inner = GitRepository.create(repository.root / name)
        inner.write("inner.txt", "x")
        inner.commit()
    Rules(repository.root).write(".gitignore", "packages/\n")
    repository.git("-c", "advice.addEmbeddedRepo=false", "add", "submodule")
    listing = await Walk(repository.root).list()
    assert sorted(listing.files) == [".gitignore", "a.txt", "plain/b.txt"]
    assert listing.left_out == {"nestedRepository": 2, "ignored": 1}
    assert await listed(repository.root / "submodule") == ["inner.txt"]
    repository.git("commit", "--quiet", "--message", "x")
    repository.git("worktree", "add", "--quiet", str(tmp_path.resolve() / "worktree"))
    make(tmp_path / "worktree", "packages/x.txt", "new.txt")
    assert ".gitignore" not in await listed(tmp_path.resolve() / "worktree")  # it was never added
    repository.git("add", ".gitignore")
    repository.git("commit", "--quiet", "--message", "y")
    GitRepository(tmp_path.resolve() / "worktree").git("reset", "--quiet", "--hard", "main")
    assert await listed(tmp_path.resolve() / "worktree") == [".gitignore", "new.txt"]


async def test_a_part_of_a_work_tree_obeys_what_is_above_it(repository: GitRepository) -> None:
    rules = Rules(repository.root)
    rules.write(".gitignore", "*.log\n/part/out/\n")
    make(repository.root, "top.txt", "part/a.txt", "part/a.log", "part/out/b.txt", "part/deep/out/c.txt")
    walk = Walk(repository.root / "part")
    assert sorted((await walk.list()).files) == ["a.txt", "deep/out/c.txt"]
    rules.write(".gitignore", "*.txt\n")
    assert sorted((await walk.list()).files) == ["a.log"]


# At the same time


async def test_files_may_come_and_go_while_they_are_listed(repository: GitRepository) -> None:
    make(repository.root, "stays.txt", "folder/stays.txt")
    walk = Walk(repository.root)
    is_over = anyio.Event()

    async def come_and_go() -> None:
        while not is_over.is_set():
            for number in range(5):
                make(repository.root, f"folder/{number}.txt", f"other{number}/{number}.log")
            await anyio.lowlevel.checkpoint()
            for number in range(5):
                (repository.root / f"folder/{number}.txt").unlink()
                shutil.rmtree(repository.root / f"other{number}")
            await anyio.lowlevel.checkpoint()

    with anyio.fail_after(WAIT_SECONDS):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(come_and_go)
            for _ in range(8):
                assert {"stays.txt", "folder/stays.txt"} <= set((await walk.list()).files)
            is_over.set()
    assert sorted((await walk.list()).files) == ["folder/stays.txt", "stays.txt"]


async def test_many_may_ask_at_once_and_give_up(repository: GitRepository) -> None:
    make(repository.root, *(f"folder{number % 7}/{number}.txt" for number in range(200)))
    walk = Walk(repository.root)
    listings: list[Listing] = []

    async def ask(seconds: float) -> None:
        with anyio.move_on_after(seconds):
            listings.append(await walk.list())

    with anyio.fail_after(WAIT_SECONDS):
        async with anyio.create_task_group() as tasks:
            for seconds in (0, 0.001, 0.01, 60, 60, 0.002, 60):
                tasks.start_soon(ask, seconds)
    assert [len(listing.files) for listing in listings[-3:]] == [200] * 3
    make(repository.root, "new.txt")
    assert len((await walk.list()).files) == 201
