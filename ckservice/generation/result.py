"""A valid entity as it stands, or would stand, in its file."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ckservice.context import saving
from ckservice.context.catalog import suggested_path
from ckservice.context.entities import KINDS
from ckservice.context.repository import Repository
from ckservice.context.saving import Saved
from ckservice.context.saving.diffing import unified
from ckservice.context.validation.governance import checksum
from ckservice.context.validation.model import EntityProblem
from ckservice.context.yaml.editing import edit
from ckservice.context.yaml.emitting import emit
from ckservice.errors import InvalidEntity
from ckservice.generation.planning import Plan
from ckservice.generation.remarks import remarks


@dataclass(frozen=True, slots=True)
class Written:
    """An entity with the text of its file.

    Attributes:
        path: of the file, relative to the repository, with `/`.
        diff: unified, against the file or the entity as it was.
        problems: that do not make it invalid.
    """

    entity: dict[str, Any]
    yaml: str
    path: str
    diff: str
    problems: list[EntityProblem]


def write(plan: Plan, entity: dict[str, Any], *, today: str) -> Written:
    """Put an entity into words: the text of the file that it stands in, with what changes, or of a new one.

    Args:
        plan: by which it was made.
        entity: valid.
        today: in ISO 8601, for exceptions from rules.

    Raises:
        InvalidEntity: the file that it stands in can't be changed.
    """
    if plan.saved is None or plan.is_unsaved:
        before = None if plan.current is None else emit(plan.current)
        after = emit(entity)
        path = (
            plan.saved.path
            if plan.saved
            else suggested_path(plan.entity_type, entity["id"], _title(plan, entity), plan.snapshot)
        )
    else:
        path, before = plan.saved.path, plan.saved.file.text
        after = _edited(plan, entity)
        if entity.get("checksum") is not None and plan.entity_type == "governance" and after != before:
            entity = {**entity, "checksum": checksum(after)}
            after = _edited(plan, entity)
    diff = unified(path, None if before is None else before.encode(), after.encode())
    return Written(entity, after, path, diff, remarks(plan, entity, path, after, today=today))


def save(repository: Repository, plan: Plan, written: Written, *, today: str) -> tuple[Saved, Written]:
    """Write the file: a new one with the links back to it, or that of the entity if it is still what was read. Blocks.

    Raises:
        Conflict: the file has changed in the meantime.
        InvalidEntity: what it links to is not there any more.
        StorageFailed: it can't be written.
    """
    if plan.current is not None:
        known = None if plan.saved is None else plan.saved.file.hash
        saved = saving.save(
            repository, written.entity, entity_type=plan.entity_type, path=written.path, expected_hash=known
        )
        return saved, replace(written, path=saved.path)
    saved, entity = saving.save_new(repository, written.entity, plan.entity_type)
    text = emit(entity)
    problems = remarks(plan, entity, saved.path, text, today=today, is_linked_back=True)
    return saved, Written(entity, text, saved.path, written.diff, problems)


def _edited(plan: Plan, entity: Mapping[str, Any]) -> str:
    assert plan.saved is not None
    try:
        return edit(plan.saved.file.text, entity, plan.saved.document)
    except ValueError as error:
        problem = {"path": "", "message": str(error)}
        raise InvalidEntity("The file that the entity stands in can't be changed.", errors=[problem]) from None


def _title(plan: Plan, entity: Mapping[str, Any]) -> str:
    title = entity.get(KINDS[plan.entity_type].title)
    return title if isinstance(title, str) else ""
