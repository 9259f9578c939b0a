"""Both ends of a link: what one entity says of another, and what that one says of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from ckservice.context.entities import KINDS, Link
from ckservice.context.fields import texts
from ckservice.context.files import Entity
from ckservice.context.saving.draft import invalid
from ckservice.context.schemas import built_in
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType


def back_links(
    data: Mapping[str, Any], entity_type: EntityType, snapshot: Snapshot
) -> Iterator[tuple[Entity, dict[str, Any]]]:
    """Each entity that a new one names and that does not name it yet, with its values once it does."""
    named: dict[str, set[str]] = {}
    for link in KINDS[entity_type].links:
        for _, value in texts(data, link.field):
            target_id = link.target_id(value)
            target = snapshot.entities.get(target_id)
            if target is None and link.inverse is not None and target_id in snapshot.unreadable_ids:
                raise invalid(
                    data["id"], link.field, f"names {target_id}, whose file can't be read to put the link back in"
                )
            if target is not None and target.type in link.targets:
                inverse = _inverse_of(link, target.type)
                if inverse is not None:
                    named.setdefault(target.id, set()).add(inverse.field)
    for target_id in sorted(named):
        target = snapshot.entities[target_id]
        changed = target.data
        for field in sorted(named[target_id]):
            changed = _with_id(changed, target.type, field, data["id"])
        if changed is not target.data:
            yield target, changed


def _inverse_of(link: Link, target: EntityType) -> Link | None:
    """The field by which an entity of a type says the same as a link to it."""
    return next((inverse for inverse in KINDS[target].links if inverse.field == link.inverse), None)


def _with_id(data: dict[str, Any], entity_type: EntityType, field: str, target_id: str) -> dict[str, Any]:
    """The values of an entity with one more id in a field.

    The same object comes back where the id is there already, where the field holds one id and has one, and where
    something else than ids stands there.
    """
    return _with_link(data, field.split("."), target_id, is_list=_is_list(entity_type, field))


def _with_link(data: dict[str, Any], names: list[str], target_id: str, *, is_list: bool) -> dict[str, Any]:
    name, *inner_names = names
    value = data.get(name)
    changed: Any = value
    if inner_names:
        if value is None or isinstance(value, dict):
            changed = _with_link(value or {}, inner_names, target_id, is_list=is_list)
    elif value is None or value == "":
        changed = [target_id] if is_list else target_id
    elif is_list and isinstance(value, str | list):
        present = value if isinstance(value, list) else [value]
        changed = value if target_id in present else [*present, target_id]
    return data if changed is value else {**data, name: changed}


def _is_list(entity_type: EntityType, field: str) -> bool:
    """Whether a field holds many ids."""
    schema = built_in(entity_type).document
    node: Any = schema
    for name in field.split("."):
        node = node["properties"][name]
        if "$ref" in node:
            node = schema["$defs"][node["$ref"].removeprefix("#/$defs/")]
    return bool(node["type"] == "array")
