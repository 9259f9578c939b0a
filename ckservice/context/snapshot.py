"""A repository as it was at one moment. It does not change, so that any number of readers can share it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ckservice.context.files import Entity, File
from ckservice.context.schemas import Schemas, built_in_schemas
from ckservice.context.types import EntityType
from ckservice.errors import EntityNotFound


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What was in a repository.

    Attributes:
        root: its directory, with links resolved; `None` for that of no repository, in which links are not checked.
        files: by path, in the order of the paths; broken ones too.
        schemas: that entities are held to.
    """

    root: Path | None
    files: Mapping[str, File]
    schemas: Schemas

    @cached_property
    def entities(self) -> dict[str, Entity]:
        """By id, in the order of the paths; where an id stands in several places, the first."""
        found: dict[str, Entity] = {}
        for file in self.files.values():
            for entity in file.entities:
                found.setdefault(entity.id, entity)
        return found

    @cached_property
    def duplicates(self) -> dict[str, list[Entity]]:
        """Each id that stands in several places, and all of those."""
        places: dict[str, list[Entity]] = {}
        for file in self.files.values():
            for entity in file.entities:
                places.setdefault(entity.id, []).append(entity)
        return {entity_id: found for entity_id, found in places.items() if len(found) > 1}

    @cached_property
    def unreadable_ids(self) -> frozenset[str]:
        """Ids that files most likely hold whose YAML is broken: links to them are not wrong."""
        return frozenset(found for file in self.files.values() for found in file.unreadable_ids)

    @cached_property
    def ratified(self) -> tuple[Entity, ...]:
        """The governance documents that are in force: drafts and deprecated ones bind nobody."""
        return tuple(entity for entity in self.of_type("governance") if entity.status == "ratified")

    def get(self, entity_id: str) -> Entity:
        """The entity with an id.

        Raises:
            EntityNotFound: there is none, or its file can't be read.
        """
        entity = self.entities.get(entity_id)
        if entity is None:
            raise self._not_found(entity_id)
        return entity

    def _not_found(self, entity_id: str) -> EntityNotFound:
        broken = next(
            (file for file in self.files.values() if entity_id in file.unreadable_ids and file.problems), None
        )
        if broken is None:
            return EntityNotFound(f"There is no entity {entity_id[:100]!r} in the repository.")
        problem = broken.problems[0]
        where = f"{broken.path}, line {problem.line}"
        return EntityNotFound(
            f"{entity_id[:100]} seems to stand in a file that can't be read: {where}: it {problem.message}.",
            user_message=f"The file of this item can't be read: {where} {problem.message}; correct it there.",
        )

    def of_type(self, entity_type: EntityType | None) -> list[Entity]:
        """The entities of a type, or all, in the order of the paths."""
        return [entity for entity in self.entities.values() if entity_type in (None, entity.type)]


def nowhere() -> Snapshot:
    """What is known without a repository: the built-in schemas."""
    return Snapshot(None, {}, built_in_schemas())
