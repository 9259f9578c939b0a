"""The checks of a whole repository, one after the other."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ckservice.context.files import Entity
from ckservice.context.finding import Finding, FindingSeverity
from ckservice.context.graph.links import Reference, references
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.examination import Examination, examine
from ckservice.context.validation.governance import Enforcement, enforce
from ckservice.context.validation.issue import MAX_MESSAGE, Issue, shortened
from ckservice.context.validation.links import BackLinks, Names, cycle_issues, repeated_issues, target_issue
from ckservice.context.validation.listing import list_findings, size_on_wire
from ckservice.context.validation.naming import duplicate_issues
from ckservice.context.validation.rules import RuleException
from ckservice.context.validation.schema import Allowance

_MAX_EXCEPTION_BYTES = 1024 * 1024
"""Of all that are listed: a rule that nobody follows has one for each entity."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks have found.

    Attributes:
        findings: that are listed, in order.
        counts: of all, listed or not, by severity.
    """

    findings: list[Finding]
    counts: Counter[FindingSeverity]
    enforcement: Enforcement


def check(snapshot: Snapshot, *, today: str, others: Sequence[Finding] = ()) -> Checked:
    """Check every file, entity, link and rule; what is known of other files is listed with what is found."""
    allowance = Allowance()
    examined = {path: examine(file, snapshot.schemas, allowance) for path, file in snapshot.files.items()}
    entities = [entity for file in snapshot.files.values() for entity in file.entities]
    enforcement = enforce(snapshot, entities, today=today)
    found = [*_link_issues(snapshot, entities), *enforcement.issues]
    for places in snapshot.duplicates.values():
        found += duplicate_issues(places)
    about_schemas = [*snapshot.schemas.problems, *_broken_schemas(snapshot, examined.values())]
    findings, counts = list_findings([*about_schemas, *others], examined, found)
    return Checked(findings, counts, enforcement)


def listed_exceptions(enforcement: Enforcement) -> Iterator[tuple[RuleException, str]]:
    """The exceptions that were made, each with the id of what was let off, as far as there is room for them."""
    room = _MAX_EXCEPTION_BYTES
    for exception, entity_id in enforcement.allowed:
        room -= size_on_wire(exception.id, exception.rule_id, entity_id, exception.expires_on)
        if room < 0:
            return
        yield exception, entity_id


def _link_issues(snapshot: Snapshot, entities: Iterable[Entity]) -> list[tuple[Entity, Issue]]:
    """What is wrong with the links of all entities."""
    names = Names(snapshot)
    stated = [reference for entity in entities for reference in references(entity)]
    back_links = BackLinks(stated)
    found: list[tuple[Entity, Issue]] = []
    good: list[Reference] = []
    for reference in stated:
        issue = target_issue(reference, names)
        if issue is None:
            good.append(reference)
            issue = back_links.issue(reference, names)
        if issue is not None:
            found.append((reference.source, issue))
    return [*found, *repeated_issues(good), *cycle_issues(good)]


def _broken_schemas(snapshot: Snapshot, examined: Iterable[Examination]) -> list[Finding]:
    """One finding for each schema that can't be applied, rather than one for each entity."""
    broken = dict(failure for examination in examined for failure in examination.broken_schemas)
    return [
        Finding(
            kind="schema",
            file=snapshot.schemas.by_type[entity_type].file or "",
            line=1,
            column=1,
            message=shortened(f"The schema of {entity_type} can't be applied: {reason}", MAX_MESSAGE),
            severity="error",
        )
        for entity_type, reason in broken.items()
    ]
