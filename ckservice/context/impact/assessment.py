"""From the two states of a repository to what has changed, who is impacted and what is stale."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ckservice.context.fields import format_path
from ckservice.context.files import File
from ckservice.context.impact.comparison import Change, compare, take_as_changed
from ckservice.context.impact.differences import Difference
from ckservice.context.impact.influence import Influence, spread
from ckservice.context.impact.model import ChangedEntity, FieldChange, Impact
from ckservice.context.impact.rules import read_rules
from ckservice.context.impact.staleness import apply
from ckservice.context.snapshot import Snapshot

_MAX_SHOWN = 20_000
"""Characters of a value that are shown; entities as a whole have a few thousand."""

_MAX_CHANGES = 500
"""Fields of an entity that are shown one by one."""


def assess(
    now: Snapshot, before: Mapping[str, File], *, entity_ids: Sequence[str] | None, commit: str | None, depth: int
) -> Impact:
    """What has changed and what that means. Takes a while for large repositories.

    Args:
        now: what is in the repository.
        before: the files of the base.
        entity_ids: of those to take as changed; all that really are where left out.
        commit: the base, in hexadecimal.
        depth: links to follow.

    Raises:
        EntityNotFound: one of the ids is not there, and was not.
    """
    assert now.root is not None
    changes = compare(before, now.files)
    if entity_ids is not None:
        changes = take_as_changed(entity_ids, changes, before, now)
    rules, problems = read_rules(now.root)
    gone = (entity for path, file in before.items() if file is not now.files.get(path) for entity in file.entities)
    influence = Influence([*now.entities.values(), *gone])
    existing = {**now.entities, **dict.fromkeys(now.unreadable_ids)}
    return Impact(
        base=commit,
        changed=[_show(change) for change in changes],
        impacted=spread(changes, influence, existing, depth),
        stale=apply(rules, changes, influence, existing),
        problems=list(problems),
    )


def _show(change: Change) -> ChangedEntity:
    shown = change.differences
    if len(shown) > _MAX_CHANGES:
        shown = (Difference((), change.was, change.now),)
    fields = [
        FieldChange(path=format_path(path), before=_bounded(before), after=_bounded(after))
        for path, before, after in shown
    ]
    return ChangedEntity(
        id=change.id,
        type=change.type,
        status=change.status,
        file=change.file,
        previous_file=change.previous_file,
        changes=fields,
    )


def _bounded(value: Any) -> Any:
    """A value, or the beginning of its text where it is too long to be shown."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return value if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}… ({len(text):,} characters)"
