"""What is wrong with one entity that is not, or not yet, in the repository."""

from typing import Any

from ckservice.context.fields import format_path
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.draft import entity_issues
from ckservice.context.validation.issue import MAX_FINDINGS
from ckservice.context.validation.model import EntityProblem
from ckservice.context.yaml.reading import Positions, read


def check_entity(data: Any, entity_type: EntityType | None, snapshot: Snapshot) -> list[EntityProblem]:
    """Check an entity against the schema in force and its links against what is in the repository.

    Where no type is given, the id tells it. An id that is taken is not wrong: the entity may be a new state of the one
    that has it. Nor are links that the named entities do not know of yet: `entity/save` is not all there is to a change.
    At most a hundred problems are listed.

    Raises:
        InvalidArguments: no type is given, and nothing tells it.
    """
    return [
        EntityProblem(path=format_path(issue.path), message=issue.message, severity=issue.severity)
        for issue in entity_issues(data, entity_type, snapshot)[:MAX_FINDINGS]
    ]


def check_yaml(text: str, entity_type: EntityType | None, snapshot: Snapshot) -> list[EntityProblem]:
    """The same for YAML text, with lines and columns; what can't be read is a problem too.

    Raises:
        InvalidArguments: no type is given, and nothing tells it.
    """
    text = text.removeprefix("\ufeff")
    reading = read(text)
    problems = [
        EntityProblem(
            path="", message=f"The text {problem.message}", line=problem.line, column=problem.column, severity="error"
        )
        for problem in reading.problems
    ]
    if reading.problems and not reading.documents:
        return problems[:MAX_FINDINGS]
    positions = Positions(text)
    if len(reading.documents) > 1:
        line, column = positions.of((), 1)
        message = f"The text holds {len(reading.documents)} documents; expected one"
        return [*problems, EntityProblem(path="", message=message, line=line, column=column, severity="error")]
    unread = {(problem.line, problem.column) for problem in reading.problems}
    for issue in entity_issues(next(iter(reading.documents), None), entity_type, snapshot):
        if len(problems) >= MAX_FINDINGS:
            break
        line, column = positions.of(issue.path, key=issue.at_key)
        if (line, column) in unread:
            continue
        path = format_path(issue.path)
        problems.append(
            EntityProblem(path=path, message=issue.message, line=line, column=column, severity=issue.severity)
        )
    return sorted(problems, key=lambda problem: (problem.line, problem.column, problem.message))
