"""The entities that an entity is linked to, one link away, as they are shown in prompts."""

import re
from typing import Any

from ckservice.context.entities import KINDS
from ckservice.context.files import Entity
from ckservice.context.graph.links import Reference, references
from ckservice.context.snapshot import Snapshot

_MAX_WHOLE = 60_000
"""Characters of all neighbours that are shown as they are; others are only named."""

_MAX_ENTITY = 20_000
"""Characters of one of them."""

_MAX_NAMED = 200
"""Neighbours: a service may have hundreds."""


def neighbours(snapshot: Snapshot, entity: Entity) -> list[tuple[Entity, str]]:
    """What an entity is linked to, from either side, each once, with the link as `FEAT-001 has-story US-001`."""
    found: dict[str, tuple[Entity, str]] = {}
    for reference in references(entity):
        target = snapshot.entities.get(reference.target)
        if target is not None and target.id != entity.id:
            found.setdefault(target.id, (target, _in_words(reference)))
    order = list(KINDS)
    for other in sorted(snapshot.of_type(None), key=lambda other: (order.index(other.type), other.id)):
        if other.id == entity.id or other.id in found:
            continue
        link = next((reference for reference in references(other) if reference.target == entity.id), None)
        if link is not None:
            found[other.id] = (other, _in_words(link))
    return list(found.values())[:_MAX_NAMED]


def _in_words(reference: Reference) -> str:
    ends = [reference.source.id, reference.target]
    return f" {reference.link.relation} ".join(reversed(ends) if reference.link.is_reversed else ends)


def shown(found: list[tuple[Entity, str]]) -> list[dict[str, Any]]:
    """Neighbours as templates see them; `yaml` is empty for those that there is no room for."""
    left, result = _MAX_WHOLE, []
    for entity, link in found:
        text = entity.yaml.strip("\r\n")
        is_whole = len(text) <= min(left, _MAX_ENTITY)
        left -= len(text) if is_whole else 0
        result.append({**described(entity), "link": link, "yaml": fenced(text) if is_whole else ""})
    return result


def described(entity: Entity) -> dict[str, Any]:
    """An entity in a few words."""
    return {
        "id": entity.id,
        "entityType": entity.type,
        "typeName": KINDS[entity.type].name,
        "title": entity.title,
        "status": entity.status,
        "file": entity.path,
    }


def fenced(text: str, language: str = "yaml") -> str:
    """A text in a fence of Markdown that nothing in it can end."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    lines = text.replace("\r\n", "\n")
    return f"{fence}{language}\n{lines}\n{fence}"
