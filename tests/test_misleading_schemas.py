"""Schemas that pass the metaschema and lead nowhere: what they refer to is no schema, or there is no such thing."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar, question

MISLEADING: list[dict[str, Any]] = [
    {"title": "x", "$ref": "#/title"},
    {"$ref": "#/$ref"},
    {"required": ["a"], "$ref": "#/required"},
    {"minLength": 3, "$ref": "#/minLength"},
    {"x-y": {"properties": 3}, "$ref": "#/x-y"},
    {"x-y": {"minLength": "a"}, "properties": {"title": {"$ref": "#/x-y"}}},
    {"allOf": [{}], "$ref": "#/allOf/x"},
    {"default": None, "$ref": "#/default/x"},
    {"$id": "http://[::1", "$ref": "x"},
    {"properties": {"title": {"$ref": "#nope"}}},
]
TASK = {"id": "T-001", "title": "Mow the lawn", "status": "todo"}


@pytest.mark.parametrize("schema", MISLEADING, ids=json.dumps)
def test_of_a_repository(sidecar: Sidecar, tmp_path: Path, schema: dict[str, Any]) -> None:
    for name, text in {
        ".context/schemas/task.schema.json": json.dumps(schema),
        ".context/schemas/service.schema.json": json.dumps({"properties": {"title": {"not": "x"}}}),
        "contexts/tasks/T-001.yaml": "".join(f"{name}: {value}\n" for name, value in TASK.items()),
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    here = {"repoPath": str(tmp_path)}
    found = sidecar.call("repository/validate", here)["errors"]
    assert ".context/schemas/task.schema.json" in {finding["file"] for finding in found}
    assert sidecar.call("entity/validate", {**here, "entity": TASK})["valid"] is False
    wish = {**here, "entityType": "task", "userPrompt": "Write a long manual."}
    assert sidecar.call("entity/save", {**here, "entity": TASK})["data"]["kind"] == "invalidEntity"
    generated = sidecar.call("entity/generate", wish)
    # What has no member that leads nowhere fits.
    assert "title" not in generated["entity"] if "entity" in generated else generated["data"]["kind"] == "invalidEntity"


@pytest.mark.parametrize("schema", MISLEADING, ids=json.dumps)
def test_of_an_answer(sidecar: Sidecar, schema: dict[str, Any]) -> None:
    form = {"type": "json_schema", "name": "form", "schema": schema}
    answer = sidecar.call("chat/complete", question(responseFormat=form))
    assert answer.get("data", {"kind": "none"})["kind"] in ("none", "invalidOutput", "invalidParams")
