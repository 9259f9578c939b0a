"""What `repository/impact` says has changed between a revision and the work tree."""

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


def test_nothing_has_changed(impact: Ask, repository: GitRepository) -> None:
    answer = impact()
    head = repository.git("rev-parse", "HEAD")
    assert answer == {"base": head, "changed": [], "impacted": [], "stale": [], "problems": []}


@pytest.mark.parametrize(
    "text",
    [
        'status: "todo"\nid: \'T-001\'\nsteps: [one, "two"]\nrelated: {feature: FEAT-001}\ntitle: >-\n  Write:\n  it\n',
        "id: T-001\r\ntitle: 'Write: it' # new\r\nstatus: todo\r\nrelated:\r\n  feature: FEAT-001\r\nsteps:\r\n- one\r\n- two\r\n",
        "---\nid: T-001\ntitle: 'Write: it'\nstatus: todo\nrelated:\n    feature: FEAT-001\nsteps:\n  - one\n  - two\nowner:\n",
        "\ufeffid: T-001\ntitle: 'Write: it'\nstatus: todo\nrelated: &a\n  feature: FEAT-001\nsteps: [one, two]\n...\n",
    ],
    ids=["style", "CRLF", "indentation", "marks"],
)
def test_another_way_of_writing_it_is_no_change(impact: Ask, repository: GitRepository, text: str) -> None:
    repository.write(TASK, text.encode())
    assert impact()["changed"] == []


def test_one_more_criterion_is_one_change(impact: Ask, repository: GitRepository) -> None:
    repository.replace(STORY, "  - fast\n", "  - complete\n  - fast\n")
    assert fields(impact()) == {"acceptanceCriteria[0]": (None, "complete")}
    entity = impact()["changed"][0]
    assert (entity["type"], entity["file"], "previousFile" in entity) == ("userstory", STORY, False)


def test_added_removed_and_renamed(impact: Ask, repository: GitRepository) -> None:
    repository.write("contexts/tasks/T-002.yml", "id: T-002\ntitle: New\nstatus: todo\n")
    (repository.root / STORY).unlink()
    (repository.root / TASK).rename(repository.root / "contexts/tasks/T-001-else.yaml")
    answer = impact()
    assert summary(answer) == [("T-001", "renamed"), ("T-002", "added"), ("US-001", "removed")]
    renamed, added, removed = answer["changed"]
    assert (renamed["changes"], renamed["file"]) == ([], "contexts/tasks/T-001-else.yaml")
    assert renamed["previousFile"] == TASK
    assert added["changes"] == [{"path": "", "after": {"id": "T-002", "title": "New", "status": "todo"}}]
    assert removed["changes"][0]["before"]["iWant"] == "to search"
    assert (removed["file"], "after" in removed["changes"][0]) == (STORY, False)
    # A new name of a file means nothing to others.
    assert "T-001" not in {entity["via"][0] for entity in answer["impacted"]}


def test_renamed_and_changed(impact: Ask, repository: GitRepository) -> None:
    repository.git("mv", TASK, "contexts/tasks/T-001.yaml")
    repository.replace("contexts/tasks/T-001.yaml", "status: todo", "status: done")
    answer = impact()
    assert summary(answer) == [("T-001", "renamed")]
    assert fields(answer) == {"status": ("todo", "done")}
    assert answer["impacted"][0]["reason"] == "FEAT-001 has T-001, which changed (status)"


def test_another_id_in_the_same_file(impact: Ask, repository: GitRepository) -> None:
    repository.replace(TASK, "id: T-001", "id: T-009")
    assert summary(impact()) == [("T-001", "removed"), ("T-009", "added")]


def test_a_copy_with_the_same_id(impact: Ask, repository: GitRepository) -> None:
    repository.write("contexts/tasks/A-copy.yaml", FILES[TASK])
    answer = impact()
    assert summary(answer) == [("T-001", "added")]
    assert answer["changed"][0]["file"] == "contexts/tasks/A-copy.yaml"


def test_several_documents_in_a_file(impact: Ask, repository: GitRepository) -> None:
    text = "id: T-005\ntitle: Five\nstatus: todo\n---\nid: T-006\ntitle: Six\nstatus: todo\n"
    repository.write("contexts/tasks/more.yaml", text)
    repository.commit()
    repository.write("contexts/tasks/more.yaml", text.replace("Six", "6"))
    answer = impact()
    assert summary(answer) == [("T-006", "modified")]
    assert fields(answer) == {"title": ("Six", 6)}


@pytest.mark.parametrize("side", ["now", "base", "moved"])
def test_broken_yaml_on_one_side_is_no_change(impact: Ask, repository: GitRepository, side: str) -> None:
    broken = "id: T-001\ntitle: [\n"
    if side == "base":
        repository.write(TASK, broken)
        repository.commit()
        repository.write(TASK, FILES[TASK])
    else:
        if side == "moved":
            (repository.root / TASK).unlink()
        repository.write(TASK if side == "now" else "contexts/tasks/other.yaml", broken)
    answer = impact()
    assert summary(answer) == [("T-001", "unreadable")]
    assert answer["changed"][0]["changes"] == []
    assert (answer["impacted"], answer["stale"]) == ([], [])


def test_a_file_that_was_emptied_has_lost_its_entity(impact: Ask, repository: GitRepository) -> None:
    repository.write(TASK, "# nothing left\n")
    assert summary(impact()) == [("T-001", "removed")]


def test_what_is_very_long_is_cut(impact: Ask, repository: GitRepository) -> None:
    repository.replace(TASK, 'title: "Write: it"', f"title: {'x' * 30_000}")
    after = fields(impact())["title"][1]
    assert after.startswith("x" * 20_000 + "… (30,000 characters)")
    steps = "".join(f"  - step {number}\n" for number in range(3_000))
    repository.replace(TASK, "  - one\n  - two\n", steps)
    (change,) = impact()["changed"][0]["changes"]
    assert change["path"] == ""
    assert change["before"]["steps"] == ["one", "two"]
    assert change["after"].endswith(" characters)")


def test_the_same_question_has_the_same_answer(impact: Ask, repository: GitRepository) -> None:
    for number in range(2, 30):
        repository.write(
            f"contexts/tasks/T-{number:03}.yaml", f"id: T-{number:03}\ntitle: x\nrelated: {{feature: FEAT-001}}\n"
        )
    answer = impact()
    assert summary(answer) == [(f"T-{number:03}", "added") for number in range(2, 30)]
    assert [impact(), impact()] == [answer, answer]
