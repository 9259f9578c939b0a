"""`entity/generate` and `entity/refine`: what entities link to, what stays of that, and what is said about the rest."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.generation import FILES, RIGHT, assert_valid, contents, generate, saying, write
from tests.providers.adapters import ADAPTERS
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

OPENAI = ADAPTERS[0]
BROKEN = "id: FEAT-002\ntitle: [\n"
CHECKOUT = "id: FEAT-003\ntitle: Checkout and payment\nstatus: proposed\n"
CALENDAR = "A calendar library for the shop."
RULE = {
    "id": "two-criteria",
    "description": "Stories can be tested.",
    "targets": ["userstory"],
    "conditions": [
        {"path": "acceptanceCriteria.length", "operator": "greaterThan", "value": 5, "message": "Too few criteria"}
    ],
    "severity": "high",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repository")


def task(root: Path, **members: Any) -> dict[str, Any]:
    """A task in the repository."""
    data = {"id": "T-009", "title": "Write the manual", "status": "todo", **members}
    write(root, {"contexts/tasks/T-009-manual.yaml": yaml.safe_dump(data, sort_keys=False)})
    return data


def refine(sidecar: Sidecar, root: Path, entity_id: str, **params: Any) -> Any:
    asked = {"entityId": entity_id, "instruction": "Mention dark mode.", "repoPath": str(root)}
    return sidecar.call("entity/refine", {**asked, **params})


def draft(sidecar: Sidecar, root: Path, entity_type: str, prompt: str, **params: Any) -> Any:
    asked = {"entityType": entity_type, "userPrompt": prompt, "repoPath": str(root)}
    return sidecar.call("entity/generate", {**asked, **params})


def messages(result: dict[str, Any]) -> list[str]:
    return [problem["message"] for problem in result["errors"]]


def require_rule(root: Path) -> None:
    path = "contexts/governance/constitution.yaml"
    write(root, {path: FILES[path].replace("rules: []", f"rules: {json.dumps([RULE])}")})


def test_a_link_to_a_broken_file_stays(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    write(root, {"contexts/features/FEAT-002-later.yaml": BROKEN})
    before = task(root, related={"feature": "FEAT-002"})
    result = refine(sidecar, root, "T-009", save=True)
    assert result["entity"] == {**before, "steps": ["Mention dark mode."]}
    assert result["errors"] == []
    server = serve(saying(OPENAI, {**before, "status": "doing"}))
    result = refine(sidecar, root, "T-009", config=OPENAI.config(server.url))
    assert result["entity"]["related"] == {"feature": "FEAT-002"}
    assert "FEAT-002" in json.dumps(OPENAI.speech.asked_form(server.requests[0].json)["properties"]["related"])


def test_what_links_to_nothing_is_removed_and_told(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    before = task(root, related={"spec": "SPEC-099"})
    result = refine(sidecar, root, "T-009")
    bare = {name: value for name, value in before.items() if name != "related"}
    assert result["entity"] == {**bare, "steps": ["Mention dark mode."]}
    assert result["errors"] == [
        {
            "path": "related.spec",
            "message": "related.spec named SPEC-099, which does not exist; it was removed",
            "severity": "warning",
        }
    ]
    server = serve(saying(OPENAI, before, {**bare, "status": "doing"}))
    result = refine(sidecar, root, "T-009", config=OPENAI.config(server.url))
    assert result["entity"] == {**bare, "status": "doing"}
    assert "SPEC-099" not in json.dumps(OPENAI.speech.asked_form(server.requests[0].json))


def test_of_a_list_only_what_links_to_nothing_is_removed(sidecar: Sidecar, root: Path) -> None:
    path = "contexts/features/FEAT-001-sign-in.yaml"
    wrong = FILES[path].replace("  - svc-auth\n", "  - svc-gone\n  - svc-auth\n  - SPEC-001\n  - svc-gone\n")
    write(root, {path: wrong})
    result = refine(sidecar, root, "FEAT-001")
    assert result["entity"]["requires"] == ["svc-auth"]
    assert messages(result) == [
        "requires named svc-gone, which does not exist; it was removed",
        "requires named SPEC-001, which is a spec; it was removed",
    ]


def test_a_link_that_is_needed_is_not_chosen_for_anybody(sidecar: Sidecar, root: Path) -> None:
    path = "contexts/userstories/US-001-password.yaml"
    write(root, {path: FILES[path].replace("FEAT-001", "FEAT-099")})
    error = refine(sidecar, root, "US-001")
    assert error["data"]["kind"] == "invalidOutput"
    assert [problem["path"] for problem in error["data"]["errors"]] == ["feature"]
    assert "No model is connected" in error["data"]["userMessage"]


def test_a_draft_belongs_to_the_feature_that_fits(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    result = draft(sidecar, root, "userstory", "Let people write down their wishes.")
    assert result["entity"]["feature"] == "FEAT-001", "the only one"
    write(root, {"contexts/features/FEAT-003-checkout.yaml": CHECKOUT})
    result = draft(sidecar, root, "userstory", "Let people see the payment before they confirm.")
    assert result["entity"]["feature"] == "FEAT-003"
    before = contents(root)
    error = draft(sidecar, root, "userstory", "Let people write down their wishes.", save=True)
    assert error["data"]["errors"] == [{"path": "linkedFeatureId", "message": "which feature does it belong to?"}]
    assert "choose the feature" in error["data"]["userMessage"]
    assert contents(root) == before
    server = serve(saying(OPENAI, RIGHT["userstory"]))
    asked = {"config": OPENAI.config(server.url)}
    assert_valid(draft(sidecar, root, "userstory", "Let people write down wishes.", **asked), "userstory")
    assert OPENAI.speech.asked_form(server.requests[0].json)["properties"]["feature"]["enum"] == [
        "FEAT-001",
        "FEAT-003",
    ]


def test_optional_links_are_not_made_up(sidecar: Sidecar, root: Path) -> None:
    for entity_type in ("feature", "spec", "task", "service", "package"):
        entity = draft(sidecar, root, entity_type, "Sign in, authentication, sessions, web.")["entity"]
        assert not {"related", "requires", "produces", "specs", "uses", "consumers", "dependencies"} & entity.keys()


def test_links_go_where_they_fit_first(sidecar: Sidecar, root: Path) -> None:
    feature = draft(sidecar, root, "feature", CALENDAR, linkedIds=["svc-auth", "pkg-web"])
    assert feature["entity"]["requires"] == ["svc-auth", "pkg-web"]
    assert "produces" not in feature["entity"]
    assert draft(sidecar, root, "service", CALENDAR, linkedIds=["svc-auth"])["entity"]["dependencies"] == ["svc-auth"]


@pytest.mark.parametrize("entity_type", ["service", "package"])
def test_links_that_have_no_place_are_told(sidecar: Sidecar, root: Path, entity_type: str) -> None:
    result = draft(sidecar, root, entity_type, CALENDAR, linkedFeatureId="FEAT-001")
    message = f"FEAT-001 is not linked: a {entity_type} has no field for a feature"
    advice = f"; add {result['entity']['id']} to FEAT-001's requires"
    assert result["errors"] == [{"path": "", "message": message + advice, "severity": "info"}]
    result = draft(sidecar, root, "task", CALENDAR, linkedFeatureId="FEAT-001", linkedIds=["US-001"])
    assert any(message.startswith("US-001 is not linked: a task has no field") for message in messages(result))


def test_a_field_of_one_link_holds_one(sidecar: Sidecar, root: Path) -> None:
    write(root, {"contexts/specs/SPEC-002-keys.yaml": "id: SPEC-002\ntitle: Keys\n"})
    result = draft(sidecar, root, "task", CALENDAR, linkedIds=["SPEC-002", "SPEC-001"])
    assert result["entity"]["related"] == {"spec": "SPEC-002"}
    assert messages(result) == ["SPEC-001 is not linked: related.spec of this task can't hold it"]


def test_an_object_that_needs_a_link_gets_no_other(sidecar: Sidecar, root: Path) -> None:
    write(root, {"contexts/features/FEAT-003-checkout.yaml": CHECKOUT})
    ids = {name: {"type": "string"} for name in ("feature", "spec")}
    texts = {name: {"type": "string"} for name in ("id", "title", "status", "description")}
    related = {"type": "object", "required": ["feature"], "properties": ids}
    schema = {"type": "object", "required": ["id"], "properties": {**texts, "related": related}}
    write(root, {".context/schemas/task.schema.json": json.dumps(schema)})
    task(root, related={"spec": "SPEC-001"})
    assert refine(sidecar, root, "T-009")["data"]["errors"][0]["path"] == "instruction"
    task(root, related={"spec": "SPEC-001", "feature": "FEAT-099"})
    assert refine(sidecar, root, "T-009")["data"]["kind"] == "invalidOutput"
    task(root, related={"spec": "SPEC-099", "feature": "FEAT-003"})
    assert refine(sidecar, root, "T-009")["entity"]["related"] == {"feature": "FEAT-003"}


def test_what_the_repository_would_complain_of_is_told(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    require_rule(root)
    server = serve(saying(OPENAI, RIGHT["userstory"]))
    result = generate(sidecar, OPENAI, server, root, "userstory")
    assert_valid(result, "userstory")
    assert [(problem["path"], problem["severity"]) for problem in result["errors"]] == [
        ("acceptanceCriteria", "warning"),
        ("feature", "warning"),
    ]
    broken, one_sided = messages(result)
    assert broken == "Too few criteria (rule two-criteria)."
    assert 'expected userStories of FEAT-001 to name "US-002"' in one_sided
    told = server.requests[0].body.decode()
    assert "Stories can be tested. (acceptanceCriteria.length greaterThan 5) Too few criteria" in told
    saved = generate(sidecar, OPENAI, server, root, "userstory", save=True)
    assert messages(saved) == [broken]
    found = sidecar.call("repository/validate", {"repoPath": str(root)})["errors"]
    assert [finding["message"] for finding in found if finding.get("entityId") == "US-002"] == [broken]


def test_what_git_ignores_is_told_to_nobody(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    hidden = "contexts/features/FEAT-009-private.yaml"
    text = "id: FEAT-009\ntitle: Passkey secretplan\nstatus: proposed\nobjective: secretplan\n"
    write(root, {hidden: text, ".gitignore": "*-private.yaml\nstack.yml\n"})
    subprocess.run(["git", "init", "-q", str(root)], check=True, timeout=30)
    server = serve(saying(OPENAI, RIGHT["feature"] | {"id": "FEAT-010"}))
    assert_valid(generate(sidecar, OPENAI, server, root, "feature"), "feature")
    server.script = saying(OPENAI, RIGHT["task"] | {"related": {"feature": "FEAT-009"}})
    linked = generate(sidecar, OPENAI, server, root, "task", linkedFeatureId="FEAT-009", useContext=False)
    assert linked["entity"]["related"] == {"feature": "FEAT-009"}
    generate(sidecar, OPENAI, server, root, "task", linkedFeatureId="FEAT-009")
    for request in server.requests:
        assert b"secretplan" not in request.body
        assert b"typescript" not in request.body
    assert b"FEAT-009" in server.requests[-1].body
    server.script = saying(OPENAI, {**yaml.safe_load(text), "status": "done"})
    result = refine(sidecar, root, "FEAT-009", config=OPENAI.config(server.url))
    assert result["entity"]["status"] == "done"
    assert b"secretplan" in server.requests[-1].body, "it is what the user asks to have changed"


@pytest.mark.parametrize("entity_id", ["svc-auth", "pkg-web"])
def test_an_instruction_without_a_place_is_refused(sidecar: Sidecar, root: Path, entity_id: str) -> None:
    before = contents(root)
    error = refine(sidecar, root, entity_id, instruction="Add a health endpoint.", save=True)
    assert error["data"]["kind"] == "invalidOutput"
    assert "No model is connected" in error["data"]["userMessage"]
    assert contents(root) == before


def test_an_instruction_goes_where_texts_are(sidecar: Sidecar, root: Path) -> None:
    path = "contexts/services/svc-auth.yaml"
    write(root, {path: FILES[path] + "description: Checks who it is.\n"})
    entity = refine(sidecar, root, "svc-auth")["entity"]
    assert (entity["name"], entity["description"]) == ("Authentication", "Checks who it is. Mention dark mode.")


def test_a_prompt_is_no_license(sidecar: Sidecar, root: Path) -> None:
    texts: dict[str, Any] = {name: {"type": "string"} for name in ("id", "name", "license", "homepage")}
    texts["channel"] = {"type": "string", "examples": ["stable"]}
    schema = {"type": "object", "required": ["id", "name", "license", "channel"], "properties": texts}
    write(root, {".context/schemas/package.schema.json": json.dumps(schema)})
    entity = draft(sidecar, root, "package", CALENDAR)["entity"]
    assert (entity["license"], entity["channel"], "homepage" in entity) == ("unknown", "stable", False)


def test_what_says_nothing_is_refused(sidecar: Sidecar, root: Path) -> None:
    error = draft(sidecar, root, "feature", " " * 12)
    assert error["data"]["errors"] == [{"path": "userPrompt", "message": "says nothing"}]
    error = refine(sidecar, root, "FEAT-001", instruction=" \n")
    assert error["data"]["errors"] == [{"path": "instruction", "message": "says nothing"}]


def test_people_are_told_what_to_do(sidecar: Sidecar, root: Path, tmp_path: Path) -> None:
    error = draft(sidecar, root, "task", CALENDAR, linkedFeatureId="SPEC-001")
    assert error["data"]["userMessage"] == "SPEC-001 is a spec, not a feature; choose a feature to link to."
    error = draft(sidecar, tmp_path, "userstory", CALENDAR)
    assert "create a feature first" in error["data"]["userMessage"]
    write(root, {".context/schemas/task.schema.json": '{"$ref": "#/definitions/lost"}'})
    error = draft(sidecar, root, "task", CALENDAR)
    assert error["data"]["kind"] == "invalidEntity"
    assert ".context/schemas/task.schema.json" in error["data"]["userMessage"]
    assert "mend this schema" in error["data"]["userMessage"]
