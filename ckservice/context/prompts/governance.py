"""What the governance documents of a repository ask of an entity."""

import json
from collections.abc import Iterator
from typing import Any

from ckservice.context.files import Entity
from ckservice.context.prompts.parts import mappings, one_line, strings
from ckservice.context.snapshot import Snapshot


def documents(snapshot: Snapshot, entity: Entity) -> list[Entity]:
    """The governance documents that are in force, without the entity itself."""
    return [document for document in snapshot.ratified if document.id != entity.id]


def principles(documents: list[Entity], entity: Entity) -> list[dict[str, Any]]:
    """The principles that apply to an entity, those that can't be negotiated first."""
    found = [
        _principle(principle, document)
        for document in documents
        for principle in mappings(document.data, "principles")
        if _applies(strings(principle, "appliesTo"), entity)
    ]
    return sorted(found, key=lambda principle: not principle["nonNegotiable"])


def rules(documents: list[Entity], entity: Entity) -> list[dict[str, Any]]:
    """The compliance rules that an entity is held to, with the exceptions that may let it off."""
    found = []
    for document in documents:
        compliance = document.data.get("compliance")
        for rule in mappings(compliance, "rules"):
            if _applies(strings(rule, "targets"), entity):
                exceptions = list(_exceptions(compliance, rule.get("id"), entity))
                found.append({**_rule(rule, document), "exceptions": exceptions})
    return found


def _applies(targets: list[str], entity: Entity) -> bool:
    return "global" in targets or entity.type in targets


def _principle(principle: dict[str, Any], document: Entity) -> dict[str, Any]:
    return {
        "id": principle.get("id"),
        "title": one_line(principle.get("title")) or principle.get("id"),
        "summary": one_line(principle.get("summary")),
        "details": one_line(principle.get("details")),
        "nonNegotiable": principle.get("nonNegotiable") is True,
        "requirements": [
            {"id": requirement.get("id"), "statement": statement, "severity": one_line(requirement.get("severity"))}
            for requirement in mappings(principle, "requirements")
            if (statement := one_line(requirement.get("statement")))
        ],
        "references": strings(principle, "references"),
        "evidence": [
            evidence["path"]
            for requirement in mappings(principle, "requirements")
            for evidence in mappings(requirement, "evidence")
            if isinstance(evidence.get("path"), str)
        ],
        "document": document.id,
    }


def _rule(rule: dict[str, Any], document: Entity) -> dict[str, Any]:
    return {
        "id": rule.get("id"),
        "title": one_line(rule.get("description")) or rule.get("id"),
        "severity": one_line(rule.get("severity")),
        "appliesTo": strings(rule, "targets"),
        "conditions": [
            {**condition, "text": _in_words(condition), "message": one_line(condition.get("message"))}
            for condition in mappings(rule, "conditions")
        ],
        "remediation": one_line(rule.get("remediation")),
        "references": strings(rule, "references"),
        "document": document.id,
    }


def _in_words(condition: dict[str, Any]) -> str:
    words = [one_line(condition.get("path")), one_line(condition.get("operator"))]
    if "value" in condition:
        words.append(json.dumps(condition["value"], ensure_ascii=False))
    return one_line(" ".join(words))


def _exceptions(compliance: Any, rule_id: Any, entity: Entity) -> Iterator[dict[str, Any]]:
    for exception in mappings(compliance, "exceptions"):
        scope = exception.get("scope")
        entities, layers = strings(scope, "entities"), strings(scope, "layers")
        if exception.get("ruleId") == rule_id and (entity.id in entities or not (entities or layers)):
            yield {
                "id": exception.get("id"),
                "justification": one_line(exception.get("justification")),
                "expiresOn": exception.get("expiresOn"),
                "mitigations": strings(exception, "mitigations"),
            }
