"""`repository/validate`: files, ids and links."""

import json
import re
from pathlib import Path

import pytest

from tests.sidecar import Sidecar
from tests.validating import GOOD, told, validated, write

FEATURE = "id: {id}\ntitle: A\nstatus: done\n"
SERVICE = "id: {id}\nname: A\ntype: backend\n"


def test_a_good_repository(sidecar: Sidecar, tmp_path: Path) -> None:
    report = validated(sidecar, write(tmp_path, GOOD))
    assert report["errors"] == []
    stats = report["stats"]
    assert stats.pop("durationMs") > 0
    assert stats == {
        "files": 6,
        "entities": 6,
        "byType": {
            "feature": 1,
            "userstory": 1,
            "spec": 1,
            "task": 1,
            "service": 1,
            "package": 1,
            "governance": 0,
        },
        "rules": 0,
        "errors": 0,
        "warnings": 0,
        "exceptions": [],
    }


def test_an_empty_repository(sidecar: Sidecar, tmp_path: Path) -> None:
    assert told(sidecar, tmp_path) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("id: SPEC-009\ntitle: [a, b\nstatus: todo\n", 3),
        ("id: SPEC-009\n\ttitle: a\n", 2),
        ("id: SPEC-009\ntitle: a: b\n", 2),
        ('id: "SPEC-009\n', 1),
        (b"id: SPEC-009\ntitle: \xff\n", 2),
    ],
    ids=["bracket", "tab", "colon", "quote", "utf-8"],
)
def test_a_file_that_cannot_be_read(sidecar: Sidecar, tmp_path: Path, text: str | bytes, line: int) -> None:
    """One finding, with its line, and none for the links to what is in it."""
    linking = "id: T-001\ntitle: A\nstatus: todo\nrelated:\n  feature: FEAT-001\n  spec: SPEC-009\n"
    root = write(tmp_path, {**GOOD, "specs/SPEC-009-broken.yaml": text, "tasks/T-001-a.yaml": linking})
    (finding,) = validated(sidecar, root)["errors"]
    assert (finding["kind"], finding["severity"], finding["line"]) == ("yaml", "error", line)
    assert finding.get("entityId") == ("SPEC-009" if isinstance(text, bytes) else None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "1:1 warning yaml The file holds nothing"),
        ("# later\n", "1:1 warning yaml The file holds nothing"),
        ("- id: T-009\n", "1:1 error yaml The file holds a list, not an entity"),
        (
            "id: T-009\ntitle: a\ntitle: b\nstatus: todo\n",
            '3:1 error yaml The file has "title" twice; the last one counts',
        ),
    ],
    ids=["empty", "comment", "list", "twice"],
)
def test_a_file_with_something_else_in_it(sidecar: Sidecar, tmp_path: Path, text: str, message: str) -> None:
    assert told(sidecar, write(tmp_path, {"tasks/T-009-a.yaml": text})) == [f"tasks/T-009-a.yaml:{message}"]


def test_ids_that_stand_in_several_places(sidecar: Sidecar, tmp_path: Path) -> None:
    files = {"features/FEAT-007.yaml": FEATURE.format(id="FEAT-007")} | {
        f"features/{name}.yaml": FEATURE.format(id="FEAT-007") for name in ("copy", "other", "third")
    }
    two = "---\n" + FEATURE.format(id="FEAT-008") + "---\n" + FEATURE.format(id="FEAT-008")
    said = told(sidecar, write(tmp_path, {**files, "features/two.yaml": two}))
    assert said[0] == (
        'features/FEAT-007.yaml:1:5 error duplicate id is "FEAT-007", which is also that of the entity in '
        "contexts/features/copy.yaml and contexts/features/other.yaml and contexts/features/third.yaml; "
        "expected each id once"
    )
    assert [line.partition(" ")[0] for line in said[1:4]] == [
        "features/copy.yaml:1:5",
        "features/other.yaml:1:5",
        "features/third.yaml:1:5",
    ]
    assert "features/two.yaml:2:5 error" in said[4]
    assert "this file, line 6;" in said[4]
    assert "features/two.yaml:6:5 error" in said[5]
    assert "this file, line 2;" in said[5]
    assert len(said) == 6


@pytest.mark.parametrize(
    ("path", "entity", "message"),
    [
        ("features/FEAT-002-a.yaml", FEATURE.format(id="FEAT-003"), "FEAT-002"),
        ("services/svc-b.yaml", SERVICE.format(id="svc-c"), "svc-b"),
        ("features/feat-003-a.yaml", FEATURE.format(id="FEAT-003"), None),
        ("features/notes-on-FEAT-002.yaml", FEATURE.format(id="FEAT-003"), None),
        ("features/FEAT-0021.yaml", FEATURE.format(id="FEAT-0021"), None),
        ("services/mail.yaml", SERVICE.format(id="svc-c"), None),
    ],
    ids=["number", "name", "case", "elsewhere", "digits", "custom"],
)
def test_names_of_files(sidecar: Sidecar, tmp_path: Path, path: str, entity: str, message: str | None) -> None:
    said = told(sidecar, write(tmp_path, {path: entity}))
    if message is None:
        assert said == []
    else:
        (line,) = said
        assert line.startswith(f"{path}:1:5 warning schema id is ")
        assert line.endswith(f"but the file is named for {message}; expected the same")


@pytest.mark.parametrize(
    ("links", "message"),
    [
        ("userStories: [US-1]", '4:15 error reference userStories[0] is "US-1", but there is no such user story; did you mean US-001?'),
        ("userStories:\n  - us_001", '5:5 error reference userStories[0] is "us_001", but there is no such user story; did you mean US-001?'),
        ("userStories: [US-999]", '4:15 error reference userStories[0] is "US-999", but there is no such user story'),
        ("requires: [svc-aa]", '4:12 error reference requires[0] is "svc-aa", but there is no such service or package; did you mean svc-a?'),
        ("requires: [T-001]", '4:12 error reference requires[0] is "T-001", which is a task; expected a service or package'),
        ("requires: [svc-a, pkg-a, svc-a]", '4:26 warning reference requires[2] is "svc-a", which requires[0] is too; expected each id once'),
        ("userStories: [US-001]", '4:15 warning reference userStories[0] is "US-001"; expected feature of US-001 to be "FEAT-002", but it is "FEAT-001"'),
        ("specs: [SPEC-001]", '4:9 warning reference specs[0] is "SPEC-001"; expected related.features of SPEC-001 to name "FEAT-002" in turn'),
        ("requires: [3]", "4:12 error schema requires[0] is 3; expected text in quotes"),
        ("requires: {svc-a: 1}", "4:11 error schema requires is a mapping with 1 key; expected a list"),
    ],
    ids=["zeros", "writing", "unknown", "typing", "type", "twice", "other side", "one side", "number", "mapping"],
)  # fmt: skip
def test_links(sidecar: Sidecar, tmp_path: Path, links: str, message: str) -> None:
    """What is wrong with a link is told once, at its line."""
    text = FEATURE.format(id="FEAT-002") + links + "\n"
    assert told(sidecar, write(tmp_path, {**GOOD, "features/FEAT-002.yaml": text})) == [
        f"features/FEAT-002.yaml:{message}"
    ]


def test_a_link_to_a_duplicate_is_no_error_nor_one_to_an_odd_id(sidecar: Sidecar, tmp_path: Path) -> None:
    files = {
        "features/FEAT-1.yaml": FEATURE.format(id="FEAT-1") + "requires: [svc-a]\n",
        "services/svc-a.yaml": SERVICE.format(id="svc-a"),
        "services/svc-a.yml": SERVICE.format(id="svc-a"),
        "specs/SPEC-001.yaml": "id: SPEC-001\ntitle: A\nrelated:\n  services: [svc-a]\n",
        "tasks/T-001.yaml": "id: T-001\ntitle: A\nstatus: todo\nrelated:\n  spec: SPEC-001\n",
    }
    kinds = [finding["kind"] for finding in validated(sidecar, write(tmp_path, files))["errors"]]
    assert kinds == ["schema", "duplicate", "duplicate"]


def test_one_fault_is_one_finding(sidecar: Sidecar, tmp_path: Path) -> None:
    """However much follows from it: markers of Git, a feature among tasks, a list in itself, a key that stands twice."""
    task = "id: {}\ntitle: A\nstatus: todo\n"
    files = {
        "tasks/FEAT-007.yaml": FEATURE.format(id="FEAT-007"),
        "tasks/T-001.yaml": task.format("T-001") + "steps: &s [*s]\n",
        "tasks/T-002.yaml": task.format("T-002") + "title: B\n",
        "tasks/T-003.yaml": "id: T-003\n<<<<<<< HEAD\ntitle: A\n=======\ntitle: B\n>>>>>>> other\nstatus: todo\n",
        "tasks/T-004.yaml": "id: T-004\ntitle: A\nstatus:\n",
    }
    root = write(tmp_path, files)
    assert told(sidecar, root) == [
        (
            'tasks/FEAT-007.yaml:1:5 error schema id is "FEAT-007", that of a feature, but the file lies where each is '
            "a task; expected it below contexts/features"
        ),
        'tasks/T-001.yaml:4:12 error yaml The file refers to "*s", which it is itself part of',
        'tasks/T-002.yaml:4:1 error yaml The file has "title" twice; the last one counts',
        "tasks/T-003.yaml:2:1 error yaml The file has unresolved merge conflict markers",
        "tasks/T-004.yaml:3:1 error schema status is empty; expected one of todo, doing, done, blocked, needs-review",
    ]
    found = [finding.get("entityId") for finding in validated(sidecar, root)["errors"]]
    assert found == ["FEAT-007", "T-001", "T-002", None, "T-004"]


@pytest.mark.parametrize("name", ["svc-../../etc", "svc-a\\b", "svc-a\nb", "svc-a ", "svc-\u2028"])
def test_an_id_that_is_no_name(sidecar: Sidecar, tmp_path: Path, name: str) -> None:
    text = f"id: {json.dumps(name)}\nname: A\ntype: backend\n"
    (line,) = told(sidecar, write(tmp_path, {"services/a.yaml": text}))
    assert line.startswith('services/a.yaml:1:5 warning schema id is "svc-')


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (".context/rules/consistency.rules.yaml", "rules: [\n", "2:1 error yaml The file "),
        (".context/rules/consistency.rules.yaml", "rules:\n  - 5\n", "2:5 error schema `rules[0]` is "),
        (".context-kit/project.yml", "a: b: c\n", "1:5 error yaml The file has a colon"),
        (".context-kit/domains.yml", "a: 1\na: 2\n", '2:1 error yaml The file has "a" twice'),
        (
            ".context/templates/prompts/task.hbs",
            "Do\n  {{#if a}}b",
            "2:3 error yaml The file is no template: the block",
        ),
    ],
)
def test_other_files_that_are_broken(sidecar: Sidecar, tmp_path: Path, path: str, text: str, expected: str) -> None:
    file = write(tmp_path, GOOD) / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    (line,) = told(sidecar, tmp_path)
    assert line.startswith(f"{path}:{expected}")
    file.write_text("", encoding="utf-8")
    assert len(told(sidecar, tmp_path)) == ("rules" in path)
    assert sidecar.call("repository/inspect", {"repoPath": str(tmp_path)})["overview"]["errors"] == ("rules" in path)


def test_other_files_that_lead_out_are_not_read(sidecar: Sidecar, tmp_path: Path) -> None:
    root = write(tmp_path / "root", GOOD)
    (tmp_path / "secret").write_text("a: b: secret\n")
    for path in (".context-kit/stack.yml", ".context/templates/prompts/a.hbs"):
        (root / path).parent.mkdir(parents=True)
        (root / path).symlink_to(tmp_path / "secret")
    findings = validated(sidecar, root)["errors"]
    assert [finding["file"] for finding in findings] == [".context-kit/stack.yml", ".context/templates/prompts/a.hbs"]
    assert "secret" not in str(findings)


def test_cycles(sidecar: Sidecar, tmp_path: Path) -> None:
    """One for each knot, where the link stands that closes it; a link to itself is no cycle beside."""
    around = {"svc-a": "svc-b@^1", "svc-b": "svc-c", "svc-c": "svc-a@2", "svc-d": "pkg-e", "svc-x": "svc-x"}
    files = {
        f"services/{name}.yaml": SERVICE.format(id=name) + f"dependencies:\n  - {other}\n"
        for name, other in around.items()
    }
    package = "id: pkg-e\nname: E\nversion: 1.0.0\ntype: npm\nuses:\n  services: [svc-d]\n"
    said = told(sidecar, write(tmp_path, {**files, "packages/pkg-e.yaml": package}))
    instead = "is a cycle; expected dependencies[0] to lead to something else"
    assert [line for line in said if " error " in line] == [
        f"services/svc-c.yaml:5:5 error cycle svc-a → svc-b → svc-c → svc-a {instead}",
        f"services/svc-d.yaml:5:5 error cycle pkg-e → svc-d → pkg-e {instead}",
        'services/svc-x.yaml:5:5 error reference dependencies[0] is "svc-x", the entity itself; expected another one',
    ]


def test_a_large_knot_is_one_finding(sidecar: Sidecar, tmp_path: Path) -> None:
    """Forty services that all depend on each other hold more cycles than there are atoms."""
    names = [f"svc-{number}" for number in range(40)]
    files = {
        f"services/{name}.yaml": SERVICE.format(id=name)
        + f"dependencies: [{', '.join(other for other in names if other != name)}]\n"
        for name in names
    }
    assert len(told(sidecar, write(tmp_path, files))) == 1


def test_what_is_changed_is_looked_at_again(sidecar: Sidecar, tmp_path: Path) -> None:
    root = write(tmp_path, GOOD)
    assert told(sidecar, root) == []
    write(tmp_path, {"userstories/US-001-a.yaml": GOOD["userstories/US-001-a.yaml"].replace("US-001", "US-002")})
    said = told(sidecar, root)
    assert [re.sub(r":.*", "", line) for line in said] == [
        "features/FEAT-001-a.yaml",
        "userstories/US-001-a.yaml",
        "userstories/US-001-a.yaml",
    ]
    write(tmp_path, GOOD)
    assert told(sidecar, root) == []


def test_one_file_has_a_hundred_findings_at_most(sidecar: Sidecar, tmp_path: Path) -> None:
    items = "".join(f"  - {number}\n" for number in range(500))
    text = FEATURE.format(id="FEAT-001") + f"acceptance:\n{items}"
    links = (
        FEATURE.format(id="FEAT-002") + "userStories:\n" + "".join(f"  - US-9{number:03}\n" for number in range(500))
    )
    report = validated(sidecar, write(tmp_path, {"features/FEAT-001.yaml": text, "features/FEAT-002.yaml": links}))
    assert len(report["errors"]) == 202
    assert report["stats"]["errors"] == 1000
    more = [finding for finding in report["errors"] if "more findings" in finding["message"]]
    assert [finding["message"] for finding in more] == ["400 more findings in this file are not listed"] * 2


def test_a_report_has_a_bounded_size(sidecar: Sidecar, tmp_path: Path) -> None:
    """Much is wrong everywhere, in long words: the answer is read all the same, and says that it is not all."""
    links = "".join(f"  - svc-{'ä' * 70}{number}\n" for number in range(100))
    files = {
        f"features/{'long-name-' * 18}{number}.yaml": FEATURE.format(id=f"FEAT-{number:03}") + f"requires:\n{links}"
        for number in range(100)
    }
    report = validated(sidecar, write(tmp_path, files))
    assert report["stats"]["errors"] == 10_000
    assert len(report["errors"]) < 10_000
    assert len(sidecar.raw[-1]) < 8 * 1024 * 1024
    assert any("from this file on are not listed" in finding["message"] for finding in report["errors"])
    sidecar.assert_alive()
