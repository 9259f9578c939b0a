"""Real Git repositories for tests, made with the real Git."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Self

GIT = shutil.which("git") or "git"

_ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_AUTHOR_DATE": "2024-05-06T07:08:09+02:00",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_COMMITTER_DATE": "2024-05-06T07:08:09+02:00",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


class GitRepository:
    """A directory, with what tests do to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    @classmethod
    def create(cls, root: Path, *options: str) -> Self:
        repository = cls(root)
        repository.git("init", "--quiet", "--initial-branch=main", "--template=", *options)
        return repository

    def git(self, *arguments: str, given: str | None = None) -> str:
        """Run Git as its user would; what it says."""
        result = subprocess.run(
            [GIT, *arguments],
            cwd=self.root,
            env={**os.environ, **_ENVIRONMENT},
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=20,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def write(self, path: str, text: str | bytes) -> Path:
        """Write a file; text may be indented as a whole."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else dedent(text).lstrip("\n").encode())
        return file

    def replace(self, path: str, old: str, new: str) -> None:
        """Change a file in one place."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, text
        self.write(path, text.replace(old, new).encode())

    def commit(self, message: str = "A commit", *, paths: Sequence[str] = (".",)) -> str:
        """Commit everything; the commit's hash."""
        self.git("add", "--all", "--force", "--", *paths)
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "-m", message)
        return self.git("rev-parse", "HEAD")
