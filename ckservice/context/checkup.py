"""Everything that is wrong with a repository: with its entities, and with whatever else it tells the program."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from ckservice.context.finding import Finding
from ckservice.context.impact.rules import read_rules
from ckservice.context.paths import read_text
from ckservice.context.prompts import project, templates
from ckservice.context.prompts.handlebars import TemplateError
from ckservice.context.prompts.handlebars.parsing import parse
from ckservice.context.scanning import scan
from ckservice.context.snapshot import Snapshot
from ckservice.context.validation.issue import MAX_MESSAGE, shortened
from ckservice.context.validation.model import Report
from ckservice.context.validation.repository import validate
from ckservice.context.yaml.nodes import Lines
from ckservice.context.yaml.reading import Problem, read
from ckservice.errors import PathForbidden
from ckservice.logs import redact_text

_PROJECT_FILES = ("domains.yml", "project.yml", "prompts.yml", "stack.yml")


def check_up(snapshot: Snapshot, *, today: str) -> Report:
    """Check every file, entity, link and rule, and the files beside them.

    Those are few and small, and are read each time.

    Args:
        snapshot: of the repository.
        today: in ISO 8601, for exceptions that expire.
    """
    others = _others(snapshot.root) if snapshot.root is not None else ()
    return validate(snapshot, today=today, others=tuple(others))


def _others(root: Path) -> Iterator[Finding]:
    yield from read_rules(root)[1]
    for name in _PROJECT_FILES:
        path = f"{project.FOLDER}/{name}"
        yield from _findings(path, _wrong_yaml(root, path))
    for path, found in scan(str(root), templates.FOLDER, (".hbs",)).items():
        wrong = (Problem(found, 1, 1),) if isinstance(found, str) else _wrong_template(root, path)
        yield from _findings(path, wrong)


def _findings(path: str, problems: Iterable[Problem]) -> Iterator[Finding]:
    for problem in problems:
        yield Finding(
            kind="yaml",
            file=path,
            line=problem.line,
            column=problem.column,
            message=shortened(f"The file {problem.message}", MAX_MESSAGE),
            severity="error",
        )


def _wrong_yaml(root: Path, path: str) -> Iterable[Problem]:
    try:
        return read(read_text(root, path) or "").problems
    except PathForbidden:
        return (_UNREADABLE,)


def _wrong_template(root: Path, path: str) -> Iterable[Problem]:
    try:
        source = read_text(root, path) or ""
    except PathForbidden:
        return (_UNREADABLE,)
    try:
        parse(source)
    except TemplateError as error:
        return (Problem(redact_text(f"is no template: {error.message}"), *Lines(source).position(error.offset)),)
    return ()


_UNREADABLE = Problem("can't be read, is too large or lies outside the repository", 1, 1)
