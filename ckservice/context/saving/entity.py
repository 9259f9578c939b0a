"""One entity written into its file, or a new one."""

from collections.abc import Mapping
from typing import Any

from ckservice.context.repository import Repository
from ckservice.context.saving.diffing import unified
from ckservice.context.saving.draft import Draft
from ckservice.context.saving.model import Saved
from ckservice.context.saving.placing import Place, find_existing, place_existing, place_new
from ckservice.context.saving.text import bytes_after
from ckservice.context.snapshot import Snapshot
from ckservice.context.transaction.durable import sha256
from ckservice.context.transaction.writing import Change, write_all, writing
from ckservice.context.types import EntityType


def save(
    repository: Repository,
    entity: Mapping[str, Any] | str,
    *,
    entity_type: EntityType | None = None,
    path: str | None = None,
    expected_hash: str | None = None,
    dry_run: bool = False,
) -> Saved:
    """Write an entity, as data or as YAML, into its file or a new one. Blocks.

    An entity whose id is in the repository is changed where it stands: with data only the lines that differ, with YAML
    the text of its document, as given. Where nothing differs nothing is written.

    Args:
        repository: to write into.
        entity: the whole of it; a key left out is removed.
        entity_type: where left out, that of the entity that is there, or what path and id tell.
        path: where to write a new entity, or which one of several with the same id is meant.
        expected_hash: SHA-256 of the file that the change was made for. A file that can't be read is only replaced,
            by YAML, where this shows that it is known.
        dry_run: write nothing.

    Raises:
        InvalidEntity: it does not fit its schema, links to what is not there, has no id, or can't be put into its file.
        Conflict: the file is not the one with `expected_hash`, or the id stands in another file.
        PathForbidden: `path` is no place for an entity.
        StorageFailed: the file can't be written: no room, no permission, somebody else is writing.
    """
    draft = Draft.of(entity)
    with writing(repository.root):
        place = _place(repository.snapshot(), draft, entity_type, path, expected_hash)
        after = bytes_after(draft, place)
        if not dry_run and after != place.before:
            write_all(repository.root, [Change(place.path, place.before, after)])
    return Saved(place.path, place.before is None, sha256(after), unified(place.path, place.before, after))


def _place(
    snapshot: Snapshot, draft: Draft, wanted: EntityType | None, path: str | None, expected_hash: str | None
) -> Place:
    existing = find_existing(snapshot, draft, path, expected_hash)
    entity_type = draft.type_for(path, wanted, existing)
    if existing is not None:
        place = place_existing(snapshot, existing, expected_hash)
    else:
        place = place_new(snapshot, draft, entity_type, path, expected_hash)
    draft.check(entity_type, snapshot)
    return place
