"""`entity/generate` where the repository has schemas of its own, whatever they look like."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from tests.generation import PROMPT, RIGHT, generate, saying, write
from tests.providers.adapters import ADAPTERS, Adapter, each_adapter
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Serve = Callable[[Script], Server]

OPENAI = ADAPTERS[0]

STRICT: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "$id": "userstory.schema.json",
    "definitions": {
        "reference": {"type": "string", "pattern": "^[A-Z]+-[0-9]{3,}$"},
        "text": {"type": "string", "minLength": 3, "maxLength": 60},
        "base": {
            "type": "object",
            "properties": {"id": {"$ref": "#/definitions/reference"}, "estimate": {"enum": [1, 2, 3, 5, 8]}},
            "required": ["id", "estimate"],
        },
        "impact": {"type": "object", "properties": {"services": {"type": "array", "items": {"type": "string"}}}},
    },
    "allOf": [
        {"$ref": "#/definitions/base"},
        {
            "properties": {
                "feature": {"$ref": "#/definitions/reference"},
                "title": {"$ref": "#/definitions/text"},
                "asA": {"$ref": "#/definitions/text"},
                "iWant": {"$ref": "#/definitions/text"},
                "soThat": {"$ref": "#/definitions/text"},
                "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
                "impacts": {"$ref": "#/definitions/impact"},
                "other": {"$ref": "#/definitions/impact"},
            },
            "required": ["feature", "title", "asA", "iWant", "soThat", "code"],
            "patternProperties": {"^x-": {"type": "string"}},
        },
    ],
}
STORY = {
    "id": "US-002",
    "estimate": 3,
    "feature": "FEAT-001",
    "title": "FEAT-404 is gone",
    "asA": "customer",
    "iWant": "a passkey",
    "soThat": "it is quick",
    "code": "PK-1",
    "impacts": {"services": ["svc-auth"]},
    "other": {"services": ["anything"]},
}
BARE: dict[str, Any] = {"type": "object", "required": ["id", "title"], "additionalProperties": False}
BARE["properties"] = {"id": {"type": "string"}, "title": {"type": "string"}}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path / "repository")


def own(root: Path, name: str, schema: Any) -> None:
    write(root, {f".context/schemas/{name}.schema.json": json.dumps(schema)})


def assert_fits(result: dict[str, Any], schema: Any) -> None:
    assert "entity" in result, result
    assert [error.message for error in validator_for(schema)(schema).iter_errors(result["entity"])] == []


@each_adapter
@pytest.mark.parametrize(
    "change",
    [
        {"code": "pk1"},
        {"estimate": 4},
        {"feature": "FEAT-404"},
        {"feature": "SPEC-001"},
        {"id": "US-003"},
        {"impacts": {"services": ["svc-404"]}},
        {"asA": "x" * 61},
        {"x-note": 5},
    ],
    ids=str,
)
def test_rules_of_the_repository_hold(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter, change: dict[str, Any]
) -> None:
    own(root, "userstory", STRICT)
    server = serve(saying(adapter, {**STORY, **change}, STORY))
    result = generate(sidecar, adapter, server, root, "userstory")
    assert_fits(result, STRICT)
    assert (result["entity"], result["metadata"]["attempts"]) == (STORY, 2)


@each_adapter
def test_fields_that_the_schema_lacks_are_not_added(
    sidecar: Sidecar, serve: Serve, root: Path, adapter: Adapter
) -> None:
    own(root, "task", BARE)
    task = {"id": "T-008", "title": "Store keys"}
    server = serve(saying(adapter, {**task, "related": {"feature": "FEAT-001"}}, task))
    result = generate(sidecar, adapter, server, root, "task")
    assert_fits(result, BARE)
    assert (result["entity"], len(server.requests)) == (task, 2)


def test_schemas_may_refer_to_each_other(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    common = {"definitions": {"title": {"type": "string", "maxLength": 12}, "titled": {"$ref": "#/definitions/title"}}}
    own(root, "common", common)
    task = {**BARE, "properties": {**BARE["properties"], "title": {"$ref": "common.schema.json#/definitions/titled"}}}
    own(root, "task", task)
    right = {"id": "T-008", "title": "Store keys"}
    server = serve(saying(OPENAI, {**right, "title": "Store the keys that people have"}, right))
    result = generate(sidecar, OPENAI, server, root, "task")
    assert (result.get("entity"), len(server.requests)) == (right, 2), result


def test_links_are_checked_where_the_schema_cannot_say_so(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    related = {"properties": {"feature": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}
    schema = {**BARE, "properties": {**BARE["properties"], "related": related}}
    own(root, "task", schema)
    right = {"id": "T-008", "title": "Store keys", "related": {"feature": "FEAT-001"}}
    server = serve(saying(OPENAI, {**right, "related": {"feature": "FEAT-404"}}, right))
    result = generate(sidecar, OPENAI, server, root, "task", linkedFeatureId="FEAT-001")
    assert (result.get("entity"), len(server.requests)) == (right, 2), result


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({**BARE, "properties": {"id": {"type": "string", "pattern": "^TASK-"}, "title": {}}}, "id"),
        ({"$ref": "#/definitions/lost"}, ""),
    ],
)
def test_nobody_is_asked_for_what_no_schema_allows(
    sidecar: Sidecar, serve: Serve, root: Path, schema: Any, path: str
) -> None:
    own(root, "task", schema)
    server = serve(saying(OPENAI, RIGHT["task"]))
    error = generate(sidecar, OPENAI, server, root, "task")
    assert (error["data"]["kind"], server.requests) == ("invalidEntity", [])
    assert [detail["path"] for detail in error["data"]["errors"]] == [path]


def test_an_id_of_the_models_is_taken_where_no_other_fits(sidecar: Sidecar, serve: Serve, root: Path) -> None:
    service = {**BARE, "properties": {"id": {"pattern": "^svc-[a-z]+-v[0-9]$"}, "name": {"type": "string"}}}
    own(root, "service", {**service, "required": ["id", "name"]})
    server = serve(saying(OPENAI, {"id": "svc-keys-v1", "name": "Keys"}))
    assert generate(sidecar, OPENAI, server, root, "service")["entity"]["id"] == "svc-keys-v1"
    server = serve(saying(OPENAI, {"id": "../../svc-keys-v1", "name": "Keys"}))
    assert generate(sidecar, OPENAI, server, root, "service", maxRepairs=0)["data"]["kind"] == "invalidOutput"


@pytest.mark.parametrize(
    "schema",
    [
        {"allOf": [{"$ref": "#"}], **BARE},
        {"type": "object", "properties": {"id": {"$ref": "#/properties/id"}, "title": {"$ref": "#/properties/title"}}},
        {**BARE, "properties": {"id": True, "title": True, "related": {"properties": {"feature": True}}}},
        {"anyOf": [BARE, {"type": "object"}]},
        {"properties": {"related": {"$ref": "#/definitions/a"}}, "definitions": {"a": {"$ref": "#/definitions/a"}}},
        True,
        {"properties": {"title": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "related": {"type": "string"}}},
        {"required": ["id", "title"], "properties": {"related": {"properties": {"feature": {"type": "object"}}}}},
    ],
    ids=range(8),
)
def test_strange_schemas_do_no_harm(sidecar: Sidecar, serve: Serve, root: Path, schema: Any) -> None:
    own(root, "task", schema)
    server = serve(saying(OPENAI, {"id": "T-008", "title": "Store keys"}))
    result = generate(sidecar, OPENAI, server, root, "task", linkedFeatureId="FEAT-001")
    if "entity" in result:
        assert_fits(result, schema)
    else:
        assert result["data"]["kind"] in ("invalidOutput", "invalidEntity"), result
    sidecar.assert_alive()


OFFLINE: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["id", "title", "code", "owner", "risk", "since", "level", "links"],
    "properties": {
        "id": {"type": "string", "pattern": "^T-[0-9]{3,}$"},
        "title": {"type": "string", "maxLength": 20, "minLength": 4},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]{4}$"},
        "owner": {"type": "string", "pattern": "^@[a-z]+$"},
        "risk": {"enum": ["low", "high"]},
        "since": {"type": "string", "format": "date"},
        "level": {"type": "integer", "minimum": 3},
        "links": {"type": "array", "minItems": 2, "items": {"type": "string", "format": "uri"}},
        "steps": {"type": "array", "items": {"type": "string", "maxLength": 30}, "maxItems": 2},
    },
    "additionalProperties": False,
}


def test_a_draft_fits_simple_rules(sidecar: Sidecar, root: Path) -> None:
    own(root, "task", OFFLINE)
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "config": {"provider": "offline"}}
    result = sidecar.call("entity/generate", asked)
    assert_fits(result, OFFLINE)
    assert result["entity"]["title"] == "Let people sign in w"
    assert sidecar.call("entity/generate", asked)["entity"] == result["entity"]


def test_a_draft_that_does_not_fit_is_none(sidecar: Sidecar, root: Path) -> None:
    own(
        root,
        "task",
        {**OFFLINE, "properties": {**OFFLINE["properties"], "code": {"type": "string", "pattern": "^(?!.)x"}}},
    )
    asked = {"entityType": "task", "userPrompt": PROMPT, "repoPath": str(root), "config": {"provider": "offline"}}
    error = sidecar.call("entity/generate", asked)
    assert error["data"]["kind"] == "invalidOutput"
    assert [detail["path"] for detail in error["data"]["errors"]] == ["code"]
    assert "No model is connected" in error["data"]["userMessage"]
