"""What to do about a repository: one sentence for each kind of finding and gap, the most urgent first."""

from collections.abc import Iterable, Sequence

from ckservice.context.finding import Finding
from ckservice.context.graph.links import Links
from ckservice.context.inspection.gaps import FIELDS, listing
from ckservice.context.inspection.model import Gap, Priority, Recommendation
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.model import Report
from ckservice.context.validation.rules import Rule, read_rules
from ckservice.context.yaml.reading import FieldPath, read

MOST = 20
"""More would not be read; what is left out comes when the first ones are done."""


_ACTIONS: dict[str, tuple[Priority, str]] = {
    "noContexts": ("high", "Check that this is the right directory: there is no contexts/ folder"),
    "yaml": ("high", "Repair the YAML of {}"),
    "broken": ("high", "Repair {}"),
    "unread": ("high", "Look at {}: no entity can be read there"),
    "duplicate": ("high", "Resolve the duplicates of {}"),
    "schema": ("high", "Bring {} into line with the schema"),
    "constitution": ("high", "Bring {} into line with the constitution"),
    "danglingLinks": ("high", "Correct the links of {} that lead nowhere or to the wrong type"),
    "cycle": ("high", "Break up {}"),
    "doneFeatureWithOpenTasks": ("high", "Finish the open tasks of {}, or reopen what is called done"),
    "blockedTaskUnderActiveFeature": ("high", "Unblock {}, or mark the features as blocked"),
    "inProgressFeatureWithoutTasks": ("high", "Plan tasks for {}: work is in progress"),
    "userStoryWithoutFeature": ("high", "Assign {} to a feature"),
    "userStoryWithoutCriteria": ("high", "Write acceptance criteria for {}"),
    "featureWithoutAcceptance": ("medium", "Write acceptance criteria for {}"),
    "specWithoutContent": ("medium", "Write the content of {}"),
    "taskWithoutDoneCriteria": ("medium", "Write done criteria for {}"),
    "featureWithoutStories": ("medium", "Write user stories for {}"),
    "featureWithoutObjective": ("medium", "Write the objective of {}"),
    "featureWithoutOwners": ("medium", "Find owners for {}"),
    "noConstitution": ("medium", "Write a constitution and ratify it"),
    "unratifiedConstitution": ("medium", "Ratify {}"),
    "remarks": ("medium", "Look at the findings in {}"),
    "reviewOverdue": ("medium", "Review {}"),
    "oneSided": ("medium", "Look at the links of {}: they are repeated, or the other side does not state them"),
    "orphan": ("medium", "Link {} to something, or remove what nobody needs"),
    "featureWithoutSpecs": ("low", "Write specs for {}"),
    "featureWithoutTasks": ("low", "Plan tasks for {}"),
    "specWithoutRelations": ("low", "Relate {} to a feature, service or package"),
    "taskWithoutFeature": ("low", "Assign {} to a feature"),
    "taskWithoutOwner": ("low", "Find an owner for {}"),
    "taskWithoutSteps": ("low", "Write the steps of {}"),
    "serviceWithoutApiVersion": ("low", "Give the API of {} a version"),
    "serviceWithoutConsumers": ("low", "Name the consumers of {}, or retire what nobody uses"),
    "packageUnused": ("low", "Name what uses {}, or retire what nobody uses"),
}


def recommend(snapshot: Snapshot, links: Links, report: Report, gaps: Iterable[Gap]) -> list[Recommendation]:
    """What to do, at most `MOST` things.

    Args:
        snapshot: of the repository.
        links: its links.
        report: what is wrong.
        gaps: what is missing.
    """
    exempt = _exempt(snapshot, report)
    # For each kind what to name in the sentence, and the ids of the entities behind each name.
    about: dict[str, dict[str, Sequence[str]]] = {kind: {} for kind in _ACTIONS}
    for finding in report.errors:
        about[_kind(finding, snapshot)][finding.entity_id or finding.file] = _ids(finding.entity_id)
    for gap in gaps:
        if (gap.entity_id, FIELDS.get(gap.kind)) not in exempt:
            about[gap.kind][gap.entity_id or ""] = _ids(gap.entity_id)
    about["danglingLinks"] = {reference.source.id: [reference.source.id] for reference in links.dangling}
    about["cycle"] = {_way(cycle): cycle for cycle in links.cycles}
    return [
        Recommendation(
            priority=priority,
            action=action.format(listing(list(about[kind]))),
            entity_ids=list(dict.fromkeys(entity_id for ids in about[kind].values() for entity_id in ids)),
        )
        for kind, (priority, action) in _ACTIONS.items()
        if about[kind]
    ][:MOST]


def _kind(finding: Finding, snapshot: Snapshot) -> str:
    if finding.file not in snapshot.files:  # of a schema, a template, the rules of impact
        return "broken" if finding.severity == "error" else "remarks"
    if finding.kind == "yaml" and finding.severity == "error":
        file = snapshot.files[finding.file]
        is_broken = file.entities or (file.hash and not read(file.text).documents)
        return "yaml" if is_broken else "unread"
    if finding.kind == "yaml":
        return "remarks"
    entity = snapshot.entities.get(finding.entity_id or "")
    if finding.kind == "constitution" and entity is not None and entity.type == "governance":
        return "remarks"
    if finding.kind == "reference":
        return "danglingLinks" if finding.severity == "error" else "oneSided"
    return finding.kind


def _exempt(snapshot: Snapshot, report: Report) -> set[tuple[str | None, FieldPath | None]]:
    """The fields that a rule asks for and that an exception lets entities leave out, with the ids of those."""
    rules: dict[str, list[Rule]] = {}
    for rule in (rule for document in snapshot.ratified for rule in read_rules(document)[0]):
        rules.setdefault(rule.id, []).append(rule)
    return {
        (exception.entity_id, condition.field)
        for exception in report.stats.exceptions
        for rule in rules.get(exception.rule_id, ())
        for condition in rule.conditions
    }


def _ids(entity_id: str | None) -> Sequence[str]:
    return [] if entity_id is None else [entity_id]


def _way(cycle: Sequence[str], most: int = 6) -> str:
    shown = cycle if len(cycle) <= most else [*cycle[: most - 1], "…"]
    return " → ".join([*shown, cycle[0]])
