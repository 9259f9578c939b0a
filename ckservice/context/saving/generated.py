"""A new entity, written together with the links back to it."""

from collections.abc import Mapping
from typing import Any

from ckservice.context.catalog import id_for, is_taken
from ckservice.context.entities import KINDS
from ckservice.context.files import read_file
from ckservice.context.repository import Repository
from ckservice.context.saving.diffing import unified
from ckservice.context.saving.draft import Draft
from ckservice.context.saving.linking import back_links
from ckservice.context.saving.model import Saved
from ckservice.context.saving.placing import place_existing, place_new
from ckservice.context.saving.text import bytes_after, with_data
from ckservice.context.snapshot import Snapshot
from ckservice.context.transaction.durable import sha256
from ckservice.context.transaction.writing import Change, write_all, writing
from ckservice.context.types import EntityType


def save_new(
    repository: Repository, entity: Mapping[str, Any], entity_type: EntityType
) -> tuple[Saved, dict[str, Any]]:
    """Write a generated entity with a free id, and the back link into each entity that it is linked to. Blocks.

    All files are written, or none.

    Args:
        repository: to write into.
        entity: the whole of it. An id that is missing, or that somebody has taken in the meantime, is given anew.
        entity_type: of the entity.

    Returns:
        What was written, with the path of the new file; and the entity as it was written.

    Raises:
        InvalidEntity: it does not fit its schema or links to what is not there, or a back link can't be put in its file.
        Conflict: another program has changed one of the files in this moment.
        StorageFailed: the files can't be written: no room, no permission, somebody else is writing.
    """
    with writing(repository.root):
        snapshot = repository.snapshot()
        written = _with_free_id(entity, entity_type, snapshot)
        draft = Draft.of(written)
        draft.check(entity_type, snapshot)
        place = place_new(snapshot, draft, entity_type)
        new = Change(place.path, place.before, bytes_after(draft, place))
        changes = [new, *_back_link_changes(written, entity_type, snapshot)]
        write_all(repository.root, changes)
    diff = "".join(unified(change.target, change.before, change.after) for change in changes)
    return Saved(place.path, place.before is None, sha256(new.after), diff), written


def _with_free_id(entity: Mapping[str, Any], entity_type: EntityType, snapshot: Snapshot) -> dict[str, Any]:
    entity_id = entity.get("id")
    if isinstance(entity_id, str) and not is_taken(snapshot, entity_type, entity_id):
        return dict(entity)
    title = entity.get(KINDS[entity_type].title)
    free = id_for(snapshot, entity_type, title if isinstance(title, str) else "")
    return {**entity, "id": free} if "id" in entity else {"id": free, **entity}


def _back_link_changes(data: Mapping[str, Any], entity_type: EntityType, snapshot: Snapshot) -> list[Change]:
    """The files of the entities that an entity names, once they name it too."""
    changes: dict[str, Change] = {}
    for target, values in back_links(data, entity_type, snapshot):
        place = place_existing(snapshot, target)
        assert place.entity is not None
        begun = changes.get(place.path)
        # Several documents of one file are changed one after another.
        file = read_file(target.path, begun.after) if begun is not None else place.entity.file
        now = next(entity for entity in file.entities if entity.document == target.document)
        changes[place.path] = Change(place.path, place.before, with_data(now, values))
    return sorted(changes.values(), key=lambda change: change.target)
