"""`entity/validate`: one entity, saved or not, as data or as YAML."""

from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar
from tests.validating import GOOD, write

TASK = {"id": "T-001", "title": "A", "status": "todo"}


def checked(sidecar: Sidecar, **params: Any) -> list[dict[str, Any]]:
    result = sidecar.call("entity/validate", params)
    assert result["valid"] == all(problem["severity"] != "error" for problem in result["errors"])
    problems: list[dict[str, Any]] = result["errors"]
    return problems


def test_a_good_entity(sidecar: Sidecar, tmp_path: Path) -> None:
    """Its id is taken, its links are good, and it may be checked without a repository."""
    root = str(write(tmp_path, GOOD))
    for text in GOOD.values():
        assert checked(sidecar, yaml=text, repoPath=root) == []
        assert checked(sidecar, yaml=text) == []
    assert checked(sidecar, entity=TASK, entityType="task") == []


def test_data_and_yaml_are_told_the_same(sidecar: Sidecar, tmp_path: Path) -> None:
    root = str(write(tmp_path, GOOD))
    entity = {
        "id": "T-9",
        "title": 3,
        "status": "todo",
        "steps": ["a", 2, "c"],
        "related": {"feature": "FEAT-1", "spec": "T-001", "service": "svc-a"},
    }
    text = (
        "id: T-9\ntitle: 3\nstatus: todo\nsteps:\n  - a\n  - 2\n  - c\n"
        "related:\n  feature: FEAT-1\n  spec: T-001\n  service: svc-a\n"
    )
    expected = [
        ("id", 'id is "T-9"; expected text that matches ^T-[0-9]{3,}$', 1, 5),
        ("title", "title is 3; expected text in quotes", 2, 8),
        ("steps[1]", "steps[1] is 2; expected text in quotes", 6, 5),
        ("related.feature", 'related.feature is "FEAT-1", but there is no such feature; did you mean FEAT-001?', 9, 12),
        ("related.spec", 'related.spec is "T-001", which is a task; expected a spec', 10, 9),
    ]
    as_yaml = checked(sidecar, yaml=text, repoPath=root)
    assert [tuple(problem[name] for name in ("path", "message", "line", "column")) for problem in as_yaml] == expected
    as_data = checked(sidecar, entity=entity, repoPath=root)
    assert sorted((problem["path"], problem["message"]) for problem in as_data) == sorted(
        (path, message) for path, message, _, _ in expected
    )
    assert not any("line" in problem for problem in as_data)


def test_links_are_not_checked_without_a_repository(sidecar: Sidecar) -> None:
    assert checked(sidecar, entity={**TASK, "related": {"feature": "FEAT-999"}}) == []


def test_a_link_that_only_this_side_knows_is_fine(sidecar: Sidecar, tmp_path: Path) -> None:
    """The other side may be written next."""
    entity = {**TASK, "id": "T-002", "related": {"feature": "FEAT-001"}}
    assert checked(sidecar, entity=entity, repoPath=str(write(tmp_path, GOOD))) == []


def test_a_warning_does_not_make_it_invalid(sidecar: Sidecar, tmp_path: Path) -> None:
    entity = {"id": "FEAT-001", "title": "A", "status": "done", "requires": ["svc-a", "svc-a"]}
    (problem,) = checked(sidecar, entity=entity, repoPath=str(write(tmp_path, GOOD)))
    assert (problem["path"], problem["severity"]) == ("requires[1]", "warning")


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("id: T-001\ntitle: [a\n", 3, "neither a comma"),
        ("id: T-001\n\ttitle: a\n", 2, "tab"),
        ("id: T-001\ntitle: a\ntitle: b\nstatus: todo\n", 3, 'The text has "title" twice'),
        ("id: T-001\n---\nid: T-002\n", 2, "2 documents; expected one"),
        ("", 1, "The entity is empty; expected a mapping"),
        ("- a\n", 1, "The entity is a list of 1 item; expected a mapping"),
        ("just text", 1, 'The entity is "just text"; expected a mapping'),
        ("[" * 5000, 1, "nested"),
    ],
    ids=["bracket", "tab", "twice", "two", "empty", "list", "text", "deep"],
)
def test_yaml_that_is_no_entity(sidecar: Sidecar, text: str, line: int, message: str) -> None:
    (problem,) = checked(sidecar, yaml=text, entityType="task")
    assert problem["path"] == ""
    assert problem["line"] in (line, line + 1)
    assert message in problem["message"]
    sidecar.assert_alive()


@pytest.mark.parametrize("entity", [{}, {"id": 3}, {"id": "X-1"}, {"title": "A"}])
def test_a_type_that_nothing_tells(sidecar: Sidecar, entity: dict[str, Any]) -> None:
    error = sidecar.call("entity/validate", {"entity": entity})
    assert error["data"]["kind"] == "invalidParams"
    assert error["data"]["errors"][0]["path"] == "entityType"
    assert checked(sidecar, entity=entity, entityType="task") != []


def test_the_schema_of_the_repository_counts(sidecar: Sidecar, tmp_path: Path) -> None:
    schema = {"properties": {"points": {"type": "integer"}}, "required": ["points"]}
    root = str(write(tmp_path, {}, {"task": schema}))
    (problem,) = checked(sidecar, entity=TASK, repoPath=root)
    assert (problem["path"], problem["message"]) == ("points", "points is missing; expected a whole number")
    broken = str(write(tmp_path, {}, {"task": {"properties": {"title": {"$ref": "nowhere.json"}}}}))
    (problem,) = checked(sidecar, entity=TASK, repoPath=broken)
    assert "nowhere.json" in problem["message"]


def test_odd_values(sidecar: Sidecar) -> None:
    """What JSON holds and nobody expects: it is told, and nothing breaks."""
    deep: Any = 1
    for _ in range(90):
        deep = [deep]
    long = "é" * 100_000
    for odd in (deep, long, 1e308, 2**53 - 1, {"": {"": None}}, [None] * 10_000, True):
        problems = checked(sidecar, entity={**TASK, "title": odd, "steps": odd, "related": odd, str(odd)[:9]: odd})
        assert all(len(problem["message"]) <= 500 for problem in problems)
        assert len(problems) <= 100
    sidecar.assert_alive()


def test_what_cannot_be_read_is_told_once(sidecar: Sidecar) -> None:
    text = "id: T-001\ntitle: A\nstatus: todo\nsteps: &s [*s]\n"
    (problem,) = checked(sidecar, yaml=text)
    assert (problem["line"], problem["column"]) == (4, 12)
    assert "itself part of" in problem["message"]
