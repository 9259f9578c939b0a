"""`repository/validate`: governance documents, their rules, and the exceptions to them."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar
from tests.validating import told, validated, write

Json = dict[str, Any]

TASK = {"id": "T-001", "title": "A", "status": "todo"}


def constitution(rules: list[Any], **members: Any) -> Json:
    exceptions = members.pop("exceptions", [])
    return {
        "id": "CONST-A",
        "name": "A",
        "version": "1.0.0",
        "status": "ratified",
        "ratifiedOn": "2025-01-31",
        "principles": [],
        "governance": {"owners": ["@a"], "reviewCadence": "annually"},
        "compliance": {"rules": rules, "exceptions": exceptions},
        **members,
    }


def rule(*conditions: Json, targets: tuple[str, ...] = ("task",), **members: Any) -> Json:
    return {
        "id": "r1",
        "description": "A rule.",
        "targets": list(targets),
        "conditions": list(conditions),
        "severity": "high",
        **members,
    }


def exception(**members: Any) -> Json:
    return {"id": "e1", "ruleId": "r1", "scope": {"entities": ["T-001"]}, "justification": "So be it.", **members}


def governed(root: Path, document: Json, *entities: Json) -> Path:
    """A repository with a constitution and tasks, as YAML with one line for each member."""
    files = {f"tasks/{entity['id']}.yaml": lines(entity) for entity in entities}
    return write(root, {"governance/constitution.yaml": lines(document), **files})


def lines(entity: Json) -> str:
    return "".join(f"{name}: {json.dumps(value)}\n" for name, value in entity.items())


@pytest.mark.parametrize(
    ("condition", "holds", "fails"),
    [
        ({"operator": "exists"}, ["a", 0, False, []], [None]),
        ({"operator": "nonEmpty"}, ["a", 0, ["b"]], [None, "", "  ", [], {}]),
        ({"operator": "equals", "value": 1}, [1, 1.0], [True, "1", None, 2]),
        ({"operator": "equals", "value": ["a", {"b": 1}]}, [["a", {"b": 1}]], [["a"], ["a", {"b": True}]]),
        ({"operator": "notEquals", "value": "x"}, ["y", None, 1], ["x"]),
        ({"operator": "includes", "value": "a"}, [["b", "a"], "cat"], [["b"], "dog", None, 3]),
        ({"operator": "matches", "value": "^a+$"}, ["a", "aaa"], ["b", "", None, 3, ["a"]]),
        ({"operator": "greaterThan", "value": 1}, [2, 1.5, [1, 2], "ab"], [1, [1], "a", None, True, {"a": 1, "b": 2}]),
        ({"operator": "greaterThan", "value": "1"}, [2], [1]),
        ({"operator": "lessThan", "value": 3}, [2, -1, [1], "ab", []], [3, [1, 2, 3], "abc", None, False]),
    ],
)
def test_operators(sidecar: Sidecar, tmp_path: Path, condition: Json, holds: list[Any], fails: list[Any]) -> None:
    """Each on a value of its own task; a null is a value that is missing."""
    tasks = [{**TASK, "id": f"T-{place:03}", "x": value} for place, value in enumerate([*holds, *fails], start=1)]
    report = validated(sidecar, governed(tmp_path, constitution([rule({"path": "x", **condition})]), *tasks))
    assert [finding["entityId"] for finding in report["errors"]] == [task["id"] for task in tasks[len(holds) :]]
    assert {(finding["kind"], finding["line"]) for finding in report["errors"]} == {("constitution", 4)}
    assert report["stats"]["rules"] == 1


@pytest.mark.parametrize(
    ("condition", "place", "message"),
    [
        ({"path": "steps.length", "operator": "greaterThan", "value": 2}, "4:8", "is 1; expected more than 2"),
        ({"path": "steps[0]", "operator": "equals", "value": "b"}, "4:9", 'is "a"; expected "b"'),
        ({"path": "steps.0", "operator": "equals", "value": "b"}, "4:9", 'is "a"; expected "b"'),
        ({"path": "steps[1]", "operator": "exists"}, "4:8", "is missing; expected a value"),
        ({"path": "related.spec", "operator": "exists"}, "5:10", "is missing; expected a value"),
        ({"path": "title.length", "operator": "lessThan", "value": 1}, "2:8", "is 1; expected less than 1"),
        ({"path": "a.b.c", "operator": "exists"}, "1:1", "is missing; expected a value"),
    ],
)
def test_paths(sidecar: Sidecar, tmp_path: Path, condition: Json, place: str, message: str) -> None:
    """A violation stands at the value, or at what should hold it."""
    task = {**TASK, "steps": ["a"], "related": {"x": 1}}
    assert told(sidecar, governed(tmp_path, constitution([rule(condition)]), task)) == [
        f"tasks/T-001.yaml:{place} error constitution {condition['path']} {message} (rule r1)."
    ]


@pytest.mark.parametrize(
    ("severity", "expected"), [("critical", "error"), ("high", "error"), ("medium", "warning"), ("low", "info")]
)
def test_a_violation_in_the_words_of_the_rule(sidecar: Sidecar, tmp_path: Path, severity: str, expected: str) -> None:
    conditions = [
        {"path": "owner", "operator": "exists", "message": "Somebody must own it."},
        {"path": "owner", "operator": "nonEmpty", "message": "Not told: it follows from the first."},
    ]
    document = constitution([rule(*conditions, severity=severity, remediation="Name somebody.")])
    report = validated(sidecar, governed(tmp_path, document, TASK))
    (finding,) = report["errors"]
    assert (finding["severity"], finding["kind"], finding["entityId"]) == (expected, "constitution", "T-001")
    assert finding["message"] == "Somebody must own it (rule r1). Name somebody."
    assert report["ok"] == (expected != "error")


def test_targets(sidecar: Sidecar, tmp_path: Path) -> None:
    """`global` is all but governance, `layer` the layers of the document."""
    condition = {"path": "x", "operator": "exists"}
    rules = [
        rule(condition, targets=("global",), id="all"),
        rule(condition, targets=("layer",), id="layers"),
        rule(condition, targets=("spec", "feature"), id="others"),
    ]
    layers = [{"id": "main", "name": "Main", "paths": ["src/**"]}]
    report = validated(sidecar, governed(tmp_path, constitution(rules, layers=layers), TASK))
    found = [(finding["entityId"], finding["message"].partition("(")[2]) for finding in report["errors"]]
    assert found == [("CONST-A", "rule layers)."), ("T-001", "rule all).")]
    assert report["stats"]["rules"] == 3


@pytest.mark.parametrize("status", ["draft", "deprecated"])
def test_only_ratified_documents_are_enforced(sidecar: Sidecar, tmp_path: Path, status: str) -> None:
    document = constitution([rule({"path": "owner", "operator": "exists"})], status=status)
    report = validated(sidecar, governed(tmp_path, document, TASK))
    assert report["errors"] == []
    assert report["stats"]["rules"] == 0


@pytest.mark.parametrize(
    ("scope", "allowed"),
    [
        ({"entities": ["T-002"]}, ["T-002"]),
        ({"layers": ["ours"]}, ["T-001"]),
        ({"layers": ["files"]}, ["T-002"]),
        ({"layers": ["from above"]}, ["T-001", "T-002"]),
        ({"layers": ["nothing"]}, []),
        ({"entities": ["T-002"], "layers": ["ours"]}, ["T-001", "T-002"]),
    ],
)
def test_exceptions(sidecar: Sidecar, tmp_path: Path, scope: Json, allowed: list[str]) -> None:
    layers = [
        {"id": "ours", "name": "Ours", "paths": ["contexts/tasks/*-001.yaml"]},
        {"id": "files", "name": "Files", "paths": ["src/**/main.py"]},
        {"id": "from above", "name": "From above", "paths": [f"{tmp_path.name}/contexts/**"]},
        {"id": "nothing", "name": "Nothing", "paths": ["contexts/*.yaml", "(["]},
    ]
    document = constitution(
        [rule({"path": "owner", "operator": "exists"})],
        layers=layers,
        exceptions=[exception(scope=scope, expiresOn="2999-12-31")],
    )
    report = validated(
        sidecar, governed(tmp_path, document, TASK, {**TASK, "id": "T-002", "paths": ["src/a/b/main.py"]})
    )
    assert report["stats"]["exceptions"] == [
        {"exceptionId": "e1", "ruleId": "r1", "entityId": entity_id, "expiresOn": "2999-12-31"} for entity_id in allowed
    ]
    assert sorted(finding["entityId"] for finding in report["errors"]) == sorted({"T-001", "T-002"} - set(allowed))


@pytest.mark.parametrize("scope", [{}, {"entities": [], "layers": []}])
def test_an_exception_for_nothing(sidecar: Sidecar, tmp_path: Path, scope: Json) -> None:
    document = constitution([rule({"path": "owner", "operator": "exists"})], exceptions=[exception(scope=scope)])
    found = validated(sidecar, governed(tmp_path, document, TASK))["errors"]
    assert [(finding["entityId"], finding["severity"]) for finding in found] == [
        ("CONST-A", "warning"),
        ("T-001", "error"),
    ]
    assert "names no entities and no layers" in found[0]["message"]


def test_an_exception_that_has_expired(sidecar: Sidecar, tmp_path: Path) -> None:
    document = constitution(
        [rule({"path": "owner", "operator": "exists"})], exceptions=[exception(expiresOn="2020-02-29")]
    )
    report = validated(sidecar, governed(tmp_path, document, TASK))
    assert [(finding["entityId"], finding["severity"]) for finding in report["errors"]] == [
        ("CONST-A", "warning"),
        ("T-001", "error"),
    ]
    assert 'expiresOn is "2020-02-29"' in report["errors"][0]["message"]
    assert report["stats"]["exceptions"] == []


def test_a_document_that_does_not_hold_together(sidecar: Sidecar, tmp_path: Path) -> None:
    fine = rule({"path": "title", "operator": "exists"})
    principle = {"id": "p", "title": "P", "summary": "P", "appliesTo": ["task"], "nonNegotiable": True}
    document = constitution(
        [fine, fine],
        principles=[principle, principle],
        exceptions=[
            exception(ruleId="r2"),
            exception(scope={"entities": ["T-001", "T-999"], "layers": ["moon"]}),
        ],
    )
    found = [
        (finding["severity"], finding["kind"], finding["message"].partition(",")[0])
        for finding in validated(sidecar, governed(tmp_path, document, TASK))["errors"]
    ]
    assert found == [
        ("error", "duplicate", 'id is "p"'),
        ("error", "duplicate", 'id is "r1"'),
        ("error", "reference", 'ruleId is "r2"'),
        ("error", "duplicate", 'id is "e1"'),
        ("warning", "reference", 'scope.entities[1] is "T-999"'),
        ("warning", "reference", 'scope.layers[0] is "moon"'),
    ]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ({"operator": "matches", "value": "(a"}, "no regular expression"),
        ({"operator": "matches", "value": "(?=a)b"}, "look-around"),
        ({"operator": "matches", "value": 3}, "value is 3; expected a regular expression"),
        ({"operator": "greaterThan", "value": "many"}, 'value is "many"; expected a number'),
        ({"operator": "lessThan"}, "value is missing; expected what to compare with"),
        ({"operator": "equals"}, "value is missing; expected what to compare with"),
        ({"operator": "exists", "path": "a..b["}, 'path is "a..b["; expected a path such as'),
    ],
)
def test_a_condition_that_cannot_be_checked(sidecar: Sidecar, tmp_path: Path, condition: Json, message: str) -> None:
    """One finding, at the rule, however many entities there are."""
    tasks = [{**TASK, "id": f"T-{number:03}"} for number in range(1, 6)]
    document = constitution([rule({"path": "title", **condition})])
    (finding,) = validated(sidecar, governed(tmp_path, document, *tasks))["errors"]
    assert (finding["entityId"], finding["kind"], finding["line"]) == ("CONST-A", "constitution", 8)
    assert message in finding["message"]


def test_a_pattern_is_matched_in_linear_time(sidecar: Sidecar, tmp_path: Path) -> None:
    document = constitution([rule({"path": "title", "operator": "matches", "value": "^(a+)+$"})])
    root = governed(tmp_path, document, {**TASK, "title": "a" * 5000 + "!"})
    assert len(told(sidecar, root)) == 1


def test_a_document_that_does_not_fit_its_schema(sidecar: Sidecar, tmp_path: Path) -> None:
    """It is told once for each wrong place, and the rules that are rules apply."""
    good = rule({"path": "owner", "operator": "exists"})
    odd = rule({"path": "title", "operator": "resembles", "value": 1}, id="r2")
    document = constitution([good, odd, "no rule"], motto="None", ratifiedOn="2025-02-30", layers="none")
    found = [
        (finding["entityId"], finding["kind"], finding["message"])
        for finding in validated(sidecar, governed(tmp_path, document, TASK))["errors"]
    ]
    assert [(entity_id, kind) for entity_id, kind, _ in found] == [("CONST-A", "schema")] * 5 + [
        ("T-001", "constitution")
    ]
    assert [message.partition(";")[0] for _, _, message in found] == [
        'ratifiedOn is "2025-02-30"',
        'compliance.rules[1].conditions[0].operator is "resembles"',
        'compliance.rules[2] is "no rule"',
        "motto is not a key that the schema knows",
        'layers is "none"',
        "owner is missing",
    ]


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_checksum(sidecar: Sidecar, tmp_path: Path, ends: str) -> None:
    """What the shell says is right is right; anything else is told, with the right one."""
    text = lines(constitution([]))
    expected = hashlib.sha256(text.encode()).hexdigest()
    right = (text + f"checksum: {expected}\n").replace("\n", ends)
    root = write(tmp_path, {"governance/constitution.yaml": right})
    assert told(sidecar, root) == []
    if ends == "\n":
        file = root / "contexts" / "governance" / "constitution.yaml"
        kept = subprocess.run(["grep", "-v", "^checksum:", str(file)], capture_output=True, check=True).stdout
        assert hashlib.sha256(kept).hexdigest() == expected
    (line,) = told(sidecar, write(tmp_path, {"governance/constitution.yaml": right.replace("annually", "ad-hoc")}))
    assert line.startswith(f'governance/constitution.yaml:9:11 warning constitution checksum is "{expected}"')
    assert "grep -v '^checksum:' FILE | sha256sum" in line
