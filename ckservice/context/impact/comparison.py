"""Entities then and now: which are new, gone, elsewhere or different.

An entity is the same one as long as it has the same id, in whatever file. An entity whose file is broken on one side is
`unreadable`: nobody can tell whether it has changed, so that it impacts nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ckservice.context.files import Entity, File, type_of
from ckservice.context.impact.differences import Difference, differences
from ckservice.context.impact.model import ChangeStatus
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.errors import EntityNotFound


@dataclass(frozen=True)
class Change:
    """An entity that is not what it was.

    Attributes:
        before: `None` where it was not there or not readable.
        after: `None` where it is no longer there or readable.
        differences: of its fields; of an entity that was added or removed, one that holds the whole of it.
    """

    id: str
    type: EntityType
    status: ChangeStatus
    file: str
    previous_file: str | None
    before: Entity | None
    after: Entity | None
    differences: tuple[Difference, ...]

    @property
    def is_meant(self) -> bool:
        """Whether it means something to others: a new name of the file doesn't."""
        return self.status == "given" or bool(self.differences)

    @property
    def has_fields(self) -> bool:
        """Whether it is known which fields have changed; else all of them count."""
        return any(difference.path for difference in self.differences)

    @property
    def was(self) -> Mapping[str, Any] | None:
        """The old data; `None` where all of the entity counts as new."""
        counts = self.before is not None and (self.differences or self.after is None)
        return self.before.data if self.before is not None and counts else None

    @property
    def now(self) -> Mapping[str, Any] | None:
        """The new data; `None` where there is nothing now."""
        return self.after.data if self.after is not None else None


def compare(base: Mapping[str, File], now: Mapping[str, File]) -> list[Change]:
    """What has changed, by id and file. Files that are the same object on both sides are the same."""
    differ = sorted(path for path in base.keys() | now.keys() if base.get(path) is not now.get(path))
    before = _entities(base[path] for path in differ if path in base)
    after = _entities(now[path] for path in differ if path in now)
    broken_before, broken_now = _broken(base), _broken(now)
    changes = [
        change
        for entity_id in before.keys() | after.keys()
        for old, new in _pairs(before.get(entity_id, []), after.get(entity_id, []))
        if (change := _change(old, new, broken_before if old is None else broken_now)) is not None
    ]
    return sorted(changes, key=lambda change: (change.id, change.file))


def take_as_changed(
    entity_ids: Iterable[str], changes: Sequence[Change], base: Mapping[str, File], now: Snapshot
) -> list[Change]:
    """Those that were named, with what has really changed of them.

    Raises:
        EntityNotFound: one is neither there nor was.
    """
    really = {change.id: change for change in reversed(changes)}
    taken = []
    for entity_id in sorted(set(entity_ids)):
        change = really.get(entity_id)
        if change is None:
            entity = now.entities.get(entity_id)
            change = _untouched(entity) if entity is not None else _in_broken_file(entity_id, base, now)
        taken.append(replace(change, status="given"))
    return taken


def _entities(files: Iterable[File]) -> dict[str, list[Entity]]:
    found: dict[str, list[Entity]] = defaultdict(list)
    for file in files:
        for entity in file.entities:
            found[entity.id].append(entity)
    return found


def _pairs(before: list[Entity], after: list[Entity]) -> Iterator[tuple[Entity | None, Entity | None]]:
    """The states that belong together: in the same file if they can, since an id can stand in several."""
    new = list(after)
    moved = []
    for old in before:
        same = next((entity for entity in new if entity.path == old.path), None)
        if same is None:
            moved.append(old)
        else:
            new.remove(same)
            yield old, same
    for old in moved:
        yield old, new.pop(0) if new else None
    for entity in new:
        yield None, entity


def _change(old: Entity | None, new: Entity | None, broken: frozenset[str]) -> Change | None:
    entity = new or old
    assert entity is not None
    found: tuple[Difference, ...] = ()
    status: ChangeStatus
    if old is not None and new is not None:
        found = tuple(differences(old.data, new.data, new.type))
        status = "renamed" if old.path != new.path else "modified"
        if status == "modified" and not found and old.type == new.type:
            return None
    elif entity.id in broken or entity.path in broken:
        status = "unreadable"
    else:
        status = "added" if old is None else "removed"
        found = (Difference((), old.data if old else None, new.data if new else None),)
    previous = old.path if old is not None and status == "renamed" else None
    return Change(entity.id, entity.type, status, entity.path, previous, old, new, found)


def _broken(files: Mapping[str, File]) -> frozenset[str]:
    """The paths of the files that can't be read, and the ids that they most likely hold."""
    broken = [file for file in files.values() if file.problems and not file.entities]
    return frozenset(name for file in broken for name in (file.path, *file.unreadable_ids))


def _untouched(entity: Entity) -> Change:
    return Change(entity.id, entity.type, "given", entity.path, None, entity, entity, ())


def _in_broken_file(entity_id: str, base: Mapping[str, File], now: Snapshot) -> Change:
    for file in (*now.files.values(), *base.values()):
        entity_type = type_of(file.path, {"id": entity_id}) if entity_id in file.unreadable_ids else None
        if file.problems and entity_type is not None:
            return Change(entity_id, entity_type, "given", file.path, None, None, None, ())
    raise EntityNotFound(f"There is no entity {entity_id[:100]!r} in the repository.")
