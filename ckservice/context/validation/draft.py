"""What is wrong with an entity that stands in no file, before it is told to anybody."""

from collections.abc import Iterator, Mapping
from typing import Any

from ckservice.context.files import Entity, File, type_of
from ckservice.context.graph.links import references
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import ENTITY_TYPES, EntityType
from ckservice.context.validation.issue import MAX_FINDINGS, Issue, is_explained, shown
from ckservice.context.validation.links import Names, repeated_issues, target_issue
from ckservice.context.validation.naming import id_issues
from ckservice.context.validation.schema import BrokenSchema, schema_issues
from ckservice.errors import InvalidArguments


def entity_issues(data: Any, entity_type: EntityType | None, snapshot: Snapshot) -> list[Issue]:
    """What about an entity does not fit its schema, and what is wrong with its links.

    Raises:
        InvalidArguments: no type is given, and nothing tells it.
    """
    if not isinstance(data, dict):
        return [Issue("schema", "error", (), f"The entity is {shown(data)}; expected a mapping")]
    entity_type = entity_type or type_of("", data)
    if entity_type is None:
        message = f"is required: the id does not tell the type; expected one of {', '.join(ENTITY_TYPES)}"
        raise InvalidArguments([{"path": "entityType", "message": message}])
    try:
        found = schema_issues(data, snapshot.schemas.by_type[entity_type], worded=MAX_FINDINGS)
    except BrokenSchema as error:
        found = [Issue("schema", "error", (), f"The schema of {entity_type} can't be applied: {error.message}")]
    wrong = {issue.path for issue in found}
    entity = _unsaved(data, entity_type)
    further = [*id_issues(entity), *(_link_issues(entity, snapshot) if snapshot.root is not None else ())]
    return found + [issue for issue in further if not is_explained(issue.path, wrong)]


def _unsaved(data: Mapping[str, Any], entity_type: EntityType) -> Entity:
    written = data.get("id")
    return Entity(
        written if isinstance(written, str) else "", entity_type, dict(data), File("", b"", "", "", (), ()), 0
    )


def _link_issues(entity: Entity, snapshot: Snapshot) -> Iterator[Issue]:
    names = Names(snapshot)
    found = list(references(entity))
    for reference in found:
        issue = target_issue(reference, names)
        if issue is not None:
            yield issue
    for _, issue in repeated_issues(found):
        yield issue
