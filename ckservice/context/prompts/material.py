"""What the templates of prompts are filled with. People write templates, too: no name here may change."""

from collections.abc import Collection
from typing import Any

from ckservice.context.fields import texts
from ckservice.context.files import Entity
from ckservice.context.prompts.governance import principles, rules
from ckservice.context.prompts.neighbours import described, fenced, shown
from ckservice.context.prompts.parts import mappings, one_line, strings
from ckservice.context.prompts.project import domains, project_files
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType

_CRITERIA: dict[EntityType, str] = {
    "feature": "acceptance",
    "userstory": "acceptanceCriteria",
    "task": "doneCriteria",
}

_ADDS_CRITERIA: dict[EntityType, EntityType] = {"feature": "userstory", "spec": "task"}
"""Neighbours whose criteria count for an entity as well."""

_MAX_CRITERIA = 200
_MAX_YAML = 200_000
"""Characters of the entity that are shown."""


def material(
    snapshot: Snapshot,
    entity: Entity,
    neighbours: list[tuple[Entity, str]],
    governing: list[Entity],
    ignored: Collection[str],
) -> dict[str, Any]:
    """All that is known about an entity, by the names that templates use."""
    linked, text = [other for other, _ in neighbours], entity.yaml.strip("\r\n")
    # A time would make each prompt a new one, in caches and in Git.
    origin = {"_type": entity.type, "_file": entity.path, "timestamp": ""}
    computed = {
        "linkedUserStories": _of_type(linked, "userstory"),
        "linkedSpecs": _of_type(linked, "spec"),
        "linkedTasks": _of_type(linked, "task"),
        "validationRules": rules(governing, entity),
    }
    return {
        **described(entity),
        **computed,
        **origin,
        # Entities may hold copies of what they are linked to; those count where a template asks for an entity's fields.
        "entity": {**computed, **entity.data, **origin},
        "is": {entity.type: True},
        "yaml": fenced(text[:_MAX_YAML]),
        "isCut": len(text) > _MAX_YAML,
        "criteria": _criteria(entity, linked),
        "steps": [one_line(step) for step in strings(entity.data, "steps") if one_line(step)],
        "instructions": _instructions([entity, *linked]),
        "linked": shown(neighbours),
        "principles": principles(governing, entity),
        "project": project_files(snapshot, ignored),
        "domains": domains(snapshot, [entity, *linked], ignored),
        "outputFile": f"generated/prompts/{entity.id}.md",
    }


def _of_type(entities: list[Entity], entity_type: EntityType) -> list[dict[str, Any]]:
    return [
        {**entity.data, "id": entity.id, "title": entity.title} for entity in entities if entity.type == entity_type
    ]


def _criteria(entity: Entity, linked: list[Entity]) -> list[dict[str, str]]:
    """What must be true in the end: `id` to refer to it by, `text`, and `source`, the entity that says so."""
    adding = _ADDS_CRITERIA.get(entity.type)
    found = [
        (line, source.id)
        for source in (entity, *(other for other in linked if other.type == adding))
        for text in _said(source)
        if (line := one_line(text))
    ]
    numbered = enumerate(found[:_MAX_CRITERIA], 1)
    return [{"id": f"C{place}", "text": text, "source": source} for place, (text, source) in numbered]


def _said(entity: Entity) -> list[Any]:
    if entity.type == "governance":
        asked = mappings(entity.data, "principles")
        return [
            requirement.get("statement") for principle in asked for requirement in mappings(principle, "requirements")
        ]
    field = _CRITERIA.get(entity.type)
    return [text for _, text in texts(entity.data, field)] if field is not None else []


def _instructions(entities: list[Entity]) -> list[dict[str, str]]:
    """What features tell an AI that works on them."""
    return [
        {"text": one_line(text), "source": entity.id}
        for entity in entities
        if entity.type == "feature"
        for text in strings(entity.data.get("prompts"), "instructions")
        if one_line(text)
    ]
