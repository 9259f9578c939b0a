"""Files that are left out although Git would list them, and why."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from ckservice.errors import RepositoryNotFound
from ckservice.retrieval.files.walk import Walk
from tests.git_repository import GitRepository
from tests.listing import make

pytestmark = pytest.mark.source

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="such names and files are POSIX only")


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GitRepository:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))  # the user of the tests has rules of his own
    return GitRepository.create(tmp_path.resolve() / "repository")


async def test_what_is_no_text_of_the_project_is_left_out_by_its_name(repository: GitRepository) -> None:
    names = {
        "secret": [".env", "keys/server.PEM", "secrets/x.yaml", "deploy/.npmrc"],
        "lockFile": ["package-lock.json", "sub/Cargo.lock", "go.sum", "Gemfile.lock", "sub/POETRY.LOCK"],
        "binary": ["logo.PNG", "a.tar.gz", "film.mp4", "font.woff2", "sub/lib.dll"],
        "generated": ["jquery.min.js", "app.bundle.js", "site-min.css", "app.js.map"],
    }
    make(repository.root, *(name for group in names.values() for name in group))
    make(repository.root, "png", "lock.py", "map.js", "minimal.js", "go.mod", "package.json", "site-admin.css")
    repository.commit()
    (repository.root / "million.txt").write_bytes(b"x" * 1_000_000)
    (repository.root / "million-one.txt").write_bytes(b"x" * 1_000_001)
    listing = await Walk(repository.root).list()
    assert listing.left_out == {**{reason: len(group) for reason, group in names.items()}, "tooLarge": 1}
    wanted = ["go.mod", "lock.py", "map.js", "million.txt", "minimal.js", "package.json", "png", "site-admin.css"]
    assert sorted(listing.files) == wanted


@posix_only
@pytest.mark.parametrize("has_git", [True, False])
async def test_only_regular_files_in_real_folders_are_listed(repository: GitRepository, has_git: bool) -> None:
    root = repository.root
    if not has_git:
        shutil.rmtree(root / ".git")
    make(root, "real/a.txt", "../outside/b.txt")
    (root / "loop").symlink_to(".")
    (root / "real/up").symlink_to("..", target_is_directory=True)
    (root / "out").symlink_to("../outside")
    (root / "file").symlink_to("real/a.txt")
    (root / "nowhere").symlink_to("missing")
    os.mkfifo(root / "pipe")
    walk = Walk(root)
    for _ in range(2):
        listing = await walk.list()
        assert sorted(listing.files) == ["real/a.txt"]
        assert listing.left_out == {"link": 5, "special": 1}
    (root / "file").unlink()
    make(root, "file")
    assert sorted((await walk.list()).files) == ["file", "real/a.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
async def test_names_that_cannot_be_shown_are_left_out(repository: GitRepository) -> None:
    for name in (b"latin-\xe4.txt", b"line\nbreak.txt", b"bell\x07", b"\xff-folder/x.txt", "größe 名前 🙂.md".encode()):
        path = Path(os.fsdecode(os.fsencode(repository.root) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_text("x", encoding="utf-8")
    make(repository.root, ":(top)colon", "a*b", "[x]", " space ", "-dash", "back\\slash")
    listing = await Walk(repository.root).list()
    assert listing.left_out == {"badName": 4}
    assert set(listing.files) == {"größe 名前 🙂.md", ":(top)colon", "a*b", "[x]", " space ", "-dash", "back\\slash"}


@posix_only
async def test_a_tree_deeper_than_any_path_is_left_out_where_it_gets_too_deep(repository: GitRepository) -> None:
    make(repository.root, "a.txt")
    shutil.rmtree(repository.root / ".git")
    descriptor = os.open(repository.root, os.O_RDONLY)
    for _ in range(25):
        os.mkdir("d" * 200, dir_fd=descriptor)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)
    listing = await Walk(repository.root).list()
    assert (list(listing.files), listing.left_out) == (["a.txt"], {"unreadable": 1})


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to this user")
async def test_a_folder_that_may_not_be_read_is_left_out(repository: GitRepository) -> None:
    make(repository.root, "a.txt", "closed/b.txt")
    (repository.root / "closed").chmod(0)
    try:
        listing = await Walk(repository.root).list()
    finally:
        (repository.root / "closed").chmod(0o700)
    assert (list(listing.files), listing.left_out) == (["a.txt"], {"unreadable": 1})


async def test_a_repository_that_is_gone_is_not_an_empty_one(repository: GitRepository) -> None:
    make(repository.root, "a.txt")
    walk = Walk(repository.root)
    await walk.list()
    shutil.rmtree(repository.root)
    for again in (walk, Walk(repository.root)):
        with pytest.raises(RepositoryNotFound):
            await again.list()
