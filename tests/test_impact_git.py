"""What `repository/impact` compares with, in every state that Git can be in, and without it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.git_repository import GitRepository
from tests.sidecar import Sidecar
from tests.small_repository import FILES, STORY, TASK, Ask, asking, fields, fill, summary


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return fill(GitRepository.create(tmp_path / "repository"))


@pytest.fixture
def impact(sidecar: Sidecar, repository: GitRepository) -> Iterator[Ask]:
    yield asking(sidecar, repository)
    assert str(repository.root.parent) not in b"".join(sidecar.raw).decode()
    assert "Traceback" not in "".join(sidecar.log)


def test_other_revisions(impact: Ask, repository: GitRepository) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.git("tag", "v1")
    repository.replace(TASK, "status: todo", "status: doing")
    repository.commit()
    repository.replace(TASK, "status: doing", "status: done")
    assert fields(impact()) == {"status": ("doing", "done")}
    for base in ("v1", "HEAD~1", first[:10], "main^"):
        answer = impact(base=base)
        assert answer["base"] == first
        assert fields(answer) == {"status": ("todo", "done")}


@pytest.mark.parametrize("base", ["v9", "--help", "-", "HEAD:contexts", "HEAD\n", "main..HEAD", "0" * 40])
def test_a_revision_that_there_is_not(impact: Ask, base: str) -> None:
    answer = impact(base=base)
    assert answer["data"]["kind"] == "invalidParams"
    assert answer["data"]["errors"][0]["path"] == "base"


def test_before_the_first_commit_everything_is_new(impact: Ask, tmp_path: Path) -> None:
    new = GitRepository.create(tmp_path / "new")
    new.write(TASK, FILES[TASK])
    answer = impact(new.root)
    assert "base" not in answer
    assert summary(answer) == [("T-001", "added")]
    assert impact(new.root, base="main")["data"]["kind"] == "invalidParams"


def test_a_shallow_clone_says_what_is_missing(impact: Ask, repository: GitRepository, tmp_path: Path) -> None:
    first = repository.git("rev-parse", "HEAD")
    repository.commit("Second")
    clone = GitRepository(tmp_path / "clone")
    clone.git("clone", "--quiet", "--depth=1", repository.root.as_uri(), ".")
    assert impact(clone.root)["changed"] == []
    assert "--unshallow" in impact(clone.root, base=first)["message"]


def test_a_folder_of_a_bigger_repository(impact: Ask, tmp_path: Path) -> None:
    whole = GitRepository.create(tmp_path / "whole")
    part = fill(GitRepository(whole.root / "context-repo"))
    whole.write("contexts/tasks/T-077.yaml", "id: T-077\ntitle: Not ours\nstatus: todo\n")
    part.replace(TASK, "status: todo", "status: done")
    answer = impact(part.root)
    assert summary(answer) == [("T-001", "modified")]
    assert answer["changed"][0]["file"] == TASK


def test_a_linked_worktree(impact: Ask, repository: GitRepository, tmp_path: Path) -> None:
    repository.git("worktree", "add", "--quiet", str(tmp_path / "side"))
    GitRepository(tmp_path / "side").replace(TASK, "status: todo", "status: done")
    assert impact()["changed"] == []
    assert summary(impact(tmp_path / "side")) == [("T-001", "modified")]


def test_sha256(impact: Ask, tmp_path: Path) -> None:
    other = fill(GitRepository.create(tmp_path / "other", "--object-format=sha256"))
    assert impact(other.root)["changed"] == []
    other.replace(TASK, "status: todo", "status: done")
    assert fields(impact(other.root)) == {"status": ("todo", "done")}


def test_other_line_ends_on_disk_than_in_git(impact: Ask, repository: GitRepository) -> None:
    repository.git("config", "core.autocrlf", "true")
    for path in (repository.root / "contexts").rglob("*.yaml"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    repository.replace(TASK, "status: todo", "status: done")
    assert fields(impact()) == {"status": ("todo", "done")}


def test_a_filter_of_the_repository_is_not_asked(impact: Ask, repository: GitRepository, tmp_path: Path) -> None:
    repository.write(".gitattributes", "* filter=evil diff=evil\n")
    mark = tmp_path / "it-ran"
    for key in ("filter.evil.clean", "filter.evil.smudge", "diff.evil.textconv", "core.fsmonitor"):
        repository.git("config", key, f"touch '{mark}'; cat")
    repository.replace(TASK, "status: todo", "status: done")
    assert summary(impact()) == [("T-001", "modified")]
    assert not mark.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_stands_for_its_file(impact: Ask, repository: GitRepository) -> None:
    repository.write("shared/T-050.yaml", "id: T-050\ntitle: Shared\nstatus: todo\n")
    (repository.root / "contexts/tasks/T-050.yaml").symlink_to("../../shared/T-050.yaml")
    repository.commit()
    assert impact()["changed"] == []
    repository.replace("shared/T-050.yaml", "status: todo", "status: done")
    assert summary(impact()) == [("T-050", "modified")]


def test_a_revision_without_any_entities(impact: Ask, repository: GitRepository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "empty")
    repository.git("rm", "--quiet", "-r", "--cached", ".")
    repository.git("commit", "--quiet", "--allow-empty", "-m", "Empty")
    assert {status for _, status in summary(impact())} == {"added"}
    answer = impact(base="main")
    assert answer["changed"] == []


def test_entities_that_are_taken_as_changed(impact: Ask, repository: GitRepository) -> None:
    repository.replace(STORY, "- fast", "- faster")
    repository.replace(TASK, "status: todo", "status: done")
    answer = impact(entityIds=["US-001", "US-001"])
    assert summary(answer) == [("US-001", "given")]
    assert fields(answer) == {"acceptanceCriteria[0]": ("fast", "faster")}
    assert summary(impact(entityIds=["FEAT-001"])) == [("FEAT-001", "given")]
    assert impact(entityIds=["FEAT-001"])["changed"][0]["changes"] == []
    assert impact(entityIds=[])["changed"] == []


def test_an_entity_that_was_removed_can_be_named_too(impact: Ask, repository: GitRepository) -> None:
    (repository.root / TASK).unlink()
    answer = impact(entityIds=["T-001"])
    assert summary(answer) == [("T-001", "given")]
    assert [entity["id"] for entity in answer["impacted"]] == ["FEAT-001", "US-001"]


def test_a_broken_entity_can_be_named_too(impact: Ask, repository: GitRepository) -> None:
    repository.write(TASK, "id: T-001\ntitle: [\n")
    assert summary(impact(entityIds=["T-001"])) == [("T-001", "given")]


def test_an_entity_that_never_was(impact: Ask) -> None:
    answer = impact(entityIds=["T-001", "T-404"])
    assert answer["data"]["kind"] == "entityNotFound"
    assert "T-404" in answer["message"]


def test_a_directory_without_git(impact: Ask, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    for path, text in FILES.items():
        GitRepository(plain).write(path, text)
    answer = impact(plain)
    assert answer["data"]["kind"] == "toolFailed"
    assert "git init" in answer["data"]["userMessage"]
    assert "entityIds" in answer["message"]
    answer = impact(plain, entityIds=["US-001"])
    assert summary(answer) == [("US-001", "given")]
    assert "base" not in answer
    assert [entity["id"] for entity in answer["impacted"]] == ["FEAT-001", "T-001"]


@pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="only root can give files away")
def test_a_repository_of_somebody_else(impact: Ask, repository: GitRepository) -> None:
    for path in (repository.root, *repository.root.rglob("*")):
        os.chown(path, 12345, 12345)
    answer = impact()
    assert answer["data"]["kind"] == "toolFailed"
    assert "safe.directory" in answer["data"]["userMessage"]
    assert summary(impact(entityIds=["US-001"])) == [("US-001", "given")]
