"""The links of an entity that is to be written: what it may link to, and what it has to."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from ckservice.context import fields
from ckservice.context.entities import KINDS, Link
from ckservice.context.files import Entity
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.links import Names
from ckservice.errors import InvalidArguments
from ckservice.generation.context import by_shared_words
from ckservice.generation.narrowing import Narrowing
from ckservice.generation.wish import Wish

_MAX_CHOICES = 200
"""Ids that a model may choose from, for one field."""


@dataclass(frozen=True, slots=True)
class Dangling:
    """A link that leads nowhere, or to what the field can't name, in an entity that can do without it."""

    field: str
    value: str
    reason: str


def linked_entities(snapshot: Snapshot, wish: Wish) -> list[Entity]:
    """The entities that a new one is to be linked to, its feature first.

    Raises:
        EntityNotFound: one does not exist.
        InvalidArguments: there is no repository, or the feature is none.
    """
    ids = list(dict.fromkeys([*([wish.linked_feature_id] if wish.linked_feature_id else ()), *wish.linked_ids]))
    if ids and snapshot.root is None:
        name = "linkedFeatureId" if wish.linked_feature_id else "linkedIds"
        raise InvalidArguments(
            [{"path": name, "message": "there is no repository in which it could be found"}],
            user_message="Without a repository there is nothing to link to; open one, or ask without links.",
        )
    linked = [snapshot.get(entity_id) for entity_id in ids]
    if wish.linked_feature_id and linked[0].type != "feature":
        message = f"is a {KINDS[linked[0].type].name}, not a feature"
        told = f"{linked[0].id[:100]} {message}; choose a feature to link to."
        raise InvalidArguments([{"path": "linkedFeatureId", "message": message}], user_message=told)
    return linked


def narrow_links(
    narrowing: Narrowing,
    snapshot: Snapshot,
    entity_type: EntityType,
    wish: Wish,
    *,
    linked: Sequence[Entity] = (),
    current: Mapping[str, Any] | None = None,
    is_offline: bool = False,
) -> None:
    """Let each link field of a schema hold nothing but ids of entities that exist, and those that are demanded.

    Args:
        narrowing: of the schema.
        snapshot: of the repository; of none where nothing can be linked to.
        entity_type: of the entity.
        wish: what is wanted.
        linked: what the entity has to be linked to, each in the first field that can hold it.
        current: the entity before a change, whose links may stay.
        is_offline: no model chooses; where a link is needed, it is the one that the prompt is likely to mean.

    Raises:
        InvalidArguments: it has to link to something of which there is nothing, or nobody can say to which.
    """
    demanded: dict[str, list[str]] = {}
    for entity in linked:
        field = field_for(narrowing, entity_type, entity)
        if field is not None:
            demanded.setdefault(field, []).append(entity.id)
    for link in KINDS[entity_type].links:
        own = demanded.get(link.field, [])
        allowed, is_likely = _choices(snapshot, link, wish, own, current or {})
        if allowed:
            if is_offline and not is_likely and narrowing.is_required(link.field, current):
                raise _unclear(entity_type, link, wish)
            narrowing.narrow(link.field, allowed, own)
        elif not narrowing.is_required(link.field):
            narrowing.forbid(link.field)
        elif snapshot.root is None:
            narrowing.match(link.field, _pattern(link))
        else:
            raise _missing(entity_type, link)


def field_for(narrowing: Narrowing, entity_type: EntityType, entity: Entity) -> str | None:
    """The first field of a type that can name an entity; `None` where the schema has no such field."""
    fitting = (link.field for link in KINDS[entity_type].links if entity.type in link.targets)
    return next((field for field in fitting if narrowing.has(field)), None)


def find_dangling(
    narrowing: Narrowing, snapshot: Snapshot, entity_type: EntityType, current: Mapping[str, Any]
) -> list[Dangling]:
    """The links of an entity that lead nowhere, but for those in a field that it can't do without."""
    names, found = Names(snapshot), []
    for link in KINDS[entity_type].links if snapshot.root is not None else ():
        for path, value in fields.texts(current, link.field):
            is_needed = isinstance(path[-1], str) and narrowing.is_required(link.field, current)
            if is_needed or _may_stay(names, link, value, current.get("id")):
                continue
            named = names.of(link.target_id(value))
            reason = f"is a {KINDS[named[0].type].name}" if named else "does not exist"
            if link.target_id(value) == current.get("id"):
                reason = f"is the {KINDS[entity_type].name} itself"
            found.append(Dangling(link.field, value, reason))
    return list(dict.fromkeys(found))


def without_dangling(
    current: Mapping[str, Any], dangling: Sequence[Dangling], narrowing: Narrowing
) -> Mapping[str, Any]:
    """An entity without some of its links, and without lists and objects that held nothing else."""
    entity = deepcopy(dict(current)) if dangling else current
    for each in dangling:
        path = fields.parse_path(each.field)
        holder = fields.find(entity, path[:-1])
        value = holder.get(path[-1])
        left = [item for item in value if item != each.value] if isinstance(value, list) else []
        holder[path[-1]] = left
        for depth in range(len(path), 0, -1):
            if fields.find(entity, path[:depth]) or narrowing.is_required(".".join(map(str, path[:depth]))):
                break
            del fields.find(entity, path[: depth - 1])[path[depth - 1]]
    return entity


def _choices(
    snapshot: Snapshot, link: Link, wish: Wish, demanded: Sequence[str], current: Mapping[str, Any]
) -> tuple[list[str], bool]:
    """What may stand in a link field, the likeliest first; and whether anything says that the first one is meant."""
    own_id, names = current.get("id"), Names(snapshot)
    existing = [entity for entity in snapshot.entities.values() if entity.type in link.targets and entity.id != own_id]
    written = [value for _, value in fields.texts(current, link.field)]
    kept = [value for value in written if snapshot.root is None or _may_stay(names, link, value, own_id)]
    likely = [entity.id for entity in by_shared_words(existing, wish.prompt)]
    ordered = [*kept, *demanded, *likely, *sorted(entity.id for entity in existing)]
    is_likely = bool(written or demanded or likely) or len(existing) == 1
    return list(dict.fromkeys(ordered))[: _MAX_CHOICES + len(kept)], is_likely


def _may_stay(names: Names, link: Link, value: str, own_id: Any) -> bool:
    target = link.target_id(value)
    return target != own_id and (names.has(target, link.targets) or (not names.of(target) and names.may_exist(target)))


def _unclear(entity_type: EntityType, link: Link, wish: Wish) -> InvalidArguments:
    kind, needed = KINDS[entity_type].name, _named(link)
    path = "linkedFeatureId" if "feature" in link.targets else "linkedIds"
    return InvalidArguments(
        [{"path": "instruction" if wish.is_change else path, "message": f"which {needed} does it belong to?"}],
        user_message=f"No model is connected, and nothing in the request tells which {needed} the {kind} belongs to; "
        f"choose the {needed}, or a provider in the settings.",
    )


def _missing(entity_type: EntityType, link: Link) -> InvalidArguments:
    kind, needed = KINDS[entity_type].name, _named(link)
    message = f"a {kind} needs a {needed} in {link.field}, and the repository has none"
    told = f"A {kind} needs a {needed}, and the repository has none; create a {needed} first."
    return InvalidArguments([{"path": "entityType", "message": message}], user_message=told)


def _named(link: Link) -> str:
    return " or ".join(KINDS[target].name for target in link.targets)


def _pattern(link: Link) -> str:
    """What ids of the types that a field may name look like."""
    kinds = [KINDS[entity_type] for entity_type in link.targets]
    return "^({})$".format("|".join(kind.prefix + ("[0-9]{3,}" if kind.is_numbered else ".+") for kind in kinds))
