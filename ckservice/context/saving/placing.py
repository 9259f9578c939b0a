"""Where an entity stands in a repository, or belongs."""

import os
from dataclasses import dataclass
from pathlib import Path

from ckservice.context.catalog import suggested_path
from ckservice.context.disk import Unreadable, read_bytes
from ckservice.context.entities import KINDS
from ckservice.context.files import Entity, File, read_file, type_of
from ckservice.context.paths import inside, inside_contexts
from ckservice.context.saving.draft import Draft
from ckservice.context.snapshot import Snapshot
from ckservice.context.transaction.durable import sha256
from ckservice.context.types import EntityType
from ckservice.context.yaml.reading import MAX_BYTES
from ckservice.errors import Conflict, InvalidEntity, PathForbidden, StorageFailed


@dataclass(frozen=True, slots=True)
class Place:
    """A file, and what of it belongs to an entity.

    Attributes:
        path: relative to the repository, with `/` and with links resolved.
        before: what is in the file; `None` where it is not there.
        entity: as it stands there; `None` where the whole file becomes its.
    """

    path: str
    before: bytes | None
    entity: Entity | None


def find_existing(snapshot: Snapshot, draft: Draft, path: str | None, expected_hash: str | None) -> Entity | None:
    """The entity that a draft is a new state of; of several with its id, the one that `path` or `expected_hash` mean.

    Raises:
        Conflict: several are meant, or the one that is there stands in another file than `path`.
        PathForbidden: `path` leads out of the repository.
    """
    found = [entity for file in snapshot.files.values() for entity in file.entities if entity.id == draft.id]
    if not found:
        return None
    meant = found
    if path is not None:
        wanted = _relative(snapshot, inside(_root(snapshot), path))
        meant = [entity for entity in found if entity.path == wanted]
        if not meant:
            raise _conflict(f"{draft.id} stands in {found[0].path}; saving does not move it to another file.")
    elif len(found) > 1:
        meant = [entity for entity in found if entity.file.hash == expected_hash]
    if len(meant) != 1:
        places = ", ".join(dict.fromkeys(entity.path for entity in found))
        raise _conflict(f"{draft.id} stands in several places, {places}: name one with `path`, or remove one.")
    return meant[0]


def place_existing(snapshot: Snapshot, existing: Entity, expected_hash: str | None = None) -> Place:
    """Where an entity stands, as the file is now.

    Raises:
        Conflict: the file is not the one with `expected_hash`, or the entity has gone from it.
    """
    path = existing.path
    before = _read(snapshot, path)
    if before is None or (expected_hash is not None and sha256(before) != expected_hash):
        raise _changed(path)
    file = existing.file if existing.file.data == before else read_file(path, before)
    for entity in file.entities:
        if (entity.id, entity.document) == (existing.id, existing.document):
            return Place(path, before, entity)
    raise _changed(path)


def place_new(
    snapshot: Snapshot,
    draft: Draft,
    entity_type: EntityType,
    path: str | None = None,
    expected_hash: str | None = None,
) -> Place:
    """Where a new entity belongs: `path`, the file that seems to hold it but can't be read, or a place that suits it.

    Raises:
        Conflict: something is there already, or the entity was to be there and is not.
        InvalidEntity: what is there can't be read, and the draft is no text to replace it with.
        StorageFailed: what is there is no file that can be read at all.
        PathForbidden: `path` is no place for such an entity.
    """
    unreadable = next((file for file in snapshot.files.values() if draft.id in file.unreadable_ids), None)
    if path is not None:
        path = _checked(snapshot, draft, entity_type, path)
    elif unreadable is not None:
        path = unreadable.path
    else:
        path = _suggested(snapshot, draft, entity_type)
    if unreadable is not None and unreadable.path != path:
        raise _conflict(f"{draft.id} seems to stand in {unreadable.path}, in which no entity can be read.")
    before = _read(snapshot, path)
    if before is not None:
        _check_replaceable(read_file(path, before), draft, expected_hash)
    elif expected_hash is not None:
        raise _conflict(f"{draft.id} is not in the repository, or not any more.")
    return Place(path, before, None)


def _checked(snapshot: Snapshot, draft: Draft, entity_type: EntityType, wanted: str) -> str:
    path = _relative(snapshot, inside_contexts(_root(snapshot), wanted))
    told = type_of(path, draft.data)
    if told != entity_type:
        says = "does not say what it is" if told is None else f"makes it a {told}"
        message = f"The entity is a {entity_type}, and its place {says}."
        raise PathForbidden(message, user_message=message)
    return path


def _suggested(snapshot: Snapshot, draft: Draft, entity_type: EntityType) -> str:
    title = draft.data.get(KINDS[entity_type].title)
    path = suggested_path(entity_type, draft.id, title if isinstance(title, str) else "", snapshot=snapshot)
    return _relative(snapshot, inside(_root(snapshot), path))


def _check_replaceable(file: File, draft: Draft, expected_hash: str | None) -> None:
    """Whether a file may become that of a new entity: it is blank, or broken and its hash shows that this is known."""
    if expected_hash is not None and file.hash != expected_hash:
        raise _changed(file.path)
    if not file.data.strip():
        return
    if file.entities or not file.problems:
        raise _conflict(f"{file.path} is there already, and holds something else.")
    if draft.text is None or expected_hash is None:
        problem = file.problems[0]
        message = f"{file.path}, line {problem.line}: {problem.message}"
        raise InvalidEntity(
            f"The file of {draft.id} can't be read and changed ({message}); it can be replaced, by YAML, with its hash.",
            errors=[{"path": "", "message": message}],
        )


def _read(snapshot: Snapshot, path: str) -> bytes | None:
    target = inside(_root(snapshot), path)
    if target.is_dir():
        raise _conflict(f"{path} is a folder.")
    try:
        return read_bytes(os.fspath(target), MAX_BYTES)
    except FileNotFoundError:
        return None
    except Unreadable as unreadable:
        raise StorageFailed(f"{path} {unreadable.message}.") from None


def _changed(path: str) -> Conflict:
    return Conflict(f"{path} has changed since it was read.")


def _conflict(message: str) -> Conflict:
    """One that loading the file again would not resolve."""
    return Conflict(message, user_message=message)


def _relative(snapshot: Snapshot, path: Path) -> str:
    return path.relative_to(_root(snapshot)).as_posix()


def _root(snapshot: Snapshot) -> Path:
    assert snapshot.root is not None, "what is saved is saved in a repository"
    return snapshot.root
