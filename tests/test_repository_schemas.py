"""The repository's own JSON Schemas: which is in force, what is said of those that are none."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar

SERVICE = "id: svc-a\nname: A\ntype: backend\n"
NEEDS_OWNER = {"type": "object", "required": ["owner"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "contexts/services").mkdir(parents=True)
    (tmp_path / "contexts/services/svc-a.yaml").write_text(SERVICE)
    (tmp_path / ".context/schemas").mkdir(parents=True)
    return tmp_path


def put(root: Path, name: str, document: Any) -> Path:
    path = root / ".context/schemas" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return path


def findings(sidecar: Sidecar, root: Path) -> list[tuple[str, int, int, str]]:
    """File, line, column and message of each."""
    found = sidecar.call("repository/validate", {"repoPath": str(root)})["errors"]
    assert all(finding["kind"] == "schema" for finding in found)
    return [(finding["file"], finding["line"], finding["column"], finding["message"]) for finding in found]


def is_valid(sidecar: Sidecar, root: Path, text: str = SERVICE) -> bool:
    return bool(sidecar.call("entity/validate", {"repoPath": str(root), "yaml": text})["valid"])


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-07/schema#", None])
def test_the_repository_s_own_goes_first(sidecar: Sidecar, root: Path, draft: str | None) -> None:
    assert is_valid(sidecar, root)
    schema = put(root, "service.schema.json", {**NEEDS_OWNER, **({"$schema": draft} if draft else {})})
    assert not is_valid(sidecar, root)
    assert is_valid(sidecar, root, "id: svc-a\nowner: us\n")
    assert [finding[0] for finding in findings(sidecar, root)] == ["contexts/services/svc-a.yaml"]
    schema.unlink()
    assert is_valid(sidecar, root)
    assert findings(sidecar, root) == []


def test_a_change_of_a_schema_is_noticed(sidecar: Sidecar, root: Path) -> None:
    put(root, "service.schema.json", {"type": "object", "required": ["owner"]})
    assert not is_valid(sidecar, root)
    put(root, "service.schema.json", {"type": "object", "required": ["names"]})
    assert not is_valid(sidecar, root, "id: svc-a\nowner: us\n")
    put(root, "service.schema.json", {})
    assert is_valid(sidecar, root)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ('{\n  "type": "object",,\n}', (2, 20), "is not JSON"),
        ("", (1, 1), "is not JSON"),
        ("[]", (1, 1), "is not a JSON object"),
        ("null", (1, 1), "is not a JSON object"),
        ('{"minimum": NaN}', (1, 1), "NaN"),
        ('{"minimum": 1' + "0" * 5000 + "}", (1, 1), "is not JSON"),
        ("[" * 200 + "]" * 200, (1, 1), "is nested"),
        ("[" * 100_000, (1, 1), "is n"),
        ('{"type": 5}', (1, 1), "is not a valid JSON Schema"),
        ('{"pattern": "("}', (1, 1), "is not a valid JSON Schema"),
        ('{"$schema": 5}', (1, 1), "$schema"),
        ('{"$schema": ["x"]}', (1, 1), "$schema"),
        ('{"$schema": "http://["}', (1, 1), "$schema"),
        ('{"description": "' + "x" * 1_000_000 + '"}', (1, 1), "has 1,000,019 bytes"),
    ],
)
def test_what_is_no_schema_is_said_once_and_the_built_in_one_is_in_force(
    sidecar: Sidecar, root: Path, text: str, place: tuple[int, int], message: str
) -> None:
    put(root, "service.schema.json", text)
    ((file, *found_place, found),) = findings(sidecar, root)
    assert (file, tuple(found_place)) == (".context/schemas/service.schema.json", place)
    assert message in found
    assert is_valid(sidecar, root)
    assert not is_valid(sidecar, root, "id: svc-a\nname: A\ntype: none\n")


def test_a_schema_that_is_not_utf8(sidecar: Sidecar, root: Path) -> None:
    (root / ".context/schemas/service.schema.json").write_bytes(b'{\n"title": "caf\xe9"}')
    assert findings(sidecar, root) == [
        (".context/schemas/service.schema.json", 2, 14, "The file is not UTF-8 text"),
    ]


def test_schemas_refer_to_one_another(sidecar: Sidecar, root: Path) -> None:
    put(root, "service.schema.json", {"properties": {"owner": {"$ref": "owner.schema.json#/$defs/name"}}})
    owner = {"$id": "https://example.org/owner", "$defs": {"name": {"enum": ["us"]}}}
    put(root, "owner.schema.json", owner)
    assert is_valid(sidecar, root, "id: svc-a\nowner: us\n")
    assert not is_valid(sidecar, root, "id: svc-a\nowner: you\n")
    put(root, "owner.schema.json", {**owner, "$defs": {"name": {"enum": ["you"]}}})
    assert is_valid(sidecar, root, "id: svc-a\nowner: you\n")
    put(root, "service.schema.json", {"properties": {"owner": {"$ref": "https://example.org/owner#/$defs/name"}}})
    assert is_valid(sidecar, root, "id: svc-a\nowner: you\n")
    assert not is_valid(sidecar, root, "id: svc-a\nowner: us\n")


def test_governance_may_be_called_constitution(sidecar: Sidecar, root: Path) -> None:
    text = "id: CONST-X\nname: Rules\nprinciples: []\n"
    assert not is_valid(sidecar, root, text)
    put(root, "constitution.schema.json", {"required": ["name"]})
    assert is_valid(sidecar, root, text)
    put(root, "governance.schema.json", {"required": ["colour"]})
    assert not is_valid(sidecar, root, text)


def test_further_down_a_schema_is_only_referred_to(sidecar: Sidecar, root: Path) -> None:
    put(root, "old/service.schema.json", NEEDS_OWNER)
    assert is_valid(sidecar, root)


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege on Windows")
def test_links_to_schemas(sidecar: Sidecar, root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "service.schema.json"
    outside.write_text(json.dumps(NEEDS_OWNER))
    link = root / ".context/schemas/service.schema.json"
    link.symlink_to(outside)
    ((file, *_, message),) = findings(sidecar, root)
    assert (file, "leads out of the repository" in message) == (".context/schemas/service.schema.json", True)
    assert is_valid(sidecar, root)
    link.unlink()
    (root / "shared").mkdir()
    (root / "shared/service.schema.json").write_text(json.dumps(NEEDS_OWNER))
    link.symlink_to("../../shared/service.schema.json")
    assert not is_valid(sidecar, root)
