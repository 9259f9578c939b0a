"""What there is to say about a valid entity: what the repository would complain of, and what was not done as asked."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ckservice.context import fields
from ckservice.context.entities import KINDS
from ckservice.context.files import Entity, File
from ckservice.context.graph.links import references
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.governance import enforce
from ckservice.context.validation.issue import MAX_FINDINGS, Issue
from ckservice.context.validation.links import BackLinks, Names
from ckservice.context.validation.model import EntityProblem
from ckservice.generation.planning import Plan


def remarks(
    plan: Plan, data: Mapping[str, Any], path: str, text: str, *, today: str, is_linked_back: bool = False
) -> list[EntityProblem]:
    """Problems that do not make an entity invalid, at most a hundred.

    Args:
        plan: by which it was made.
        data: the entity.
        path: of its file, relative to the repository, with `/`.
        text: of its file.
        today: in ISO 8601, for exceptions from rules.
        is_linked_back: the entities that it names name it, too.
    """
    entity = Entity(data["id"], plan.entity_type, dict(data), File(path, b"", "", text, (), ()), 0)
    found = [problem for problem in plan.findings(data) if problem.severity != "error"]
    found += _removed(plan, data)
    found += _unlinked(plan, entity)
    if plan.snapshot.root is not None:
        found += _told(_violations(plan.snapshot, entity, today))
        found += _told(() if is_linked_back else _one_sided(plan.snapshot, entity))
    return found[:MAX_FINDINGS]


def _told(issues: Iterable[Issue]) -> Iterator[EntityProblem]:
    for issue in issues:
        severity = "warning" if issue.severity == "error" else issue.severity  # an error would make it invalid
        yield EntityProblem(path=fields.format_path(issue.path), message=issue.message, severity=severity)


def _removed(plan: Plan, data: Mapping[str, Any]) -> Iterator[EntityProblem]:
    for each in plan.dangling:
        if each.value not in [value for _, value in fields.texts(data, each.field)]:
            message = f"{each.field} named {each.value[:100]}, which {each.reason}; it was removed"
            yield EntityProblem(path=each.field, message=message, severity="warning")


def _unlinked(plan: Plan, entity: Entity) -> Iterator[EntityProblem]:
    """Entities that it was to be linked to, and is not."""
    named = {reference.target for reference in references(entity)}
    for other in plan.linked:
        if other.id in named:
            continue
        kind, other_kind = KINDS[entity.type], KINDS[other.type]
        field = next((link.field for link in kind.links if other.type in link.targets), None)
        back = next((link.field for link in other_kind.links if entity.type in link.targets), None)
        reason = (
            f"a {kind.name} has no field for a {other_kind.name}"
            if field is None
            else f"{field} of this {kind.name} can't hold it"
        )
        advice = f"; add {entity.id} to {other.id}'s {back}" if field is None and back is not None else ""
        yield EntityProblem(path="", message=f"{other.id} is not linked: {reason}{advice}", severity="info")


def _violations(snapshot: Snapshot, entity: Entity, today: str) -> list[Issue]:
    """The rules of the repository that an entity breaks; of a governance document, what does not hold together in it."""
    others = [document for document in snapshot.ratified if document.id != entity.id]
    enforcement = enforce(snapshot, [*others, entity], today=today)
    return [issue for source, issue in enforcement.issues if source is entity]


def _one_sided(snapshot: Snapshot, entity: Entity) -> Iterator[Issue]:
    """The links that the entities which it names do not have back."""
    own = references(entity)
    named = {reference.target for reference in own} & snapshot.entities.keys()
    back_links = BackLinks(reference for target in named for reference in references(snapshot.entities[target]))
    names = Names(snapshot)
    for reference in own:
        issue = back_links.issue(reference, names)
        if issue is not None:
            yield issue
