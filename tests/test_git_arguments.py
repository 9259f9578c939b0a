"""What comes from outside is a revision or a path to Git, and never anything else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from ckservice.context.git.repository import Git
from tests.git_repository import GitRepository

pytestmark = pytest.mark.source

SPEC = "contexts/specs/SPEC-001.yaml"


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    repository = GitRepository.create(tmp_path / "repository")
    repository.write(SPEC, "id: SPEC-001\n")
    repository.write(".gitattributes", "")
    repository.commit()
    repository.write(SPEC, "id: SPEC-002\n")
    return repository


@pytest.mark.parametrize(
    "revision",
    [
        "--all",
        "-h",
        "--output=/tmp/x",
        "HEAD\n",
        "HEAD\0",
        "",
        "x" * 300,
        "--upload-pack=x",
        "HEAD^{tree}",
        "HEAD:contexts",
        "@{u}",
    ],
)
async def test_a_revision_is_never_an_option(repository: GitRepository, revision: str) -> None:
    git = Git(repository.root.resolve())
    assert await git.resolve(revision) is None
    assert await git.diff(revision) is None
    assert await git.log(revision) is None
    assert await git.show(revision, SPEC) is None


@pytest.mark.parametrize(
    "path",
    ["../outside", "/etc/passwd", ".git/config", "", ".", "a\0b", "contexts/../.gitattributes", "./.gitattributes"],
)
async def test_a_path_never_leads_out_of_a_commit(repository: GitRepository, path: str) -> None:
    assert await Git(repository.root.resolve()).show("HEAD", path) is None


@pytest.mark.parametrize("paths", [["--output=leak"], [":(top)*"], ["*.yaml"], [":!x"]])
async def test_paths_are_taken_literally(repository: GitRepository, paths: Sequence[str]) -> None:
    git = Git(repository.root.resolve())
    difference = await git.diff(paths=paths)
    assert difference is not None
    assert not difference.text
    assert not (repository.root / "leak").exists()
