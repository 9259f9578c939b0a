"""The links of an entity that is to be written: what it may link to, and what it has to."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ckservice.context import fields
from ckservice.context.entities import KINDS, Link
from ckservice.context.files import Entity
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.errors import InvalidArguments
from ckservice.generation.context import by_shared_words
from ckservice.generation.narrowing import Narrowing
from ckservice.generation.wish import Wish

_MAX_CHOICES = 200
"""Ids that a model may choose from, for one field."""


def linked_entities(snapshot: Snapshot, wish: Wish) -> list[Entity]:
    """The entities that a new one is to be linked to, its feature first.

    Raises:
        EntityNotFound: one does not exist.
        InvalidArguments: there is no repository, or the feature is none.
    """
    ids = list(dict.fromkeys([*([wish.linked_feature_id] if wish.linked_feature_id else ()), *wish.linked_ids]))
    if ids and snapshot.root is None:
        name = "linkedFeatureId" if wish.linked_feature_id else "linkedIds"
        raise InvalidArguments([{"path": name, "message": "there is no repository in which it could be found"}])
    linked = [snapshot.get(entity_id) for entity_id in ids]
    if wish.linked_feature_id and linked[0].type != "feature":
        raise InvalidArguments([{"path": "linkedFeatureId", "message": f"is a {linked[0].type}, not a feature"}])
    return linked


def narrow_links(
    narrowing: Narrowing,
    snapshot: Snapshot,
    entity_type: EntityType,
    wish: Wish,
    *,
    linked: Sequence[Entity] = (),
    current: Mapping[str, Any] | None = None,
) -> None:
    """Let each link field of a schema hold nothing but ids of entities that exist, and those that are demanded.

    Args:
        narrowing: of the schema.
        snapshot: of the repository; of none where nothing can be linked to.
        entity_type: of the entity.
        wish: what is wanted.
        linked: what the entity is to be linked to: where just one field can hold a link, it has to.
        current: the entity before a change, whose links may stay.

    Raises:
        InvalidArguments: it has to link to something of which there is nothing.
    """
    links = KINDS[entity_type].links
    for link in links:
        possible = [entity for entity in linked if entity.type in link.targets]
        demanded = [entity.id for entity in possible if sum(entity.type in other.targets for other in links) == 1]
        allowed = _choices(snapshot, link, wish, possible, current or {})
        if allowed:
            narrowing.narrow(link.field, allowed, demanded)
        elif not narrowing.is_required(link.field):
            narrowing.forbid(link.field)
        elif snapshot.root is None:
            narrowing.match(link.field, _pattern(link))
        else:
            needed = " or ".join(link.targets)
            message = f"a {entity_type} needs a {needed} in {link.field}, and the repository has none"
            raise InvalidArguments([{"path": "entityType", "message": message}])


def _choices(
    snapshot: Snapshot, link: Link, wish: Wish, linked: Iterable[Entity], current: Mapping[str, Any]
) -> list[str]:
    """What may stand in a link field, the likeliest first."""
    own_id = current.get("id")
    existing = [entity for entity in snapshot.entities.values() if entity.type in link.targets and entity.id != own_id]
    ids = {entity.id for entity in existing}
    kept = [value for _, value in fields.texts(current, link.field)]
    if snapshot.root is not None:
        kept = [value for value in kept if link.target_id(value) in ids]
    likely = by_shared_words(existing, wish.prompt) if len(existing) > _MAX_CHOICES else []
    ordered = [*kept, *(entity.id for entity in (*linked, *likely)), *sorted(ids)]
    return list(dict.fromkeys(ordered))[: _MAX_CHOICES + len(kept)]


def _pattern(link: Link) -> str:
    """What ids of the types that a field may name look like."""
    kinds = [KINDS[entity_type] for entity_type in link.targets]
    return "^({})$".format("|".join(kind.prefix + ("[0-9]{3,}" if kind.is_numbered else ".+") for kind in kinds))
