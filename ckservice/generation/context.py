"""What a model is told of a repository: what matters most first, as much as fits into a budget of tokens."""

import re
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ckservice.context.fields import texts
from ckservice.context.files import Entity
from ckservice.context.graph.links import references
from ckservice.context.paths import read_text
from ckservice.context.secrets import is_likely_secret
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import EntityType
from ckservice.context.validation.rules import RULES, mappings
from ckservice.errors import PathForbidden
from ckservice.generation.model import GenerationSource, SourceReason
from ckservice.llm.estimate import estimate_text

MAX_TOKENS = 6_000
"""Of a context; an estimate."""

PROJECT = ".context-kit"
"""The folder of what is told of the project as a whole."""

_MAX_PART_TOKENS = 1_500
_MAX_NEIGHBOURS = 12
_MAX_SIMILAR = 5
_MAX_EXAMPLES = 2
_PROJECT_FILES = (f"{PROJECT}/project.yml", f"{PROJECT}/stack.yml", f"{PROJECT}/domains.yml")
_MAX_PROJECT_BYTES = 1_000_000
_WORD = re.compile(r"\w{4,}")
_COMMON = frozenset(
    (
        *("also", "been", "between", "could", "does", "each", "every", "from", "have", "into", "just", "like", "make"),
        *("more", "must", "need", "needs", "only", "other", "over", "same", "shall", "should", "some", "such", "than"),
        *("that", "their", "them", "then", "there", "these", "they", "this", "those", "want", "wants", "were", "what"),
        *("when", "where", "which", "while", "will", "with", "without", "would", "your"),
    )
)
"""Words that texts share whatever they are about."""

_CHARS_PER_TOKEN = 4


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that a model may be told."""

    source: GenerationSource
    text: str


def gather(
    snapshot: Snapshot,
    entity_type: EntityType,
    prompt: str,
    linked: Sequence[Entity],
    *,
    without: str | None = None,
    hidden: Container[str] = (),
    max_tokens: int = MAX_TOKENS,
) -> list[Piece]:
    """What to tell a model that is to write an entity.

    Args:
        snapshot: of the repository.
        entity_type: of what is to be written.
        prompt: what the user says; entities that share words with it are told of.
        linked: entities that the new one is to be linked to, most important first.
        without: the id of the entity that is to be changed, which is told elsewhere.
        hidden: paths of files that are not told of, whatever is in them.
        max_tokens: of all pieces together; an estimate.
    """
    snapshot = visible(snapshot, hidden)
    linked = [entity for entity in linked if entity.path not in hidden]
    told: set[str | None] = {without}
    pieces: list[Piece] = []
    for candidate in _candidates(snapshot, entity_type, prompt, linked):
        if candidate.source.file_path in hidden:
            continue
        piece = Piece(candidate.source, _cut(candidate.text))
        tokens = estimate_text(piece.text)
        is_whole = candidate.source.reason not in ("principle", "project")
        if tokens <= max_tokens and not (is_whole and candidate.source.entity_id in told):
            max_tokens -= tokens
            pieces.append(piece)
            told.update({candidate.source.entity_id} if is_whole else ())
    return pieces


def _candidates(snapshot: Snapshot, entity_type: EntityType, prompt: str, linked: Sequence[Entity]) -> Iterator[Piece]:
    """Most important first."""
    yield from (_piece(entity, "linked") for entity in linked)
    yield from _principles(snapshot, entity_type)
    yield from _project(snapshot)
    similar = by_shared_words(list(snapshot.entities.values()), prompt)
    of_type = [entity for entity in similar if entity.type == entity_type]
    others = [entity for entity in snapshot.of_type(entity_type) if entity not in of_type]
    yield from (_piece(entity, "example") for entity in [*of_type, *others][:_MAX_EXAMPLES])
    if linked:
        yield from (_piece(entity, "neighbour") for entity in _neighbours(snapshot, linked[0])[:_MAX_NEIGHBOURS])
    yield from (_piece(entity, "similar") for entity in similar[:_MAX_SIMILAR])


def visible(snapshot: Snapshot, hidden: Container[str]) -> Snapshot:
    """A repository without some of its files."""
    files = {path: file for path, file in snapshot.files.items() if path not in hidden and not is_likely_secret(path)}
    return snapshot if len(files) == len(snapshot.files) else replace(snapshot, files=files)


def by_shared_words(entities: Sequence[Entity], text: str) -> list[Entity]:
    """The entities whose titles or ids share words with a text, those that share most first."""
    wanted = {word.casefold() for word in _WORD.findall(text)} - _COMMON
    scores = {entity.id: len(wanted & _words(entity)) for entity in entities}
    return sorted(
        (entity for entity in entities if scores[entity.id]), key=lambda entity: (-scores[entity.id], entity.id)
    )


def _words(entity: Entity) -> set[str]:
    return {word.casefold() for word in _WORD.findall(f"{entity.id} {entity.title}")}


def _neighbours(snapshot: Snapshot, entity: Entity) -> list[Entity]:
    """What an entity links to, then what links to it."""
    ids = [reference.target for reference in references(entity)]
    ids += [
        other.id
        for other in snapshot.entities.values()
        if other is not entity and any(reference.target == entity.id for reference in references(other))
    ]
    return [snapshot.entities[found] for found in dict.fromkeys(ids) if found in snapshot.entities]


def _piece(entity: Entity, reason: SourceReason) -> Piece:
    source = GenerationSource(
        entity_id=entity.id, entity_type=entity.type, title=entity.title, file_path=entity.path, reason=reason
    )
    return Piece(source, entity.yaml.strip())


def _principles(snapshot: Snapshot, entity_type: EntityType) -> Iterator[Piece]:
    for governance in snapshot.ratified:
        principles = governance.data.get("principles")
        for principle in principles if isinstance(principles, list) else ():
            if not isinstance(principle, dict):
                continue
            targets = principle.get("appliesTo")
            if isinstance(targets, list) and not {"global", entity_type}.isdisjoint(map(str, targets)):
                title = _text(principle.get("title")) or _text(principle.get("id"))
                source = GenerationSource(
                    entity_id=governance.id,
                    entity_type="governance",
                    title=title,
                    file_path=governance.path,
                    reason="principle",
                )
                yield Piece(source, _principle(principle, title))
        rules = list(_rules(governance, entity_type))
        if rules:
            source = GenerationSource(
                entity_id=governance.id,
                entity_type="governance",
                title=governance.title,
                file_path=governance.path,
                reason="principle",
            )
            yield Piece(source, "\n".join(["Rules that are checked:", *rules]))


def _rules(governance: Entity, entity_type: EntityType) -> Iterator[str]:
    """The rules for entities of a type, one on a line; governance documents are not held to any."""
    for _, rule in mappings(governance.data, RULES):
        targets = {target for _, target in texts(rule, "targets")}
        if entity_type == "governance" or targets.isdisjoint(("global", entity_type)):
            continue
        conditions = []
        for _, condition in mappings(rule, ("conditions",)):
            value = f" {condition['value']}" if "value" in condition else ""
            demand = f"{_text(condition.get('path'))} {_text(condition.get('operator'))}{value}"
            conditions.append(" ".join(filter(None, (f"({demand})", _text(condition.get("message"))))))
        yield "- " + " ".join([_text(rule.get("description")), *conditions])


def _principle(principle: dict[str, Any], title: str) -> str:
    must = "Must" if principle.get("nonNegotiable") is True else "Should"
    requirements = principle.get("requirements")
    statements = [
        f"- {_text(requirement.get('statement'))}"
        for requirement in (requirements if isinstance(requirements, list) else ())
        if isinstance(requirement, dict)
    ]
    return "\n".join([f"{must} be followed: {title}. {_text(principle.get('summary'))}", *statements])


def _project(snapshot: Snapshot) -> Iterator[Piece]:
    if snapshot.root is None:
        return
    for path in _PROJECT_FILES:
        try:
            text = read_text(snapshot.root, path, max_bytes=_MAX_PROJECT_BYTES)
        except PathForbidden:
            continue
        if text is not None and text.strip():
            title = path.rpartition("/")[2].partition(".")[0]
            yield Piece(GenerationSource(title=title, file_path=path, reason="project"), text.strip())


def _cut(text: str) -> str:
    """A text, or as many of its lines as a part may have."""
    if estimate_text(text) <= _MAX_PART_TOKENS:
        return text
    return text[: _MAX_PART_TOKENS * _CHARS_PER_TOKEN].rpartition("\n")[0] + "\n(cut)"


def _text(value: Any) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
