"""Rules in the syntax of Git that are read by ourselves: `.ckignore`, and all others where Git can't be used."""

import random
import shutil
from pathlib import Path
from time import thread_time

import pytest

from ckservice.retrieval.files.ignoring import Ignoring
from ckservice.retrieval.files.walk import Walk
from tests.git_repository import GitRepository
from tests.listing import Rules, by_git, listed, make

pytestmark = pytest.mark.source


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))  # the user of the tests has rules of his own
    return GitRepository.create(tmp_path.resolve() / "repository")


async def test_ckignore_leaves_out_more_also_of_what_is_tracked(repository: GitRepository) -> None:
    rules = Rules(repository.root)
    make(repository.root, "docs/a.md", "docs/b.md", "docs/old/c.md", "data/x.csv", "data/keep.csv", "src/data/x.csv")
    repository.commit()
    rules.write(".ckignore", "\ufeff# comment\r\n!/\r\n/data/*\r\n!/data/keep.csv\r\nold/\r\n[\r\n")
    rules.write("docs/.ckignore", "b.md\n")
    walk = Walk(repository.root)
    wanted = [".ckignore", "data/keep.csv", "docs/.ckignore", "docs/a.md", "src/data/x.csv"]
    assert sorted((await walk.list()).files) == wanted
    rules.write("docs/.ckignore", "!old/\n")
    assert sorted((await walk.list()).files) == sorted([*wanted, "docs/b.md", "docs/old/c.md"])
    (repository.root / ".ckignore").unlink()
    (repository.root / "docs/.ckignore").unlink()
    assert sorted((await walk.list()).files) == by_git(repository)


NAMES = ("a", "b", "foo", "foo.txt", "a.txt", "keep", "x y", ".hid", "b.log", "c")
PARTS = ("*", "a", "b", "foo", "*.txt", "**", "keep", "f*", "?", "[ab]", "x y", ".hid", "*.log", "f?o", "[!a]", r"\a")


@pytest.mark.parametrize("seed", range(4))
async def test_without_git_its_rules_are_read_as_it_reads_them(repository: GitRepository, seed: int) -> None:
    """A tree of folders that many rules are about, listed by Git, and by us where there is no Git any more."""
    chance = random.Random(seed)

    def rule() -> str:
        pieces = [chance.choice(PARTS) for _ in range(chance.choice([1, 1, 1, 2, 2, 3]))]
        is_odd = pieces[-1] == "**"  # with a slash behind it the library is of another opinion
        ends = ["", "", " ", "\r", *([] if is_odd else ["/"])]
        return chance.choice(["", "", "!"]) + chance.choice(["", "", "/"]) + "/".join(pieces) + chance.choice(ends)

    for group in range(25):
        folders = [repository.root / f"group{group}"]
        for _ in range(10):
            folders.append(chance.choice(folders) / chance.choice(NAMES))
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for folder in folders:
            make(folder, *(name for name in chance.sample(NAMES, 4) if not (folder / name).is_dir()))
            if folder == folders[0] or chance.random() < 0.2:
                text = "".join(f"{rule()}\n" for _ in range(chance.randint(1, 5)))
                (folder / ".gitignore").write_bytes(text.encode())
    wanted = by_git(repository)
    assert wanted == await listed(repository.root)
    shutil.rmtree(repository.root / ".git")
    assert wanted == await listed(repository.root)


async def test_without_git_build_products_are_left_out(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    make(
        root,
        "src/a.py",
        "node_modules/x/i.js",
        "web/Node_Modules/x.js",
        ".venv/lib/b.py",
        "dist/c.js",
        ".github/ci.yml",
    )
    make(root, ".hg/store", "build", "src/target.py", ".git/broken")
    listing = await Walk(root).list()
    assert sorted(listing.files) == [".github/ci.yml", "build", "src/a.py", "src/target.py"]
    assert listing.left_out == {"ignored": 4}


def test_no_rule_takes_long_to_match(tmp_path: Path) -> None:
    """While a regular expression is matched, the whole process waits."""
    hostile = ("*a*a*a*a*a*a*b", "**/a/**/a/**/a/**/b", "a/**/a/**/b", "*a*a*b", "**/" * 50 + "b", "[" * 500, "!" * 500)
    (tmp_path / ".ckignore").write_text("\n".join(hostile) + "\nlast\n", encoding="utf-8")
    ignoring = Ignoring(str(tmp_path), ".ckignore")
    began = thread_time()
    ignoring.read("")
    for path in ("a" * 255, "a/" * 2000, "/".join(["a" * 255] * 15) + "/"):
        assert not ignoring.is_ignored(path)
    assert thread_time() - began < 2
    assert ignoring.is_ignored("last/")


def test_many_rules_take_little_longer_than_one(tmp_path: Path) -> None:
    rules = "".join(f"generated{number}*\n/build{number}/\n*.out{number}\n" for number in range(300))
    (tmp_path / ".ckignore").write_text(f"{rules}!kept.out1\n", encoding="utf-8")
    ignoring = Ignoring(str(tmp_path), ".ckignore")
    began = thread_time()
    ignoring.read("")
    assert not any(ignoring.is_ignored(f"docs/page{number}.md") for number in range(5000))
    assert thread_time() - began < 2
    assert all(map(ignoring.is_ignored, ("generated7.py", "build7/", "a/b.out7")))
    assert not any(map(ignoring.is_ignored, ("build7", "kept.out1", "b")))


@pytest.mark.filterwarnings("ignore:Possible")
def test_sets_of_characters_need_not_make_sense(tmp_path: Path) -> None:
    """To Git, a range that ends before it begins has nothing in it, and names of groups mean nothing."""
    (tmp_path / ".ckignore").write_text("[z-a]x\n[a--b]\n[[a]y\n[(?P<ps_d>]b\nlast\n", encoding="utf-8")
    ignoring = Ignoring(str(tmp_path), ".ckignore")
    ignoring.read("")
    assert all(map(ignoring.is_ignored, ("(b", "Pb", "ay", "last")))
    assert not any(map(ignoring.is_ignored, ("zx", "b", "-b")))
