"""What is wrong with the entities of one file, whatever else is in the repository. Found once for each content."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ckservice.context.files import Entity, File
from ckservice.context.finding import Finding, FindingSeverity
from ckservice.context.schemas import Schemas
from ckservice.context.types import EntityType
from ckservice.context.validation.issue import MAX_FINDINGS, MAX_MESSAGE, Issue, shortened
from ckservice.context.validation.naming import file_name_issue, id_issues, misplaced_issue
from ckservice.context.validation.schema import Allowance, BrokenSchema, schema_issues
from ckservice.context.yaml.reading import FieldPath, Problem

_NOTE = "_examination"


@dataclass(frozen=True, slots=True)
class Examination:
    """What is known of a file on its own. Any number of threads may share it.

    Attributes:
        versions: of the schemas that its entities were held to.
        findings: at most `MAX_FINDINGS`.
        omitted: the severities of those that are not listed.
        wrong: by document, the paths of values for which there is a finding already.
        broken_schemas: types whose schema can't be applied, and why.
    """

    versions: tuple[str, ...]
    findings: tuple[Finding, ...]
    omitted: tuple[FindingSeverity, ...]
    wrong: Mapping[int, frozenset[FieldPath]]
    broken_schemas: tuple[tuple[EntityType, str], ...]
    _places: dict[tuple[int, FieldPath, bool], tuple[int, int]] = field(default_factory=dict)

    def finding(self, entity: Entity, issue: Issue) -> Finding:
        """An issue of an entity in the file, with its line. It is looked up once: that takes as long as reading."""
        place = (entity.document, issue.path, issue.at_key)
        if place not in self._places:
            self._places[place] = entity.position(issue.path, key=issue.at_key)
        return _finding(entity, issue, *self._places[place])


def examine(file: File, schemas: Schemas, allowance: Allowance) -> Examination:
    """Look at a file, or remember what was found when it was last looked at with the same schemas."""
    versions = tuple(schemas.by_type[entity.type].version for entity in file.entities)
    known: Examination | None = vars(file).get(_NOTE)
    if known is None or known.versions != versions:
        # Kept as `cached_property` would: as long as the file is, which does not change.
        known = vars(file)[_NOTE] = _examine(file, schemas, versions, allowance)
    return known


def _examine(file: File, schemas: Schemas, versions: tuple[str, ...], allowance: Allowance) -> Examination:
    issues: list[tuple[Entity, Issue]] = []
    broken: dict[EntityType, str] = {}
    wrong: dict[int, frozenset[FieldPath]] = {}
    for entity in file.entities:
        try:
            room = max(MAX_FINDINGS - len(issues), 0)
            found = schema_issues(entity.data, schemas.by_type[entity.type], worded=room, allowance=allowance)
        except BrokenSchema as error:
            found = []
            broken[entity.type] = error.message
        if all(issue.path != ("id",) for issue in found):
            found += id_issues(entity)
        elif (misplaced := misplaced_issue(entity)) is not None:
            found = [misplaced]
        issues += [(entity, issue) for issue in found]
        if found:
            wrong[entity.document] = frozenset(issue.path for issue in found)
    misnamed = file_name_issue(file)
    if misnamed is not None:
        issues.append((file.entities[0], misnamed))
    own = _yaml_findings(file)
    room = max(MAX_FINDINGS - len(own), 0)
    placed = [
        _finding(entity, issue, *entity.position(issue.path, key=issue.at_key)) for entity, issue in issues[:room]
    ]
    told = {(finding.line, finding.column) for finding in own}  # what can't be read has no value that could be right
    placed = [finding for finding in placed if (finding.line, finding.column) not in told]
    return Examination(
        versions,
        (*own[:MAX_FINDINGS], *placed),
        (*(finding.severity for finding in own[MAX_FINDINGS:]), *(issue.severity for _, issue in issues[room:])),
        wrong,
        tuple(broken.items()),
    )


def _finding(entity: Entity, issue: Issue, line: int, column: int) -> Finding:
    return Finding(
        kind=issue.kind,
        entity_id=entity.id,
        file=entity.path,
        line=line,
        column=column,
        message=issue.message,
        severity=issue.severity,
    )


def _yaml_findings(file: File) -> list[Finding]:
    return [
        *(_yaml_finding(file, "error", problem) for problem in file.problems),
        *(_yaml_finding(file, "warning", remark) for remark in file.remarks),
    ]


def _yaml_finding(file: File, severity: FindingSeverity, problem: Problem) -> Finding:
    return Finding(
        kind="yaml",
        entity_id=file.entities[0].id if len(file.entities) == 1 else None,
        file=file.path,
        line=problem.line,
        column=problem.column,
        message=shortened(f"The file {problem.message}", MAX_MESSAGE),
        severity=severity,
    )
