"""What is missing in a repository: not wrong, but somebody will ask for it."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from ckservice.context.fields import find
from ckservice.context.files import CONTEXTS, Entity
from ckservice.context.finding import FindingSeverity
from ckservice.context.graph.links import Links, references
from ckservice.context.inspection.model import Gap, GapKind
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType, Relation
from ckservice.context.yaml.reading import FieldPath


class _Expected(NamedTuple):
    """A field that an entity may leave out, and that somebody will miss."""

    path: FieldPath
    kind: GapKind
    message: str
    severity: FindingSeverity


_EXPECTED: dict[EntityType, tuple[_Expected, ...]] = {
    "feature": (
        _Expected(("acceptance",), "featureWithoutAcceptance", "has no acceptance criteria", "warning"),
        _Expected(("objective",), "featureWithoutObjective", "has no objective", "warning"),
        _Expected(("owners",), "featureWithoutOwners", "has no owners", "warning"),
    ),
    "userstory": (
        _Expected(("acceptanceCriteria",), "userStoryWithoutCriteria", "has no acceptance criteria", "warning"),
    ),
    "spec": (_Expected(("content",), "specWithoutContent", "has no content", "warning"),),
    "task": (
        _Expected(("doneCriteria",), "taskWithoutDoneCriteria", "has no done criteria", "warning"),
        _Expected(("owner",), "taskWithoutOwner", "has no owner", "info"),
        _Expected(("steps",), "taskWithoutSteps", "has no steps", "info"),
    ),
    "service": (_Expected(("api", "version"), "serviceWithoutApiVersion", "has no version of its API", "info"),),
}

FIELDS: dict[GapKind, FieldPath] = {expected.kind: expected.path for found in _EXPECTED.values() for expected in found}
"""The field that each kind of gap is about, where it is one."""

_USES: frozenset[Relation] = frozenset(("depends-on", "uses", "requires", "produces"))
"""Relations by which something is needed."""

_REVIEW_DAYS = {"quarterly": 92, "annually": 366}


def find_gaps(snapshot: Snapshot, links: Links, *, today: str) -> list[Gap]:
    """Everything that is missing, by entity in the order of the paths; what concerns the whole comes first.

    Args:
        snapshot: of the repository.
        links: its links.
        today: in ISO 8601, for reviews that are due.
    """
    if not snapshot.files and snapshot.root is not None and not (snapshot.root / CONTEXTS).is_dir():
        message = f"there is no {CONTEXTS}/ folder here; is this the right directory?"
        return [Gap(kind="noContexts", message=message, severity="warning")]
    search = _Search(snapshot, links)
    found = [*search.in_repository(), *search.in_governance(date.fromisoformat(today))]
    for entity in snapshot.entities.values():
        found += search.in_fields(entity)
        match entity.type:
            case "feature":
                found += search.in_feature(entity)
            case "userstory":
                found += search.in_user_story(entity)
            case "task":
                found += search.in_task(entity)
            case "spec" | "service" | "package":
                found += search.in_use(entity)
    return found


class _Search:
    """Looks for gaps, knowing the neighbours of each entity.

    An id that most likely stands in an unreadable file counts as an entity of a type that the field may name.
    """

    def __init__(self, snapshot: Snapshot, links: Links) -> None:
        self._entities = snapshot.entities
        self._dangling = Counter(reference.source.id for reference in links.dangling)
        self._neighbours: dict[str, list[Entity]] = {entity_id: [] for entity_id in self._entities}
        self._types: dict[str, set[EntityType]] = {entity_id: set() for entity_id in self._entities}
        self._used = {edge.target for edge in links.edges if edge.relation in _USES and edge.source != edge.target}
        for edge in links.edges:
            if edge.source != edge.target:
                self._join(edge.source, edge.target)
                self._join(edge.target, edge.source)
        unreadable = snapshot.unreadable_ids - self._entities.keys()
        for entity in self._entities.values() if unreadable else ():
            for reference in references(entity):
                if reference.target in unreadable:
                    self._types[entity.id].update(reference.link.targets)

    def _join(self, entity_id: str, other_id: str) -> None:
        other = self._entities[other_id]
        self._neighbours[entity_id].append(other)
        self._types[entity_id].add(other.type)

    def in_repository(self) -> Iterator[Gap]:
        if self._dangling:
            count = self._dangling.total()
            lead = f"{count} links lead" if count > 1 else "1 link leads"
            message = f"{lead} nowhere or to the wrong type, from {listing(list(self._dangling))}"
            yield Gap(kind="danglingLinks", message=message, severity="error")

    def in_governance(self, today: date) -> Iterator[Gap]:
        constitutions = [entity for entity in self._entities.values() if entity.type == "governance"]
        ratified = [entity for entity in constitutions if entity.status == "ratified"]
        drafts = [entity for entity in constitutions if entity.status == "draft"]
        if not ratified and not drafts:
            yield Gap(kind="noConstitution", message="there is no constitution in force", severity="info")
        for entity in drafts if not ratified else ():
            yield _gap(entity, "unratifiedConstitution", "is a draft, and nothing else is ratified", "info")
        for entity in ratified:
            due = _review_due(entity.data)
            if due is not None and due < today:
                yield _gap(entity, "reviewOverdue", f"was to be reviewed by {due.isoformat()}", "warning")

    def in_fields(self, entity: Entity) -> Iterator[Gap]:
        is_over = entity.type == "task" and entity.status == "done"
        has_no_api = entity.type == "service" and entity.data.get("type") != "backend"
        if is_over or has_no_api:
            return
        for expected in _EXPECTED.get(entity.type, ()):
            if _is_empty(find(entity.data, expected.path)):
                yield _gap(entity, expected.kind, expected.message, expected.severity)

    def in_feature(self, entity: Entity) -> Iterator[Gap]:
        types = self._types[entity.id]
        if "userstory" not in types:
            yield _gap(entity, "featureWithoutStories", "has no user stories", "warning")
        if "spec" not in types:
            yield _gap(entity, "featureWithoutSpecs", "has no specs", "info")
        if "task" not in types and entity.status == "in-progress":
            yield _gap(entity, "inProgressFeatureWithoutTasks", "is in progress, but has no tasks", "warning")
        elif "task" not in types:
            yield _gap(entity, "featureWithoutTasks", "has no tasks", "info")
        open_tasks = [task.id for task in self._tasks(entity) if task.status not in ("done", None)]
        if entity.status == "done" and open_tasks:
            message = f"is done, but {listing(open_tasks)} {'is' if len(open_tasks) == 1 else 'are'} not"
            yield _gap(entity, "doneFeatureWithOpenTasks", message, "warning")

    def _tasks(self, feature: Entity) -> list[Entity]:
        return list({task.id: task for task in self._neighbours[feature.id] if task.type == "task"}.values())

    def in_user_story(self, entity: Entity) -> Iterator[Gap]:
        if "feature" not in self._types[entity.id]:
            yield _gap(entity, "userStoryWithoutFeature", "belongs to no feature that exists", "warning")

    def in_task(self, entity: Entity) -> Iterator[Gap]:
        if "feature" not in self._types[entity.id]:
            yield _gap(entity, "taskWithoutFeature", "belongs to no feature", "info")
        features = [other for other in self._neighbours[entity.id] if other.type == "feature"]
        going_on = [feature.id for feature in features if feature.status in ("proposed", "in-progress")]
        if entity.status == "blocked" and going_on:
            message = f"is blocked, but {listing(list(dict.fromkeys(going_on)))} goes on"
            yield _gap(entity, "blockedTaskUnderActiveFeature", message, "warning")

    def in_use(self, entity: Entity) -> Iterator[Gap]:
        """Specs, services and packages; of what is linked to nothing, nothing else is said."""
        if not self._types[entity.id] and entity.id not in self._dangling:
            yield _gap(entity, "orphan", "is linked to nothing", "warning")
        elif entity.type == "spec" and not self._types[entity.id]:
            yield _gap(entity, "specWithoutRelations", "relates to nothing that exists", "info")
        elif entity.type == "service" and entity.data.get("type") != "frontend" and entity.id not in self._used:
            yield _gap(entity, "serviceWithoutConsumers", "is used by nothing", "info")
        elif entity.type == "package" and entity.id not in self._used:
            yield _gap(entity, "packageUnused", "is used by no feature and no service", "info")


def listing(names: list[str], most: int = 5) -> str:
    """Some names in a sentence: `T-001, T-002 and 3 more`."""
    shown, rest = (names, 0) if len(names) <= most else (names[: most - 1], len(names) - most + 1)
    last = f"{rest} more" if rest else shown[-1]
    before = ", ".join(shown if rest else shown[:-1])
    return f"{before} and {last}" if before else last


def _gap(entity: Entity, kind: GapKind, message: str, severity: FindingSeverity) -> Gap:
    return Gap(kind=kind, entity_id=entity.id, message=f"{entity.id} {message}", severity=severity)


def _is_empty(value: Any) -> bool:
    return value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())


def _review_due(data: dict[str, Any]) -> date | None:
    cadence = find(data, ("governance", "reviewCadence"))
    last: Any = data.get("lastAmendedOn") or data.get("ratifiedOn")
    try:
        return date.fromisoformat(last) + timedelta(days=_REVIEW_DAYS[cadence])
    except (KeyError, TypeError, ValueError, OverflowError):  # no such cadence, or no such date
        return None
