"""Rules that make no sense: which, where and why, and what goes on working."""

from pathlib import Path

import pytest

from tests.git_repository import GitRepository
from tests.linked_repository import RULES, Ask, asking, linked_repository, rule, stale
from tests.sidecar import Sidecar

CONTENT = ("specs/SPEC-001", "old", "new")


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return linked_repository(tmp_path / "repository")


@pytest.fixture
def impact(sidecar: Sidecar, repository: GitRepository) -> Ask:
    return asking(sidecar, repository)


@pytest.mark.parametrize(
    ("rules", "line", "told"),
    [
        ("rules:\n  - a: [\n", 3, "where a value is expected"),
        ("rules:\n  x: 1\n", 1, "holds no list `rules`"),
        ("", 1, "holds no list `rules`"),
        ("- id: a\n", 1, "holds no list `rules`"),
        (b"rules: \xff\n", 1, "holds no list `rules`"),
        (b"rules: [" + b"x" * 1_100_000, 1, "1,000,000 are read"),
    ],
    ids=["YAML", "mapping", "empty", "list", "bytes", "size"],
)
def test_a_file_without_rules(impact: Ask, repository: GitRepository, rules: str | bytes, line: int, told: str) -> None:
    repository.write(RULES, rules if isinstance(rules, bytes) else rules.encode())
    answer = impact(CONTENT)
    (problem,) = answer["problems"]
    assert (problem["file"], problem["line"], problem["severity"]) == (RULES, line, "error")
    assert told in problem["message"]
    assert stale(answer) == {"spec-content": ["T-001"]}


@pytest.mark.parametrize(
    ("wrong", "position", "told"),
    [
        ("- 5", (2, 5), '`rules[0]` is "5"; expected a mapping with id, description, severity, when, then'),
        ("- when: {entity: spec}", (2, 5), "the rule has no text as its `id`"),
        ("- id: 5\n    when: {entity: spec}", (2, 5), "the rule has no text as its `id`"),
        ("- id: a", (2, 5), "`when` is missing; expected a mapping with entity, fieldChanged, newValue"),
        ("- {id: a, when: {entity: spec}}", (2, 5), "`then` is missing; expected a mapping with markRelated"),
        ("- {id: a, when: [spec], then: {markRelated: {}}}", (2, 19), "`when` is a list"),
        ("- {id: a, when: {}, then: {markRelated: {}}}", (2, 19), "`entity` is missing; expected a name"),
        ("- {id: a, when: {entity: specs}, then: {markRelated: {}}}", (2, 28), 'names the type "specs"; expected one of'),
        ("- {id: a, when: {entity: []}, then: {markRelated: {}}}", (2, 28), "names no type"),
        ("- {id: a, when: {entity: spec, fieldchanged: x}, then: {markRelated: {}}}", (2, 34), "`fieldchanged`"),
        ("- {id: a, when: {entity: spec, fieldChanged: [5]}, then: {markRelated: {}}}", (2, 48), 'holds "5"'),
        ("- {id: a, when: {entity: spec, fieldChanged: {a: b}}, then: {markRelated: {}}}", (2, 48), "is a mapping"),
        ("- {id: a, when: {entity: spec, fieldChanged: 'a..b['}, then: {markRelated: {}}}", (2, 48), 'is "a..b["; expected'),
        ("- {id: a, when: {entity: spec, fieldChanged: 'steps[*]'}, then: {markRelated: {}}}", (2, 48), 'is "steps[*]"'),
        ("- {id: a, when: {entity: spec, newValue: []}, then: {markRelated: {}}}", (2, 44), "is an empty list"),
        ("- {id: a, when: {entity: governance}, then: {markRelated: {}}}", (2, 61), "no governance is ever linked"),
        ("- {id: a, when: {entity: service}, then: {markRelated: {types: task, rel: implements}}}", (2, 58), "by `implements`"),
        ("- {id: a, when: {entity: task}, then: {markRelated: {rel: has-story}}}", (2, 55), "is ever linked by `has-story`"),
        ("- {id: a, when: {entity: spec}, then: {markRelated: {rel: tasks}}}", (2, 55), "is ever linked by `tasks`"),
        ("- {id: a, when: {entity: spec}, then: {mark: {}}}", (2, 41), "`markRelated` is missing"),
        ("- {id: a, when: {entity: spec}, then: {markRelated: {types: task, relation: x}}}", (2, 69), "`relation`"),
        ("- {id: a, when: {entity: spec}, then: {markRelated: {rel: implement}}}", (2, 61), '"implement"; expected one of'),
        ("- {id: a, when: {entity: spec}, then: {markRelated: {status: [x]}}}", (2, 64), "`status` is a list; expected text"),
        ("- {id: a, severity: fatal, when: {entity: spec}, then: {markRelated: {}}}", (2, 23), 'severity is "fatal"; expected'),
        ("- {id: good, when: {entity: spec}, then: {markRelated: {}}}", None, 'the id "good" is that of an earlier rule'),
    ],
)  # fmt: skip
def test_a_rule_that_makes_no_sense_is_left_out(
    impact: Ask, repository: GitRepository, wrong: str, position: tuple[int, int] | None, told: str
) -> None:
    good = "  - id: good\n    when: {entity: spec, fieldChanged: content}\n    then: {markRelated: {types: [task]}}\n"
    repository.write(RULES, f"rules:\n  {wrong}\n{good}".encode())
    answer = impact(CONTENT)
    problem = answer["problems"][-1]
    assert told in problem["message"]
    assert problem["message"].endswith("; the rule is not applied")
    assert (problem["kind"], problem["severity"], problem["file"]) == ("schema", "error", RULES)
    if position is not None:
        assert (problem["line"], problem["column"]) == position
        assert stale(answer) == {"good": ["T-001"]}


def test_what_does_no_harm_is_a_warning(impact: Ask, repository: GitRepository) -> None:
    own = rule("entity: spec, fieldChanged: [contents, content, myField]", "types: [task]", "    owner: me\n")
    repository.write(RULES, own.replace("    then:\n", "    then:\n      notify: x\n"))
    answer = impact(CONTENT)
    assert stale(answer) == {"own": ["T-001"]}
    assert [(problem["line"], problem["severity"], problem["message"][:40]) for problem in answer["problems"]] == [
        (7, "warning", "has the key `owner`, which means nothing"),
        (5, "warning", "has the key `notify`, which means nothin"),
        (3, "warning", 'the field "contents" is in no schema; is'),
    ]


def test_a_key_that_stands_twice_is_told(impact: Ask, repository: GitRepository) -> None:
    repository.write(RULES, rule("entity: task", "types: [task]", "    when: {entity: spec}\n"))
    answer = impact(CONTENT)
    assert [problem["kind"] for problem in answer["problems"]] == ["yaml"]
    assert stale(answer) == {"own": ["T-001"]}


def test_rules_behind_a_link_out_of_the_repository_are_not_read(
    impact: Ask, repository: GitRepository, tmp_path: Path
) -> None:
    (tmp_path / "outside").write_text(rule("entity: spec", "types: [task]"))
    (repository.root / ".context/rules").mkdir(parents=True)
    (repository.root / RULES).symlink_to(tmp_path / "outside")
    answer = impact(CONTENT)
    assert [problem["severity"] for problem in answer["problems"]] == ["error"]
    assert stale(answer) == {"spec-content": ["T-001"]}
