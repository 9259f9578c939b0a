"""Who is impacted by a change, how far away, and why."""

from pathlib import Path

import pytest

from tests.git_repository import GitRepository
from tests.linked_repository import Ask, asking, impacted, linked_repository, stale
from tests.sidecar import Sidecar


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return linked_repository(tmp_path / "repository")


@pytest.fixture
def impact(sidecar: Sidecar, repository: GitRepository) -> Ask:
    return asking(sidecar, repository)


def test_distances_ways_and_reasons(impact: Ask) -> None:
    answer = impact(("specs/SPEC-001", "old text", "new text"), depth=2)
    assert {"path": "content", "before": "old text\n", "after": "new text\n"} in answer["changed"][0]["changes"]
    told = {entity["id"]: (entity["distance"], entity["via"], entity["reason"]) for entity in answer["impacted"]}
    assert told == {
        "FEAT-001": (1, ["SPEC-001"], "FEAT-001 has SPEC-001, which changed (content)"),
        "T-001": (1, ["SPEC-001"], "T-001 implements SPEC-001, which changed (content)"),
        "T-002": (2, ["SPEC-001", "FEAT-001"], "T-002 belongs to FEAT-001, which is impacted by SPEC-001"),
        "US-001": (2, ["SPEC-001", "FEAT-001"], "US-001 belongs to FEAT-001, which is impacted by SPEC-001"),
        "pkg-search": (
            2,
            ["SPEC-001", "FEAT-001"],
            "pkg-search is produced by FEAT-001, which is impacted by SPEC-001",
        ),
        "svc-index": (2, ["SPEC-001", "FEAT-001"], "svc-index is required by FEAT-001, which is impacted by SPEC-001"),
    }
    assert impact(depth=2) == answer
    assert set(impacted(impact(depth=1))) == {"FEAT-001", "T-001"}
    assert impacted(impact(depth=3))["svc-web"] == 3
    assert impacted(impact(depth=100)).keys() >= {"FEAT-002", "svc-other", "US-002"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("services/svc-auth", "name: Auth", "name: Who"), {"svc-web"}),
        (("services/svc-web", "name: Web", "name: Site"), {"T-002", "US-002"}),
        (("services/svc-index", "1.0.0", "2.0.0"), {"FEAT-001", "pkg-search", "svc-web"}),
        (("packages/pkg-search", "left", "right"), {"FEAT-001", "svc-web"}),
        (("tasks/T-001", "Do", "Done"), {"FEAT-001"}),
        (("tasks/T-002", "Do", "Done"), {"FEAT-001", "svc-web"}),
        (("userstories/US-002", "iWant: b", "iWant: c"), {"FEAT-002", "svc-web"}),
        (("features/FEAT-002", "Other", "Another"), {"US-002", "svc-other"}),
        (("governance/RULES", "name: Rules", "name: Laws"), set()),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_link_impacts_as_it_is_meant(impact: Ask, change: tuple[str, str, str], expected: set[str]) -> None:
    assert set(impacted(impact(change, depth=1))) == expected


def test_a_link_that_was_removed_impacts_too(impact: Ask) -> None:
    answer = impact(("features/FEAT-002", "[svc-other]", "[svc-auth]"), depth=1)
    assert set(impacted(answer)) == {"US-002", "svc-auth", "svc-other"}
    assert [change["path"] for change in answer["changed"][0]["changes"]] == ["requires[0]", "requires[0]"]


def test_what_was_removed_impacts_others_and_is_not_impacted(impact: Ask, repository: GitRepository) -> None:
    (repository.root / "contexts/specs/SPEC-001.yaml").unlink()
    answer = impact(depth=2)
    assert answer["impacted"][0]["reason"] == "FEAT-001 has SPEC-001, which was removed"
    assert "SPEC-001" not in impacted(answer)
    assert stale(answer) == {"spec-content": ["T-001"]}


def test_the_shortest_way_of_several(impact: Ask) -> None:
    answer = impact(("tasks/T-002", "Do", "Done"), ("services/svc-auth", "Auth", "Who"), ("tasks/T-001", "Do", "Done"))
    web = next(entity for entity in answer["impacted"] if entity["id"] == "svc-web")
    assert (web["distance"], web["via"]) == (1, ["T-002"])
    assert web["reason"] == "svc-web is modified by T-002, which changed (title)"
    assert [entity["id"] for entity in answer["changed"]] == ["T-001", "T-002", "svc-auth"]
    assert not {"T-001", "T-002", "svc-auth"} & set(impacted(answer))


def test_links_in_a_circle_end(impact: Ask, repository: GitRepository) -> None:
    for number in range(3):
        name = f"svc-c{number}"
        text = f"id: {name}\nname: C\ntype: backend\ndependencies: [svc-c{(number + 1) % 3}, {name}]\n"
        repository.write(f"contexts/services/{name}.yaml", text)
    repository.commit()
    answer = impact(("services/svc-c0", "name: C", "name: D"), depth=100)
    assert impacted(answer) == {"svc-c2": 1, "svc-c1": 2}
