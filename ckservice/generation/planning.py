"""Everything about one generation that is known before a model is asked, and what its answer is held to."""

import re
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ckservice import errors
from ckservice.context import fields
from ckservice.context.catalog import id_for, next_id
from ckservice.context.entities import KINDS
from ckservice.context.files import Entity, type_of
from ckservice.context.graph.links import references
from ckservice.context.schemas import Schema
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.entity import check_entity
from ckservice.context.validation.model import EntityProblem
from ckservice.context.yaml.reading import FieldPath
from ckservice.generation import prompting
from ckservice.generation.bundling import bundled
from ckservice.generation.context import Piece, gather, visible
from ckservice.generation.linking import Dangling, find_dangling, linked_entities, narrow_links, without_dangling
from ckservice.generation.masking import Masking
from ckservice.generation.narrowing import Narrowing
from ckservice.generation.style import in_order
from ckservice.generation.wish import Wish
from ckservice.nesting import is_deeper
from ckservice.types import Message

_MAX_SCHEMA_DEPTH = 120
_MAX_DEPTH = 50
_MAX_LINKED = 4
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

_NOT_FOR_MODELS: dict[EntityType, tuple[str, ...]] = {"governance": ("checksum",)}
"""What can only be computed."""


@dataclass(frozen=True)
class Plan:
    """What is asked, and what makes of an answer an entity.

    Attributes:
        entity_type: of the entity.
        messages: the conversation.
        schema: that the model is given.
        pieces: what it is told of the repository.
        make_id: says which id an answer gets.
        current: what is to be changed, if anything is.
        saved: the entity in the repository that has its id.
        is_unsaved: `current` was given, whatever `saved` is.
        masking: of what the model may not see of `current`.
        kept: members of `current` that stay even if the model leaves them out.
        linked: what a new entity is to be linked to.
        dangling: links of `current` that lead nowhere; the model does not see them.
    """

    snapshot: Snapshot
    entity_type: EntityType
    messages: tuple[Message, ...]
    schema: dict[str, Any]
    pieces: Sequence[Piece]
    make_id: Callable[[dict[str, Any]], str]
    current: Mapping[str, Any] | None = None
    saved: Entity | None = None
    is_unsaved: bool = False
    masking: Masking = field(default_factory=lambda: Masking({}))
    kept: Sequence[FieldPath] = ()
    linked: Sequence[Entity] = ()
    dangling: Sequence[Dangling] = ()

    def problems(self, value: Any) -> list[dict[str, str]]:
        """What is wrong with an answer that fits the schema of the model."""
        if not isinstance(value, dict) or is_deeper(value, _MAX_DEPTH):
            return [{"path": "$", "message": "is no object, or nested too deeply"}]
        entity = self.entity(value)
        found = [
            {"path": f"$.{problem.path}" if problem.path else "$", "message": problem.message}
            for problem in self.findings(entity)
            if problem.severity == "error"
        ]
        if self.masking.is_left_in(entity):
            found.append(
                {"path": "$", "message": 'holds "[redacted …]" in another text; repeat such texts as they were'}
            )
        return found

    def findings(self, entity: Mapping[str, Any]) -> list[EntityProblem]:
        """What there is to say about an entity, by the original schema and the links of the repository."""
        return check_entity(entity, self.entity_type, self.snapshot)

    def entity(self, value: Any) -> dict[str, Any]:
        """The entity that an answer stands for."""
        answer = self.masking.restore(value)
        self._put_back(answer)
        document = self.snapshot.schemas.by_type[self.entity_type].document
        whole = {**answer, "id": self.make_id(answer)}
        entity: dict[str, Any] = in_order(whole, document, kept=self.current)
        if entity != whole and any(problem.severity == "error" for problem in self.findings(entity)):
            return whole  # something that is empty is asked for in a way that is not `required`
        return entity

    def _put_back(self, answer: dict[str, Any]) -> None:
        """Members that the schema does not know, and the model left out though nobody told it to."""
        for path in self.kept:
            holder, old = fields.find(answer, path[:-1]), fields.find(self.current, path[:-1])
            if isinstance(holder, dict) and path[-1] not in holder and (len(path) == 1 or _is_same(holder, old)):
                holder[str(path[-1])] = old[path[-1]]


def plan_new(snapshot: Snapshot, wish: Wish, *, hidden: Container[str] = (), is_offline: bool = False) -> Plan:
    """Plan a new entity.

    Args:
        snapshot: of the repository.
        wish: what is wanted.
        hidden: paths of files of which a model is told nothing but ids.
        is_offline: no model is asked.

    Raises:
        EntityNotFound: something that it is to be linked to does not exist.
        InvalidArguments: it can't be linked as it should be.
        InvalidEntity: no entity can fit the schema.
    """
    assert wish.entity_type is not None, "a new entity has a type"
    entity_type = wish.entity_type
    linked = linked_entities(snapshot, wish)
    is_numbered = KINDS[entity_type].is_numbered
    entity_id = next_id(snapshot, entity_type) if is_numbered else None
    narrowing = _narrowing(snapshot, entity_type, entity_id)
    narrow_links(narrowing, snapshot, entity_type, wish, linked=linked, is_offline=is_offline)
    narrowing.close()
    pieces = gather(snapshot, entity_type, wish.prompt, linked, hidden=hidden) if wish.use_context else []
    return Plan(
        snapshot,
        entity_type,
        prompting.ask_for_new(entity_type, wish.prompt, linked, pieces, entity_id, hidden=hidden),
        narrowing.schema,
        pieces,
        lambda answer: entity_id or _made_id(snapshot, entity_type, answer),
        linked=linked,
    )


def plan_change(snapshot: Snapshot, wish: Wish, *, hidden: Container[str] = (), is_offline: bool = False) -> Plan:
    """Plan a change; see `plan_new`.

    Raises:
        EntityNotFound: there is nothing to change.
        InvalidArguments: the type of what is to be changed is unknown.
        InvalidEntity: no entity with this id can fit the schema.
    """
    saved = snapshot.get(wish.entity_id) if wish.entity_id is not None else None
    current = saved.data if saved is not None else wish.current or {}
    entity_type = saved.type if saved is not None else wish.entity_type or type_of("", current)
    if entity_type is None:
        raise errors.InvalidArguments([{"path": "entityType", "message": "is required: the id does not tell the type"}])
    given = saved.id if saved is not None else current.get("id")
    entity_id = given if isinstance(given, str) and given else _made_id(snapshot, entity_type, current)
    current = {**current, "id": entity_id} if saved is None else current
    whole = {**current, "id": entity_id}
    narrowing = _narrowing(snapshot, entity_type, entity_id)
    unknown = narrowing.admit(current)
    dangling = find_dangling(narrowing, snapshot, entity_type, whole)
    masking = Masking(without_dangling(whole, dangling, narrowing))
    narrow_links(narrowing, snapshot, entity_type, wish, current=whole, is_offline=is_offline)
    narrowing.close()
    linked = _named_by(saved, visible(snapshot, hidden)) if saved is not None else []
    pieces = (
        gather(snapshot, entity_type, wish.prompt, linked, without=entity_id, hidden=hidden) if wish.use_context else []
    )
    roots = {fields.parse_path(each.field)[0] for each in dangling}
    kept = [path for path in _unasked(unknown, wish.prompt) if path[0] not in roots]
    return Plan(
        snapshot,
        entity_type,
        prompting.ask_for_change(entity_type, wish.prompt, masking.shown, pieces),
        narrowing.schema,
        pieces,
        lambda _: entity_id,
        current=current,
        saved=saved or snapshot.entities.get(entity_id),
        is_unsaved=saved is None,
        masking=masking,
        kept=[*kept, *_unseen(current, entity_type, snapshot)],
        dangling=dangling,
    )


def _named_by(entity: Entity, snapshot: Snapshot) -> list[Entity]:
    """The first entities that one links to."""
    ids = dict.fromkeys(reference.target for reference in references(entity))
    return [snapshot.entities[found] for found in ids if found in snapshot.entities][:_MAX_LINKED]


def _unasked(unknown: Sequence[FieldPath], instruction: str) -> list[FieldPath]:
    """Of the members that the schema does not know, those that the instruction does not name."""
    said = instruction.casefold()
    return [path for path in unknown if str(path[-1]).casefold() not in said]


def _unseen(current: Mapping[str, Any], entity_type: EntityType, snapshot: Snapshot) -> list[FieldPath]:
    """Members that the model can't write, and that are right as they are: what is computed, and empty lists of links."""
    wrong = {problem.path for problem in check_entity(current, entity_type, snapshot) if problem.severity == "error"}
    computed = [(name,) for name in _NOT_FOR_MODELS.get(entity_type, ()) if name in current and name not in wrong]
    links = (fields.parse_path(link.field) for link in KINDS[entity_type].links)
    return [*computed, *(path for path in links if fields.find(current, path) == [])]


def _narrowing(snapshot: Snapshot, entity_type: EntityType, entity_id: str | None) -> Narrowing:
    """The schema in force, with the id that the entity has.

    Raises:
        InvalidEntity: it does not allow this id, or can't be applied.
    """
    schema = snapshot.schemas.by_type[entity_type]
    if entity_id is not None and _is_refused(schema, entity_id):
        raise _impossible(schema, "id", f"{entity_id[:100]} is not an id that the schema allows")
    narrowing = Narrowing(schema.document, schema.related)
    if is_deeper(narrowing.schema, _MAX_SCHEMA_DEPTH):
        raise _impossible(schema, "", "the schema is nested too deeply")
    for name in _NOT_FOR_MODELS.get(entity_type, ()):
        narrowing.forbid(name)
    if entity_id is not None:
        narrowing.narrow("id", [entity_id], [entity_id])
    return narrowing


def _made_id(snapshot: Snapshot, entity_type: EntityType, entity: Mapping[str, Any]) -> str:
    """A free id made of an entity's title; the one that the model gave it where the schema allows no other."""
    title, proposed = entity.get(KINDS[entity_type].title), entity.get("id")
    made = id_for(snapshot, entity_type, title if isinstance(title, str) else "")
    is_usable = isinstance(proposed, str) and _SAFE_ID.fullmatch(proposed) and proposed not in snapshot.entities
    if not is_usable or not _is_refused(snapshot.schemas.by_type[entity_type], made):
        return made
    return str(proposed)


def _is_refused(schema: Schema, entity_id: str) -> bool:
    """Whether no entity with this id can fit a schema.

    Raises:
        InvalidEntity: nothing can be said to fit it.
    """
    from ckservice import json_schema  # noqa: PLC0415 - takes 70 ms: only for those who need it

    try:
        found = json_schema.problems({"id": entity_id}, bundled(schema.document, schema.related))
    except json_schema.Undecidable as undecidable:
        raise _impossible(schema, "", undecidable.message) from None
    return any(problem["path"] == "$.id" for problem in found)


def _impossible(schema: Schema, path: str, message: str) -> errors.InvalidEntity:
    name = KINDS[schema.type].name
    told = None
    if schema.file is not None:
        told = f"No {name} can be written by {schema.file}: {message}; mend this schema."
    elif path == "id":
        told = f"The {name} can't be changed: {message}; give it another id first."
    problem = {"path": path, "message": message}
    return errors.InvalidEntity(f"No {name} fits the schema that is in force.", errors=[problem], user_message=told)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two mappings are the same one before and after a change, as far as their names tell."""
    names = ("id", "name", "title")
    return isinstance(other, dict) and all(one[name] == other[name] for name in names if name in one and name in other)
