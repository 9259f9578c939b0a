"""Governance documents: whether they hold together, and whether the entities keep to their rules."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ckservice.context.fields import find, format_path, texts
from ckservice.context.files import Entity
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import ENTITY_TYPES
from ckservice.context.validation.issue import Issue, shortened, shown
from ckservice.context.validation.rules import (
    EXCEPTIONS,
    RULES,
    Rule,
    RuleException,
    mappings,
    read_exceptions,
    read_layers,
    read_rules,
)
from ckservice.context.yaml.reading import FieldPath
from ckservice.patterns import is_date

_HEX = 64
"""Characters of a SHA-256 in hexadecimal."""

_LISTS: Sequence[tuple[FieldPath, str]] = (
    (("layers",), "layer"),
    (("principles",), "principle"),
    (RULES, "rule"),
    (EXCEPTIONS, "exception"),
)


@dataclass(slots=True)
class Enforcement:
    """What the rules of a repository say.

    Attributes:
        issues: violations, and what is wrong with the documents themselves.
        allowed: violations that an exception allows, with the id of what is let off.
        rules: how many rules were applied.
    """

    issues: list[tuple[Entity, Issue]] = field(default_factory=list)
    allowed: list[tuple[RuleException, str]] = field(default_factory=list)
    rules: int = 0


def enforce(snapshot: Snapshot, entities: Sequence[Entity], *, today: str) -> Enforcement:
    """Check the governance documents, and all entities against the rules of those that are ratified.

    Args:
        snapshot: of the repository.
        entities: all of its, in the order of the paths.
        today: in ISO 8601; an exception still counts on the day on which it expires.
    """
    enforcement = Enforcement()
    for document in entities:
        if document.type == "governance":
            rules, unevaluable = read_rules(document)
            own = [*_repeated(document), *unevaluable, *_wrong_exceptions(document, snapshot), *_checksum(document)]
            enforcement.issues += [(document, issue) for issue in own]
            if document.status == "ratified":
                _Court(document, snapshot, enforcement, today).hold(rules, entities)
    return enforcement


def checksum(text: str) -> str:
    """The checksum of a governance document: the SHA-256, in hexadecimal, of its lines without that of the checksum.

    `grep -v '^checksum:' FILE | sha256sum` gives the same. Line ends do not matter.

    Args:
        text: of the file, without byte order mark.
    """
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    kept = "".join(f"{line}\n" for line in lines if not line.startswith("checksum:"))
    return hashlib.sha256(kept.encode("utf-8", "surrogatepass")).hexdigest()


class _Court:
    """Applies the rules of one document."""

    def __init__(self, document: Entity, snapshot: Snapshot, enforcement: Enforcement, today: str) -> None:
        self._document = document
        self._enforcement = enforcement
        self._layers = read_layers(document)
        self._folder = snapshot.root.name if snapshot.root is not None else ""
        self._exceptions = []
        for place, exception in read_exceptions(document):
            if exception.expires_on is None or (is_date(exception.expires_on) and exception.expires_on >= today):
                self._exceptions.append(exception)
            elif is_date(exception.expires_on):
                message = (
                    f'expiresOn is "{exception.expires_on}", before today, {today}: the exception '
                    f"{shortened(exception.id)} no longer counts; expected a later day or no exception"
                )
                issue = Issue("constitution", "warning", (*place, "expiresOn"), message)
                enforcement.issues.append((document, issue))

    def hold(self, rules: Iterable[Rule], entities: Sequence[Entity]) -> None:
        by_type: dict[str, list[Entity]] = {entity_type: [] for entity_type in ENTITY_TYPES}
        for entity in entities:
            by_type[entity.type].append(entity)
        del by_type["governance"]
        for rule in rules:
            self._enforcement.rules += 1
            exceptions = [exception for exception in self._exceptions if exception.rule_id == rule.id]
            for entity_type, members in by_type.items():
                if entity_type in rule.targets or "global" in rule.targets:
                    for entity in members:
                        self._judge(rule, entity, exceptions)
            if "layer" in rule.targets:
                self._judge_layers(rule, exceptions)

    def _judge(self, rule: Rule, entity: Entity, exceptions: Sequence[RuleException]) -> None:
        conditions = list(rule.violations(entity.data))
        if not conditions:
            return
        for exception in exceptions:
            if exception.covers(entity, self._layers, self._folder):
                self._enforcement.allowed.append((exception, entity.id))
                return
        self._enforcement.issues += [(entity, rule.issue(condition, entity.data)) for condition in conditions]

    def _judge_layers(self, rule: Rule, exceptions: Sequence[RuleException]) -> None:
        for place, layer in mappings(self._document.data, ("layers",)):
            conditions = list(rule.violations(layer))
            layer_id = str(layer.get("id"))
            exception = next((each for each in exceptions if layer_id in each.layers), None)
            if conditions and exception is not None:
                self._enforcement.allowed.append((exception, layer_id))
            else:
                found = [(self._document, rule.issue(condition, layer, place)) for condition in conditions]
                self._enforcement.issues += found


def _repeated(document: Entity) -> Iterator[Issue]:
    for path, noun in _LISTS:
        seen: set[str] = set()
        for place, data in mappings(document.data, path):
            name = data.get("id")
            if isinstance(name, str) and name in seen:
                message = f'id is "{shortened(name)}", which is also that of an earlier {noun}; expected each id once'
                yield Issue("duplicate", "error", (*place, "id"), message)
            elif isinstance(name, str):
                seen.add(name)


def _wrong_exceptions(document: Entity, snapshot: Snapshot) -> Iterator[Issue]:
    rules = {data.get("id") for _, data in mappings(document.data, RULES) if isinstance(data.get("id"), str)}
    layers = read_layers(document)
    for place, exception in read_exceptions(document):
        if exception.is_for_nothing:
            message = "scope names no entities and no layers: the exception allows nothing; expected either"
            yield Issue("constitution", "warning", (*place, "scope"), message)
        if exception.rule_id and exception.rule_id not in rules:
            message = f'ruleId is "{shortened(exception.rule_id)}", but the document has no such rule'
            yield Issue("reference", "error", (*place, "ruleId"), message)
        ids = snapshot.entities.keys() | snapshot.unreadable_ids
        for noun, known in (("entities", ids), ("layers", layers.keys())):
            for path, name in texts(document.data, format_path((*place, "scope", noun))):
                if name not in known:
                    message = f'{format_path(path[3:])} is "{shortened(name)}", but there is no such thing'
                    yield Issue("reference", "warning", path, message)
        if exception.expires_on is not None and not is_date(exception.expires_on):
            at = (*place, "expiresOn")
            message = f"expiresOn is {shown(find(document.data, at))}; expected a date such as 2025-12-31"
            yield Issue("constitution", "error", at, message)


def _checksum(document: Entity) -> Iterator[Issue]:
    written = document.data.get("checksum")
    if isinstance(written, str) and len(written) == _HEX and written != (expected := checksum(document.file.text)):
        message = (
            f'checksum is "{written}", but that of the file is {expected}; '
            "expected what grep -v '^checksum:' FILE | sha256sum gives"
        )
        yield Issue("constitution", "warning", ("checksum",), message)
