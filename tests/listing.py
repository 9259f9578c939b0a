"""Directories whose files are listed, for tests of what is listed."""

import os
from itertools import count
from pathlib import Path

from ckservice.retrieval.files.walk import Walk
from tests.git_repository import GitRepository


def make(root: Path, *paths: str) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(f"{path}\n", encoding="utf-8")


class Rules:
    """Files with rules, each written so long ago that nobody expects another change, and at a time of its own."""

    _clock = count(1_600_000_000, 10)

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        at = next(self._clock)
        os.utime(file, (at, at))


async def listed(root: Path) -> list[str]:
    return sorted((await Walk(root).list()).files)


def by_git(repository: GitRepository) -> list[str]:
    """What Git lists of what is there, also by the rules of the user."""
    excludes = f"core.excludesFile={repository.root.parent / 'home/.config/git/ignore'}"
    names = repository.git("-c", excludes, "ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    return sorted({name for name in names if (repository.root / name).is_file()})
