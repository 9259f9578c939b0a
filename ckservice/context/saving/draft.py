"""An entity on its way into the repository: as values, or as the text that somebody wrote."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from ckservice.context.entities import KINDS
from ckservice.context.files import Entity, type_of
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.entity import check_entity, check_yaml
from ckservice.context.validation.model import EntityProblem
from ckservice.context.yaml.nodes import MAX_DEPTH
from ckservice.context.yaml.reading import read
from ckservice.errors import InvalidEntity
from ckservice.nesting import is_deeper

_MAX_ID = 256
"""Characters of an id."""

_BOM = "\ufeff"


@dataclass(frozen=True, slots=True)
class Draft:
    """What is to be saved.

    Attributes:
        id: of the entity.
        data: the whole of it.
        text: of its document, where it was given as YAML; without byte order mark.
    """

    id: str
    data: Mapping[str, Any]
    text: str | None

    @classmethod
    def of(cls, entity: Mapping[str, Any] | str) -> Self:
        """Take an entity as it was given.

        Raises:
            InvalidEntity: it is not YAML of one mapping, or has no id.
        """
        text = entity.removeprefix(_BOM) if isinstance(entity, str) else None
        data = _read(text) if text is not None else entity
        if not isinstance(data, Mapping):
            raise invalid("The entity", "", "is not a mapping of keys to values")
        entity_id = data.get("id")
        if not isinstance(entity_id, str) or not entity_id:
            raise invalid("The entity", "id", "is missing; entity/nextId gives the next free one")
        if len(entity_id) > _MAX_ID:
            raise invalid("The entity", "id", f"has {len(entity_id)} characters; at most {_MAX_ID} are read")
        if is_deeper(data, MAX_DEPTH - 1):
            raise invalid("The entity", "", f"is nested more than {MAX_DEPTH} levels deep")
        if _has_lone_surrogates(data):
            raise invalid("The entity", "", "holds half of a surrogate pair, which is no character")
        return cls(entity_id, data, text)

    def type_for(self, path: str | None, wanted: EntityType | None, existing: Entity | None) -> EntityType:
        """Its type: that of the entity that is there, else the one that is wanted, else what the path and the id tell.

        Raises:
            InvalidEntity: nothing tells, or the entity that is there has another type than the one that is wanted.
        """
        if existing is not None and wanted not in (None, existing.type):
            raise invalid(self.id, "id", f"belongs to a {KINDS[existing.type].name}, not to a {wanted}")
        found = existing.type if existing is not None else wanted or self._told_type(path)
        if found is None:
            raise invalid(self.id, "id", "does not tell the type of the entity; entityType can")
        return found

    def _told_type(self, path: str | None) -> EntityType | None:
        return type_of("", {"id": self.id}) or type_of(path or "", dict(self.data))

    def check(self, entity_type: EntityType, snapshot: Snapshot) -> None:
        """Hold it to its schema and to what is in the repository.

        Raises:
            InvalidEntity: it does not fit.
        """
        if self.text is not None:
            problems = check_yaml(self.text, entity_type, snapshot)
        else:
            problems = check_entity(self.data, entity_type, snapshot)
        _refuse([problem for problem in problems if problem.severity == "error"], self.id)


def invalid(what: str, path: str, message: str) -> InvalidEntity:
    """One thing that is wrong with an entity, as the error that says so."""
    return InvalidEntity(
        f"{what} can't be saved: {path or 'it'} {message}.", errors=[{"path": path, "message": message}]
    )


def _has_lone_surrogates(data: Mapping[str, Any]) -> bool:
    try:
        json.dumps(dict(data), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _read(text: str) -> Any:
    reading = read(text)
    if not reading.documents and reading.problems:
        errors = [{"path": "", "message": f"line {found.line}: {found.message}"} for found in reading.problems]
        raise InvalidEntity(
            f"The entity can't be saved: its YAML can't be read, {errors[0]['message']}.", errors=errors
        )
    if len(reading.documents) != 1:
        raise invalid("The entity", "", f"holds {len(reading.documents)} YAML documents; expected 1")
    return reading.documents[0]


def _refuse(problems: Sequence[EntityProblem], entity_id: str) -> None:
    if problems:
        errors = [{"path": problem.path, "message": problem.message} for problem in problems]
        # Only `errors` has what was found in the entity: this message is logged.
        paths = ", ".join(dict.fromkeys(problem.path or "the whole" for problem in problems[:10]))
        raise InvalidEntity(f"{entity_id} does not fit its schema or links, at: {paths}.", errors=errors)
