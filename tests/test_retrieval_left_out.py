"""What `rag/index`, `rag/search` and `rag/status` make of files that are left out, and when Git is asked about them."""

import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.git_repository import GIT, GitRepository
from tests.listing import Rules
from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository.create(tmp_path / "repository")
    for path in (
        "docs/plants.md",
        "private/plants.md",
        "logs/plants.txt",
        "secrets/plants.md",
        "vendor/plants.js",
        "node_modules/plants.js",
    ):
        repository.write(path, f"Watering in {path}\n")
    Rules(repository.root).write(".gitignore", "*.txt\n")
    return repository


def found(sidecar: Sidecar, repository: GitRepository) -> set[str]:
    params = {"query": "watering", "topK": 100, "repoPath": str(repository.root)}
    result = sidecar.call("rag/search", params)
    assert result["stale"] is False
    return {source["filePath"] for source in result["sources"]}


def status(sidecar: Sidecar, repository: GitRepository) -> dict[str, Any]:
    result = sidecar.call("rag/status", {"repoPath": str(repository.root)})
    assert isinstance(result, dict)
    return result


def test_what_is_left_out_is_not_found_and_is_counted(sidecar: Sidecar, repository: GitRepository) -> None:
    with repository.write("huge.log", "Watering").open("r+b") as file:
        file.truncate(1 << 30)
    repository.write("picture.md", b"Watering\0")
    repository.write("bundle.js", "var watering=1;" * 1000)
    rules = Rules(repository.root)
    assert found(sidecar, repository) == {"docs/plants.md", "private/plants.md", "vendor/plants.js"}
    told = status(sidecar, repository)
    assert told["leftOut"] == {"ignored": 2, "secret": 1, "tooLarge": 1, "binary": 1, "generated": 1}
    assert told["stale"] is False
    rules.write(".ckignore", "private/\n")
    rules.write(".gitignore", "vendor/\n")
    assert status(sidecar, repository)["stale"] is True
    assert found(sidecar, repository) == {"docs/plants.md", "logs/plants.txt"}
    (repository.root / ".ckignore").unlink()
    assert found(sidecar, repository) == {"docs/plants.md", "logs/plants.txt", "private/plants.md"}


def test_where_git_is_missing_its_rules_are_read(start: Start, repository: GitRepository, tmp_path: Path) -> None:
    sidecar = start(env={"PATH": str(tmp_path)})
    assert found(sidecar, repository) == {"docs/plants.md", "private/plants.md", "vendor/plants.js"}
    assert status(sidecar, repository)["leftOut"] == {"ignored": 2, "secret": 1}


def test_rules_of_the_user_hold(start: Start, repository: GitRepository, tmp_path: Path) -> None:
    sidecar = start(env={"XDG_CONFIG_HOME": str(tmp_path / "config")})
    rules = Rules(tmp_path / "config/git")
    rules.write("ignore", "vendor/\n")
    assert found(sidecar, repository) == {"docs/plants.md", "private/plants.md"}
    rules.write("ignore", "private\nvendor/\n")
    assert found(sidecar, repository) == {"docs/plants.md"}


@pytest.mark.skipif(sys.platform == "win32", reason="scripts are not executables there")
def test_git_is_not_started_while_nothing_is_new(start: Start, repository: GitRepository, tmp_path: Path) -> None:
    log = tmp_path / "log"
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "git"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\nexec "{GIT}" "$@"\n', encoding="utf-8")
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    sidecar = start(env={"PATH": str(folder)})

    def runs() -> list[str]:
        lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.split()[1] for line in lines]

    before = found(sidecar, repository)
    assert "ls-files" in runs()
    repository.write("docs/plants.md", "Watering, and more\n")
    (repository.root / "private/plants.md").unlink()
    assert found(sidecar, repository) == before - {"private/plants.md"}
    assert status(sidecar, repository)["leftOut"] == {"ignored": 2, "secret": 1}
    assert runs() == []
    repository.write("docs/new.md", "Watering\n")
    repository.write("docs/new.txt", "Watering\n")
    assert found(sidecar, repository) == before - {"private/plants.md"} | {"docs/new.md"}
    assert runs() == ["check-ignore"]
    found(sidecar, repository)
    assert runs() == []
