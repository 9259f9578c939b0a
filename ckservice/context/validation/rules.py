"""Governance rules over the entities of a repository, and the exceptions to them.

Only the rules of ratified documents count. A rule for `global` is for every entity except governance documents, one for
`layer` for the layers of its own document. An exception for a layer is for that layer, and for the entities whose file
lies in one of the layer's paths, or that name a path there in `path`, `paths` or `files`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from ckservice.context.fields import format_path, texts
from ckservice.context.files import Entity
from ckservice.context.finding import FindingSeverity
from ckservice.context.validation.conditions import Condition, Unevaluable, read_condition
from ckservice.context.validation.issue import MAX_MESSAGE, Issue, shortened
from ckservice.context.yaml.reading import FieldPath
from ckservice.patterns import matcher

RULES: FieldPath = ("compliance", "rules")
EXCEPTIONS: FieldPath = ("compliance", "exceptions")

_SEVERITIES: Mapping[Any, FindingSeverity] = {"critical": "error", "high": "error", "medium": "warning", "low": "info"}
_GLOB_PARTS = re.compile(r"\*\*/|\*\*|\*|\?")
_GLOBS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule, ready for many entities."""

    id: str
    targets: frozenset[str]
    conditions: tuple[Condition, ...]
    severity: FindingSeverity
    remediation: str

    def violations(self, data: Any) -> Iterator[Condition]:
        """The conditions that do not hold: of those for one field only the first, the others follow from it."""
        wrong: set[FieldPath] = set()
        for condition in self.conditions:
            if condition.field not in wrong and not condition.holds(data):
                wrong.add(condition.field)
                yield condition

    def issue(self, condition: Condition, data: Any, path: FieldPath = ()) -> Issue:
        complaint = shortened(condition.complaint(data).strip(), 300).removesuffix(".")
        message = f"{complaint} (rule {shortened(self.id)})." + (f" {self.remediation}" if self.remediation else "")
        return Issue("constitution", self.severity, (*path, *condition.field), shortened(message, MAX_MESSAGE))


@dataclass(frozen=True, slots=True)
class RuleException:
    """A rule that need not be followed, by some and for some time."""

    id: str
    rule_id: str
    entities: frozenset[str]
    layers: frozenset[str]
    is_for_nothing: bool
    expires_on: str | None

    def covers(self, entity: Entity, layers: Mapping[str, list[str]], folder: str) -> bool:
        if entity.id in self.entities:
            return True
        globs = [glob for layer in self.layers for glob in layers.get(layer, ())]
        return bool(globs) and any(_is_inside(path, globs) for path in _paths(entity, folder))


def read_rules(entity: Entity) -> tuple[list[Rule], list[Issue]]:
    """The rules of a governance document, without conditions that can't be checked, and an issue for each of those."""
    rules, issues = [], []
    for place, data in mappings(entity.data, RULES):
        conditions = []
        for at, condition in mappings(data, ("conditions",)):
            try:
                conditions.append(read_condition(condition))
            except Unevaluable as error:
                path = (*place, *at, error.key)
                message = shortened(f"{format_path(path)}: {error.message}", MAX_MESSAGE)
                issues.append(Issue("constitution", "error", path, message))
        targets = frozenset(target for _, target in texts(data, "targets"))
        severity = data.get("severity")
        level = _SEVERITIES.get(severity, "warning") if isinstance(severity, str) else "warning"
        if conditions and targets and isinstance(data.get("id"), str):
            rules.append(Rule(data["id"], targets, tuple(conditions), level, _text(data, "remediation")))
    return rules, issues


def read_exceptions(entity: Entity) -> list[tuple[FieldPath, RuleException]]:
    """The exceptions in a governance document, and where each stands."""
    found = []
    for place, data in mappings(entity.data, EXCEPTIONS):
        scope = data.get("scope")
        entities = frozenset(value for _, value in texts(data, "scope.entities"))
        layers = frozenset(value for _, value in texts(data, "scope.layers"))
        is_for_nothing = isinstance(scope, dict) and not scope.get("entities") and not scope.get("layers")
        expires_on = data.get("expiresOn")
        expiry = expires_on if isinstance(expires_on, str) else None if expires_on is None else ""
        exception = RuleException(_text(data, "id"), _text(data, "ruleId"), entities, layers, is_for_nothing, expiry)
        found.append((place, exception))
    return found


def read_layers(entity: Entity) -> dict[str, list[str]]:
    """The paths of each layer of a governance document."""
    return {
        data["id"]: [glob for _, glob in texts(data, "paths")]
        for _, data in mappings(entity.data, ("layers",))
        if isinstance(data.get("id"), str)
    }


def mappings(data: Any, path: FieldPath) -> Iterator[tuple[FieldPath, dict[str, Any]]]:
    """The mappings in a list inside a document, each with its path; anything else is passed over."""
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    if isinstance(data, list):
        for place, item in enumerate(data):
            if isinstance(item, dict):
                yield (*path, place), item


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key)
    return value.strip() if isinstance(value, str) else ""


def _paths(entity: Entity, folder: str) -> Iterator[str]:
    yield entity.path
    yield f"{folder}/{entity.path}"  # layers are often written from the folder above the repository
    for field in ("path", "paths", "files"):
        for _, path in texts(entity.data, field):
            yield path


def _is_inside(path: str, globs: Iterable[str]) -> bool:
    return any(_glob(glob)(path) for glob in globs)


@lru_cache(maxsize=256)
def _glob(glob: str) -> Any:
    parts, literals = _GLOB_PARTS.findall(glob), _GLOB_PARTS.split(glob)
    pattern = re.escape(literals[0])
    for part, literal in zip(parts, literals[1:], strict=True):
        pattern += _GLOBS[part] + re.escape(literal)
    try:
        return matcher(f"^{pattern}$")
    except ValueError:
        return lambda path: path == glob
