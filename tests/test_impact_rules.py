"""What the rules of a repository, or the built-in ones, want looked at again."""

from pathlib import Path

import pytest

from tests.git_repository import GitRepository
from tests.linked_repository import RULES, Ask, asking, linked_repository, rule, stale
from tests.sidecar import Sidecar

TITLE = ("tasks/T-001", "title: Do", "title: Done")
STEPS = ("tasks/T-001", "[one]", "[one, two]")
CONTENT = ("specs/SPEC-001", "old", "new")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return linked_repository(tmp_path / "repository")


@pytest.fixture
def impact(sidecar: Sidecar, repository: GitRepository) -> Ask:
    return asking(sidecar, repository)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            ("userstories/US-001", "[fast, right]", "[fast, quiet, right]"),
            {"story-criteria": ["SPEC-001", "T-001", "T-002"]},
        ),
        (("userstories/US-001", "soThat: c", "soThat: d"), {}),
        (
            ("features/FEAT-001", "[be brief]", "[be long]"),
            {"feature-scope": ["SPEC-001", "T-001", "T-002", "US-001", "pkg-search", "svc-index"]},
        ),
        (("features/FEAT-001", "specs: [SPEC-001]", "specs: []"), {}),
        (("services/svc-index", "1.0.0", "2.0.0"), {"service-api": ["pkg-search", "svc-web"]}),
        (("services/svc-auth", "api: {version: 1.0.0}", "port: 80"), {"service-api": ["svc-web"]}),
        (("services/svc-index", "name: Index", "name: X"), {}),
        (("specs/SPEC-001", "old", "new"), {"spec-content": ["T-001"]}),
        (("specs/SPEC-001", "How", "Why"), {}),
        (("tasks/T-001", "todo", "blocked"), {"task-blocked": ["FEAT-001"]}),
        (("tasks/T-001", "todo", "done"), {}),
        (("packages/pkg-search", "[left]", "[left, pad]"), {"package-dependencies": ["svc-web"]}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_built_in_rules(impact: Ask, change: tuple[str, str, str], expected: dict[str, list[str]]) -> None:
    answer = impact(change)
    assert stale(answer) == expected
    assert answer["problems"] == []


def test_what_a_stale_entity_says(impact: Ask) -> None:
    answer = impact(("tasks/T-001", "todo", "blocked"), ("tasks/T-002", "todo", "blocked"))
    assert answer["stale"] == [
        {
            "id": "FEAT-001",
            "ruleId": "task-blocked",
            "severity": "error",
            "status": "needs-review",
            "reason": "A task is blocked (T-001: status; T-002: status)",
        }
    ]


def test_what_is_taken_as_changed_counts_as_a_whole(impact: Ask) -> None:
    assert stale(impact(entityIds=["svc-auth"])) == {"service-api": ["svc-web"]}
    assert stale(impact(entityIds=["T-001"])) == {}
    answer = impact(("services/svc-auth", "name: Auth", "name: Who"), entityIds=["svc-auth"])
    assert stale(answer) == {}


# The repository's own rules


@pytest.mark.parametrize(
    ("rules", "change", "expected"),
    [
        (rule("entity: task"), TITLE, ["FEAT-001"]),
        (rule("entity: spec"), TITLE, []),
        (rule("entity: [spec, task]"), TITLE, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: title"), TITLE, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: [status, title]"), TITLE, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: status"), TITLE, []),
        (rule("entity: task, fieldChanged: steps"), STEPS, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: 'steps[1]'"), STEPS, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: steps.1"), STEPS, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: 'steps[0]'"), STEPS, []),
        (rule("entity: task, fieldChanged: steps, newValue: two"), STEPS, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: steps, newValue: one"), STEPS, []),
        (rule("entity: task, fieldChanged: steps, newValue: [one, two]"), STEPS, ["FEAT-001"]),
        (rule("entity: task, newValue: two"), STEPS, ["FEAT-001"]),
        (rule("entity: task, newValue: three"), STEPS, []),
        (rule("entity: task, fieldChanged: title, newValue: Done"), TITLE, ["FEAT-001"]),
        (rule("entity: task, fieldChanged: title, newValue: Do"), TITLE, []),
        (rule("entity: service, fieldChanged: api"), ("services/svc-index", "1.0.0", "2"), ["FEAT-001"]),
        (
            rule("entity: service, fieldChanged: api.version, newValue: 2"),
            ("services/svc-index", "1.0.0", "2"),
            ["FEAT-001"],
        ),
        (rule("entity: service, fieldChanged: api.spec"), ("services/svc-index", "1.0.0", "2"), []),
        (
            rule("entity: service, fieldChanged: api.version"),
            ("services/svc-index", "api: {version: 1.0.0,", "{"),
            None,
        ),
        (rule("entity: task", "types: [spec]"), TITLE, ["SPEC-001"]),
        (rule("entity: task", "types: [service, spec, feature]"), TITLE, ["FEAT-001", "SPEC-001"]),
        (rule("entity: task", "status: s"), TITLE, ["FEAT-001", "SPEC-001", "T-002", "US-001", "pkg-search"]),
        (rule("entity: task", "types: [userstory]"), TITLE, ["US-001"]),
        (rule("entity: task", "rel: implements"), TITLE, ["SPEC-001"]),
        (rule("entity: task", "rel: related.spec"), TITLE, ["SPEC-001"]),
        (rule("entity: task", "rel: belongs-to"), TITLE, ["FEAT-001"]),
        (rule("entity: task", "rel: has-task"), TITLE, ["FEAT-001"]),
        (rule("entity: spec", "rel: implements"), CONTENT, ["T-001"]),
        (rule("entity: spec", "rel: related.spec"), CONTENT, ["T-001"]),
        (rule("entity: spec", "rel: specs"), CONTENT, ["FEAT-001"]),
        (rule("entity: feature", "rel: tasks"), ("features/FEAT-001", "Search", "Find"), ["T-001", "T-002"]),
        (rule("entity: feature", "rel: requires"), ("features/FEAT-001", "Search", "Find"), ["svc-index"]),
        (rule("entity: service", "rel: uses"), ("services/svc-index", "1.0.0", "2"), ["pkg-search", "svc-web"]),
        (rule("entity: service", "rel: uses.services"), ("services/svc-index", "1.0.0", "2"), ["pkg-search"]),
        (
            rule("entity: service", "rel: consumers, types: [package]"),
            ("services/svc-index", "1.0.0", "2"),
            ["pkg-search"],
        ),
        (rule("entity: service", "rel: consumers"), ("services/svc-web", "Web", "W"), []),
        (rule("entity: service", "rel: dependencies"), ("services/svc-web", "Web", "W"), ["pkg-search", "svc-auth"]),
        (rule("entity: service", "rel: depends-on"), ("services/svc-auth", "Auth", "W"), ["svc-web"]),
        (rule("entity: package", "rel: dependencies"), ("packages/pkg-search", "left", "right"), ["svc-web"]),
        ("rules: []\n", CONTENT, []),
    ],
)
def test_own_rules(
    impact: Ask, repository: GitRepository, rules: str, change: tuple[str, str, str], expected: list[str] | None
) -> None:
    repository.write(RULES, rules)
    if expected is None:  # the field goes with all that it is in
        change, expected = (change[0], "api: {version: 1.0.0, spec: a.yaml}", "port: 1"), ["FEAT-001"]
    answer = impact(change)
    assert [entity["id"] for entity in answer["stale"]] == expected
    assert answer["problems"] == []


@pytest.mark.parametrize(
    ("field", "is_meant"),
    [
        ("layers", True),
        ("layers[1]", True),
        ("layers[0]", False),
        ("layers.name", True),
        ("layers[1].name", True),
        ("layers[0].name", False),
        ("layers.paths", False),
        ("layers.name.x", False),
        ("name", False),
    ],
)
def test_fields_in_lists_of_mappings(impact: Ask, repository: GitRepository, field: str, is_meant: bool) -> None:
    repository.write(RULES, rule(f"entity: task, fieldChanged: '{field}'"))
    task = "id: T-009\ntitle: T\nstatus: todo\nrelated: {feature: FEAT-001}\nlayers:\n"
    layers = "  - {id: one, name: One, paths: [a]}\n  - {id: two, name: Two}\n"
    repository.write("contexts/tasks/T-009.yaml", f"{task}{layers}")
    repository.commit()
    assert bool(impact(("tasks/T-009", "name: Two", "name: 2"))["stale"]) == is_meant


def test_added_and_removed_entities_count_as_a_whole(impact: Ask, repository: GitRepository) -> None:
    repository.write(RULES, rule("entity: task, fieldChanged: steps"))
    repository.write("contexts/tasks/T-003.yaml", "id: T-003\ntitle: x\nstatus: todo\nrelated: {feature: FEAT-002}\n")
    assert impact()["stale"] == []
    repository.write(
        "contexts/tasks/T-003.yaml", "id: T-003\ntitle: x\nstatus: todo\nsteps: [a]\nrelated: {feature: FEAT-002}\n"
    )
    assert impact()["stale"][0]["reason"] == "r (T-003: steps)"
    (repository.root / "contexts/tasks/T-001.yaml").unlink()
    assert [entity["id"] for entity in impact()["stale"]] == ["FEAT-001", "FEAT-002"]


def test_severity_status_and_reason(impact: Ask, repository: GitRepository) -> None:
    repository.write(
        RULES, rule("entity: task", "types: [spec]", "    severity: info\n    description: As described.\n")
    )
    assert impact(TITLE)["stale"] == [
        {"id": "SPEC-001", "ruleId": "own", "severity": "info", "reason": "As described (T-001: title)"}
    ]


@pytest.mark.parametrize(
    ("when", "changes", "is_meant"),
    [
        ("entity: task, fieldChanged: status, newValue: [done, blocked]", [("tasks/T-001", "todo", "blocked")], True),
        ("entity: task, fieldChanged: status, newValue: [done, blocked]", [("tasks/T-001", "todo", "doing")], False),
        ("entity: task, newValue: [done, blocked]", [("tasks/T-001", "todo", "done")], True),
        ("entity: task, fieldChanged: steps, newValue: [two, three]", [STEPS], True),
        ("entity: task, fieldChanged: steps, newValue: [one, three]", [STEPS], False),
        ("entity: task, fieldChanged: '*'", [TITLE], True),
        ("entity: task, fieldChanged: '*', newValue: Done", [TITLE], True),
        ("entity: task, fieldChanged: '*', newValue: Other", [TITLE], False),
    ],
)
def test_any_of_several_values_and_any_field(
    impact: Ask, repository: GitRepository, when: str, changes: list[tuple[str, str, str]], is_meant: bool
) -> None:
    repository.write(RULES, rule(when))
    answer = impact(*changes)
    assert (bool(answer["stale"]), answer["problems"]) == (is_meant, [])
