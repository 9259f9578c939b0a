"""What a repository is like: counts that add up, gaps that are gaps, and recommendations that are true."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar

Inspect = Callable[..., Any]

TODAY = datetime.now(UTC).date()


def constitution(status: str = "ratified", cadence: str = "annually", amended: str = TODAY.isoformat()) -> str:
    return (
        f"id: CONST-ONE\nname: One\nversion: 1.0.0\nstatus: {status}\n"
        f'ratifiedOn: "2020-01-01"\nlastAmendedOn: "{amended}"\n'
        "principles:\n  - {id: a, title: A, summary: A., appliesTo: [global], nonNegotiable: true}\n"
        f'governance: {{owners: ["@a"], reviewCadence: {cadence}}}\n'
        "compliance: {rules: []}\n"
    )


CLEAN = {
    "features/FEAT-001.yaml": (
        'id: FEAT-001\ntitle: One\nstatus: in-progress\nowners: ["@a"]\nobjective: It works.\nacceptance: [It works.]\n'
        "requires: [svc-a]\nuserStories: [US-001]\nspecs: [SPEC-001]\ntasks: [T-001]\n"
    ),
    "userstories/US-001.yaml": (
        "id: US-001\nfeature: FEAT-001\nasA: a user\niWant: it\nsoThat: it works\nacceptanceCriteria: [It works.]\n"
    ),
    "specs/SPEC-001.yaml": "id: SPEC-001\ntitle: One\nrelated: {features: [FEAT-001]}\ncontent: So.\n",
    "tasks/T-001.yaml": (
        'id: T-001\ntitle: One\nstatus: doing\nowner: "@a"\nsteps: [Go.]\ndoneCriteria: [It works.]\n'
        "related: {feature: FEAT-001}\n"
    ),
    "services/svc-a.yaml": 'id: svc-a\nname: A\ntype: backend\napi: {version: "1"}\ndependencies: [pkg-a]\n',
    "services/svc-web.yaml": "id: svc-web\nname: Web\ntype: frontend\ndependencies: [svc-a]\n",
    "packages/pkg-a.yaml": "id: pkg-a\nname: a\nversion: 1.0.0\ntype: npm\n",
    "governance/constitution.yaml": constitution(),
}


@pytest.fixture
def inspect(sidecar: Sidecar, tmp_path: Path) -> Inspect:
    """Write the clean repository with other files below `contexts/`, and look at it."""

    def _inspect(files: Mapping[str, str | None] | None = None, *, base: Mapping[str, str] = CLEAN) -> Any:
        for name, text in {**base, **(files or {})}.items():
            path = tmp_path / "contexts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_text(text, encoding="utf-8")
            else:
                path.unlink(missing_ok=True)
        tmp_path.joinpath("contexts").mkdir(exist_ok=True)
        return sidecar.call("repository/inspect", {"repoPath": str(tmp_path)})

    return _inspect


def gaps(result: Any) -> list[tuple[str, str | None]]:
    return [(gap["kind"], gap.get("entityId")) for gap in result["gaps"]]


def actions(result: Any) -> list[str]:
    return [each["action"] for each in result["recommendations"]]


def test_a_clean_repository_lacks_nothing(inspect: Inspect) -> None:
    result = inspect()
    assert (result["gaps"], result["recommendations"]) == ([], [])
    overview = result["overview"]
    assert (overview["entities"], overview["errors"], overview["warnings"]) == (len(CLEAN), 0, 0)
    assert overview["types"]["task"] == {"total": 1, "byStatus": {"doing": 1}}
    assert overview["types"]["service"] == {"total": 2, "byStatus": {}}
    assert sum(count["total"] for count in overview["types"].values()) == len(CLEAN) == len(result["entities"])
    assert isinstance(overview["git"]["available"], bool)
    assert {"from": "FEAT-001", "to": "T-001", "relation": "has-task"} in result["relationships"]


def test_an_empty_repository_lacks_a_constitution(inspect: Inspect, tmp_path: Path) -> None:
    (tmp_path / "contexts").mkdir()
    result = inspect(base={})
    assert result["overview"]["entities"] == 0
    assert result["overview"]["types"]["feature"] == {"total": 0, "byStatus": {}}
    assert gaps(result) == [("noConstitution", None)]
    assert result["recommendations"] == [
        {"priority": "medium", "action": "Write a constitution and ratify it", "entityIds": []}
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "expected"),
    [
        ("features/FEAT-001", "owners: ", "informed: ", ("featureWithoutOwners", "FEAT-001")),
        ("features/FEAT-001", '["@a"]', "[]", ("featureWithoutOwners", "FEAT-001")),
        ("features/FEAT-001", "objective: It works.", 'objective: " "', ("featureWithoutObjective", "FEAT-001")),
        ("features/FEAT-001", "acceptance: ", "accepted: ", ("featureWithoutAcceptance", "FEAT-001")),
        ("userstories/US-001", "[It works.]", "[]", ("userStoryWithoutCriteria", "US-001")),
        ("specs/SPEC-001", "content: So.", "content:", ("specWithoutContent", "SPEC-001")),
        ("tasks/T-001", "doneCriteria:", "criteria:", ("taskWithoutDoneCriteria", "T-001")),
        ("tasks/T-001", "steps:", "parts:", ("taskWithoutSteps", "T-001")),
        ("tasks/T-001", "owner:", "informed:", ("taskWithoutOwner", "T-001")),
        ("tasks/T-001", "doing", "blocked", ("blockedTaskUnderActiveFeature", "T-001")),
        ("services/svc-a", "api: ", "interface: ", ("serviceWithoutApiVersion", "svc-a")),
        ("features/FEAT-001", "in-progress", "done", ("doneFeatureWithOpenTasks", "FEAT-001")),
        ("governance/constitution", "ratified\n", "draft\n", ("unratifiedConstitution", "CONST-ONE")),
        ("governance/constitution", "ratified\n", "deprecated\n", ("noConstitution", None)),
    ],
)
def test_one_gap_is_one_recommendation(
    inspect: Inspect, name: str, old: str, new: str, expected: tuple[str, str | None]
) -> None:
    text = CLEAN[f"{name}.yaml"]
    assert old in text
    result = inspect({f"{name}.yaml": text.replace(old, new, 1)})
    assert expected in gaps(result)
    kind, entity_id = expected
    about = [each for each in result["recommendations"] if each["entityIds"] == ([entity_id] if entity_id else [])]
    assert about
    assert all(gap["message"].startswith(f"{entity_id} ") for gap in result["gaps"] if entity_id)
    assert {gap for gap, _ in gaps(result)} == {kind}


@pytest.mark.parametrize(
    ("cadence", "days", "is_due"),
    [
        ("annually", 300, False),
        ("annually", 400, True),
        ("quarterly", 80, False),
        ("quarterly", 100, True),
        ("ad-hoc", 4000, False),
        ("per-release", 4000, False),
    ],
)
def test_a_review_is_due_after_its_cadence(inspect: Inspect, cadence: str, days: int, is_due: bool) -> None:
    amended = (TODAY - timedelta(days=days)).isoformat()
    result = inspect({"governance/constitution.yaml": constitution(cadence=cadence, amended=amended)})
    assert gaps(result) == [("reviewOverdue", "CONST-ONE")] * is_due
    assert actions(result) == ["Review CONST-ONE"] * is_due


@pytest.mark.parametrize(
    ("amended", "is_due"), [("soon", False), ("9999-12-31", False), ("0000-00-00", False), ("", True)]
)
def test_a_review_is_due_by_a_date_only(inspect: Inspect, amended: str, is_due: bool) -> None:
    result = inspect({"governance/constitution.yaml": constitution(amended=amended)})
    assert gaps(result) == [("reviewOverdue", "CONST-ONE")] * is_due  # where none is given, since it was ratified


def test_a_draft_beside_what_is_ratified_is_no_gap(inspect: Inspect) -> None:
    draft = constitution("draft").replace("CONST-ONE", "CONST-TWO")
    assert gaps(inspect({"governance/next.yaml": draft})) == []


def test_what_is_linked_to_nothing_is_said_once(inspect: Inspect) -> None:
    files = {
        "specs/SPEC-002.yaml": "id: SPEC-002\ntitle: Two\ncontent: So.\n",
        "packages/pkg-b.yaml": "id: pkg-b\nname: b\nversion: 1.0.0\ntype: npm\n",
        "services/svc-b.yaml": 'id: svc-b\nname: B\ntype: backend\napi: {version: "1"}\n',
    }
    result = inspect(files)
    assert gaps(result) == [("orphan", "pkg-b"), ("orphan", "svc-b"), ("orphan", "SPEC-002")]
    assert actions(result) == ["Link pkg-b, svc-b and SPEC-002 to something, or remove what nobody needs"]


def test_what_is_only_worked_on_is_used_by_nobody(inspect: Inspect) -> None:
    files = {
        "tasks/T-001.yaml": CLEAN["tasks/T-001.yaml"].replace("feature:", "service: svc-b, feature:"),
        "specs/SPEC-001.yaml": CLEAN["specs/SPEC-001.yaml"].replace("features:", "packages: [pkg-b], features:"),
        "packages/pkg-b.yaml": "id: pkg-b\nname: b\nversion: 1.0.0\ntype: npm\n",
        "services/svc-b.yaml": 'id: svc-b\nname: B\ntype: backend\napi: {version: "1"}\n',
    }
    assert gaps(inspect(files)) == [("packageUnused", "pkg-b"), ("serviceWithoutConsumers", "svc-b")]


def test_what_a_constitution_finds_is_told_apart_from_what_is_wrong_with_it(inspect: Inspect) -> None:
    rule = "{id: r, description: R., targets: [task], conditions: [{path: x, operator: exists}], severity: high}"
    text = constitution().replace("rules: []", f"rules: [{rule}]") + f'checksum: "{"0" * 64}"\n'
    result = inspect({"governance/constitution.yaml": text})
    assert result["recommendations"] == [
        {"priority": "high", "action": "Bring T-001 into line with the constitution", "entityIds": ["T-001"]},
        {
            "priority": "medium",
            "action": "Look at the findings in CONST-ONE",
            "entityIds": ["CONST-ONE"],
        },
    ]


def test_what_an_exception_allows_is_not_recommended(inspect: Inspect) -> None:
    rule = (
        "{id: r, description: R., targets: [feature], conditions: [{path: owners, operator: nonEmpty}], severity: high}"
    )
    exception = "{id: e, ruleId: r, scope: {entities: [FEAT-001]}, justification: So.}"
    text = constitution().replace("{rules: []}", f"{{rules: [{rule}], exceptions: [{exception}]}}")
    feature = CLEAN["features/FEAT-001.yaml"].replace('owners: ["@a"]', "owners: []")
    result = inspect({"governance/constitution.yaml": text, "features/FEAT-001.yaml": feature})
    assert (gaps(result), actions(result)) == ([("featureWithoutOwners", "FEAT-001")], [])
    result = inspect({"features/FEAT-001.yaml": feature, "governance/constitution.yaml": constitution()})
    assert actions(result) == ["Find owners for FEAT-001"]


def test_a_directory_that_is_no_repository(sidecar: Sidecar, tmp_path: Path) -> None:
    result = sidecar.call("repository/inspect", {"repoPath": str(tmp_path)})
    assert [(gap["kind"], gap["severity"]) for gap in result["gaps"]] == [("noContexts", "warning")]
    assert actions(result) == ["Check that this is the right directory: there is no contexts/ folder"]
    (tmp_path / "contexts").mkdir()
    assert gaps(sidecar.call("repository/inspect", {"repoPath": str(tmp_path)})) == [("noConstitution", None)]


def test_what_is_not_read_is_not_called_broken(inspect: Inspect, tmp_path: Path) -> None:
    (tmp_path / "contexts").mkdir()
    (tmp_path / "contexts" / "etc").symlink_to("/etc")
    result = inspect({"ideas/list.yaml": "- a\n", "ideas/empty.yaml": ""})
    assert actions(result) == [
        "Look at contexts/etc and contexts/ideas/list.yaml: no entity can be read there",
        "Look at the findings in contexts/ideas/empty.yaml",
    ]


def test_what_lies_in_a_broken_file_is_not_missed(inspect: Inspect) -> None:
    files = {
        name: f"{CLEAN[name]}\t[" for name in ("userstories/US-001.yaml", "specs/SPEC-001.yaml", "tasks/T-001.yaml")
    }
    result = inspect(files)
    assert gaps(result) == []
    assert len(actions(result)) == 1
    assert actions(result)[0].startswith("Repair the YAML of contexts/specs/SPEC-001.yaml, ")


def test_what_links_lead_nowhere_is_told_in_one_gap(inspect: Inspect) -> None:
    feature = CLEAN["features/FEAT-001.yaml"].replace("[svc-a]", "[svc-a, svc-x, svc-y]")
    result = inspect({"features/FEAT-001.yaml": feature})
    assert result["gaps"] == [
        {
            "kind": "danglingLinks",
            "message": "2 links lead nowhere or to the wrong type, from FEAT-001",
            "severity": "error",
        }
    ]
    assert result["recommendations"] == [
        {
            "priority": "high",
            "action": "Correct the links of FEAT-001 that lead nowhere or to the wrong type",
            "entityIds": ["FEAT-001"],
        }
    ]
    assert result["overview"]["errors"] == 2


def test_a_cycle_is_told_as_a_way(inspect: Inspect) -> None:
    package = CLEAN["packages/pkg-a.yaml"] + "uses: {services: [svc-a]}\n"
    service = CLEAN["services/svc-a.yaml"] + "consumers: [pkg-a]\n"
    result = inspect({"packages/pkg-a.yaml": package, "services/svc-a.yaml": service})
    assert gaps(result) == []
    assert result["recommendations"] == [
        {"priority": "high", "action": "Break up pkg-a → svc-a → pkg-a", "entityIds": ["pkg-a", "svc-a"]}
    ]


def test_many_gaps_make_few_recommendations_the_urgent_first(inspect: Inspect) -> None:
    files = {f"features/FEAT-{n}.yaml": f"id: FEAT-{n}\ntitle: x\nstatus: in-progress\n" for n in range(100, 140)}
    files |= {f"tasks/T-{n}.yaml": f"id: T-{n}\ntitle: x\nstatus: todo\n" for n in range(100, 140)}
    result = inspect(files)
    assert len(result["gaps"]) == 40 * (6 + 4)
    assert len(result["recommendations"]) == 10
    assert len({each["action"] for each in result["recommendations"]}) == 10
    order = [each["priority"] for each in result["recommendations"]]
    assert order == sorted(order, key=["high", "medium", "low"].index)
    first = result["recommendations"][0]
    assert first["action"] == ("Plan tasks for FEAT-100, FEAT-101, FEAT-102, FEAT-103 and 36 more: work is in progress")
    assert len(first["entityIds"]) == 40
    assert inspect()["recommendations"] == result["recommendations"]


def test_a_done_task_needs_nothing_more(inspect: Inspect) -> None:
    done = "id: T-001\ntitle: One\nstatus: done\nrelated: {feature: FEAT-001}\n"
    assert gaps(inspect({"tasks/T-001.yaml": done})) == []


@pytest.mark.parametrize("value", ["3", "null", "[1, null]", "{a: b}", "true", "[[[]]]", '"\\u0000"'])
def test_fields_of_any_type_are_survived(inspect: Inspect, sidecar: Sidecar, value: str) -> None:
    keys = (
        "title status type owners acceptance objective userStories tasks related feature content owner api governance"
    )
    body = "".join(f"{key}: {value}\n" for key in keys.split())
    files = {
        f"{folder}/{name}.yaml": f"id: {name}\n{body}"
        for folder, name in (
            ("features", "FEAT-001"),
            ("userstories", "US-001"),
            ("specs", "SPEC-001"),
            ("tasks", "T-001"),
            ("services", "svc-a"),
            ("packages", "pkg-a"),
            ("governance", "CONST-ONE"),
        )
    }
    result = inspect(files)
    assert len(result["recommendations"]) <= 20
    assert result["overview"]["errors"] > 0
    sidecar.assert_alive()
