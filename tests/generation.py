"""What tests of generation share: a repository, right answers for it, and a judge that knows none of our code."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from tests.providers.adapters import Adapter, in_turn
from tests.providers.server import Script, Server
from tests.sidecar import ROOT, Sidecar

TYPES = ("feature", "userstory", "spec", "task", "service", "package", "governance")
PROMPT = "Let people sign in with a passkey instead of a password."

FILES = {
    "contexts/features/FEAT-001-sign-in.yaml": """\
# Everything about signing in.
id: FEAT-001
title: "Sign in" # short on purpose
status: in-progress
owners: ['@ada']
userStories:
- US-001
specs: [SPEC-001]
requires:
  - svc-auth
linkedUserStories:
-{space}
  id: "US-001"
  status: "proposed"
""".replace("{space}", " "),
    "contexts/userstories/US-001-password.yaml": """\
id: US-001
feature: FEAT-001
asA: customer
iWant: to sign in with a password
soThat: nobody else sees my orders
acceptanceCriteria:
  - A wrong password is refused
""",
    "contexts/specs/SPEC-001-sessions.yaml": "id: SPEC-001\ntitle: Sessions\nrelated:\n  features: [FEAT-001]\n",
    "contexts/tasks/T-007-cookies.yaml": """\
id: T-007
title: Set the cookie
status: todo
related:
  feature: FEAT-001
""",
    "contexts/services/svc-auth.yaml": "id: svc-auth\nname: Authentication\ntype: backend\ndependencies: []\n",
    "contexts/packages/pkg-web.yaml": "id: pkg-web\nname: web\nversion: 1.0.0\ntype: npm\nuses:\n  services: [svc-auth]\n",
    "contexts/governance/constitution.yaml": """\
id: CONST-SHOP
name: Constitution
version: 1.0.0
status: ratified
ratifiedOn: "2025-01-31"
principles:
  - id: plain
    title: Plain language
    summary: Stories use the words of customers.
    appliesTo: [userstory]
    nonNegotiable: true
  - id: small
    title: Small services
    summary: A service does one thing.
    appliesTo: [service]
    nonNegotiable: false
governance:
  owners: ['@ada']
  reviewCadence: quarterly
compliance:
  rules: []
""",
    ".context-kit/project.yml": "name: Shop\ndescription: Sells things.\n",
    ".context-kit/stack.yml": "runtime:\n  language: typescript\n",
}

PRINCIPLE = {"id": "keys", "title": "Keys", "summary": "No passwords.", "appliesTo": ["global"], "nonNegotiable": True}

RIGHT: dict[str, dict[str, Any]] = {
    "feature": {
        "id": "FEAT-002",
        "title": "Passkeys: sign in without a password",
        "status": "proposed",
        "objective": "Fewer stolen accounts.",
        "acceptance": ["A passkey signs in", "yes"],
        "requires": ["svc-auth", "pkg-web"],
    },
    "userstory": {
        "id": "US-002",
        "feature": "FEAT-001",
        "asA": "customer",
        "iWant": "to sign in with a passkey",
        "soThat": "I need no password",
        "acceptanceCriteria": ["A known passkey signs in: at once", "# is no comment"],
        "impacts": {"services": ["svc-auth"]},
    },
    "spec": {
        "id": "SPEC-002",
        "title": "Passkeys",
        "type": "api",
        "related": {"features": ["FEAT-001"], "services": ["svc-auth"]},
        "content": "## Purpose\n\nSign in.\n\n## Errors\n\n- none: yet\n",
    },
    "task": {
        "id": "T-008",
        "title": "Store public keys",
        "status": "todo",
        "related": {"feature": "FEAT-001", "spec": "SPEC-001"},
        "steps": ["Add a table"],
        "doneCriteria": ["Keys survive a restart"],
    },
    "service": {"id": "x", "name": "Passkey registry", "type": "backend", "dependencies": ["svc-auth"]},
    "package": {
        "id": "x",
        "name": "@shop/passkeys",
        "version": "0.1.0",
        "type": "npm",
        "uses": {"services": ["svc-auth"]},
    },
    "governance": {
        "id": "KEYS",
        "name": "Key constitution",
        "version": "0.1.0",
        "status": "draft",
        "ratifiedOn": "2025-02-28",
        "principles": [PRINCIPLE],
        "governance": {"owners": ["@ada"], "reviewCadence": "annually"},
        "compliance": {"rules": []},
    },
}
"""Answers that fit: ids are those that are free, or made of the name later."""

IDS = {"service": "svc-passkey-registry", "package": "pkg-shop-passkeys", "governance": "CONST-KEY-CONSTITUTION"}
IDS |= {name: answer["id"] for name, answer in RIGHT.items() if name not in IDS}

LINKS = {
    "feature": ("requires", "SPEC-001"),
    "userstory": ("feature", "US-001"),
    "spec": ("related.features", "T-007"),
    "task": ("related.spec", "FEAT-001"),
    "service": ("dependencies", "FEAT-001"),
    "package": ("uses.services", "pkg-web"),
}
"""A link field of each type that has one, and an entity that it can't name."""

_LINK_FIELDS = {
    "feature": ("userStories", "specs", "tasks", "requires", "produces"),
    "userstory": ("feature", "impacts.services", "impacts.packages"),
    "spec": ("related.features", "related.services", "related.packages"),
    "task": ("related.feature", "related.spec", "related.service"),
    "service": ("dependencies", "consumers"),
    "package": ("uses.services",),
    "governance": (),
}
_LINKED_TYPES = {"svc-auth", "pkg-web", "FEAT-001", "SPEC-001", "US-001", "T-007"}


def write(root: Path, files: Mapping[str, str] = FILES) -> Path:
    """Write files below a directory."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="")
    return root


def contents(root: Path) -> dict[str, bytes]:
    """All files below a directory."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def with_link(entity: Mapping[str, Any], field: str, value: str) -> dict[str, Any]:
    """An answer with another id in a link field; in place of a list's items, where it holds one."""
    name, _, rest = field.partition(".")
    before = entity.get(name, {})
    if rest:
        return {**entity, name: with_link(before, rest, value)}
    return {**entity, name: [value] if isinstance(before, list) else value}


def saying(adapter: Adapter, *answers: Any, end: str = "stop") -> Script:
    """A script that gives these answers in turn, the last one from then on; what is no text is said as JSON."""
    texts = [answer if isinstance(answer, str) else json.dumps(answer) for answer in answers]
    halves = ((text[: len(text) // 2], text[len(text) // 2 :]) for text in texts)
    return in_turn(*(adapter.saying(adapter.speech.text(*half), end=end) for half in halves))


def generate(
    sidecar: Sidecar, adapter: Adapter, server: Server, root: Path, entity_type: str, **params: Any
) -> dict[str, Any]:
    """The result of `entity/generate`, or the error."""
    linked = {"linkedFeatureId": "FEAT-001"} if entity_type in ("userstory", "spec", "task") else {}
    asked = {"entityType": entity_type, "userPrompt": PROMPT, "repoPath": str(root), **linked, **params}
    result: dict[str, Any] = sidecar.call("entity/generate", {"config": adapter.config(server.url), **asked})
    return result


def assert_valid(result: dict[str, Any], entity_type: str) -> None:
    """Fails unless a result holds a valid entity, by the schema alone, and YAML that says the same."""
    assert "entity" in result, result
    entity = result["entity"]
    assert [error.message for error in _validator(entity_type).iter_errors(entity)] == []
    assert yaml.load(result["yaml"], yaml.CSafeLoader) == entity
    assert (result["valid"], [error for error in result["errors"] if error["severity"] == "error"]) == (True, [])
    assert set(linked_ids(entity, entity_type)) <= _LINKED_TYPES
    assert (ROOT / result["path"]).is_relative_to(ROOT / "contexts")
    assert ".." not in result["path"]
    assert entity["id"] in result["path"] or entity_type == "governance"


@cache
def _validator(entity_type: str) -> Draft202012Validator:
    path = ROOT / "schemas" / "entities" / f"{entity_type}.json"
    return Draft202012Validator(json.loads(path.read_text(encoding="utf-8")))


def linked_ids(entity: Any, entity_type: str) -> Iterator[str]:
    """What an entity names in its link fields."""
    for field in _LINK_FIELDS[entity_type]:
        value = entity
        for name in field.split("."):
            value = value.get(name, {}) if isinstance(value, dict) else {}
        yield from value if isinstance(value, list) else [value] if isinstance(value, str) else []
