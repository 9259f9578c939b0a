"""From an entity to a prompt for another AI."""

from collections.abc import Collection, Iterable
from typing import Any

from ckservice.context.files import Entity
from ckservice.context.paths import inside
from ckservice.context.prompts.governance import documents
from ckservice.context.prompts.material import material
from ckservice.context.prompts.model import PromptKind, PromptReference, RenderedPrompt
from ckservice.context.prompts.neighbours import neighbours
from ckservice.context.prompts.parts import strings
from ckservice.context.prompts.templates import Template, built_in, find_template
from ckservice.context.secrets import is_likely_secret, mask
from ckservice.context.snapshot import Snapshot
from ckservice.errors import PathForbidden

_MAX_FILES = 100
"""Files beside those of entities that are referred to."""


def render(snapshot: Snapshot, entity_id: str, kind: PromptKind, *, ignored: Collection[str] = ()) -> RenderedPrompt:
    """Make a prompt of an entity and what belongs to it. The same repository always gives the same prompt.

    Args:
        snapshot: of the repository.
        entity_id: of the entity.
        kind: of the prompt.
        ignored: paths of files that Git leaves out: they are nobody else's business.

    Raises:
        EntityNotFound: there is no such entity.
        InvalidArguments: the repository's template is broken; the message says at which line.
    """
    entity = snapshot.get(entity_id)
    template = find_template(snapshot, entity.type, kind)
    linked = [(other, link) for other, link in neighbours(snapshot, entity) if _is_open(other, ignored)]
    governing = [document for document in documents(snapshot, entity) if _is_open(document, ignored)]
    data = {**material(snapshot, entity, linked, governing, ignored), "kind": kind}
    references = _references(snapshot, [entity, *(other for other, _ in linked)], governing, data)
    data["references"] = [reference.model_dump() for reference in references]
    data["context"] = built_in("context").fill(data).strip()
    prompt = _filled(template, data)
    checklist = None
    if kind != "checklist":
        checklist = _filled(find_template(snapshot, entity.type, "checklist"), data)
    if template.file is not None:
        references.append(PromptReference(title="Template of the prompt", file=template.file))
    return RenderedPrompt(prompt=prompt, checklist=checklist, references=references)


def _is_open(entity: Entity, ignored: Collection[str]) -> bool:
    return entity.path not in ignored and not is_likely_secret(entity.path)


def _filled(template: Template, data: dict[str, Any]) -> str:
    return template.fill({**data, **data["entity"]} if template.is_of_type else data)


def _references(
    snapshot: Snapshot, entities: list[Entity], governing: list[Entity], data: dict[str, Any]
) -> list[PromptReference]:
    """What a prompt draws on: the entity, its neighbours, what governs it, and the files that these name."""
    asked = [*data["principles"], *data["validationRules"]]
    used = {item["document"] for item in asked}
    sources = [*entities, *(document for document in governing if document.id in used)]
    references = [PromptReference(id=source.id, title=mask(source.title), file=source.path) for source in sources]
    named = {path: f"Context of {feature.id}" for feature in entities for path in _context_refs(feature)}
    named |= {path: str(item["title"]) for item in asked for path in (*item["references"], *item.get("evidence", ()))}
    files = {source.path for source in sources} | set(snapshot.entities)
    existing = _existing(snapshot, (path for path in named if path not in files))
    return references + [PromptReference(title=mask(named[path]), file=path) for path in existing[:_MAX_FILES]]


def _context_refs(entity: Entity) -> list[str]:
    return strings(entity.data.get("prompts"), "contextRefs") if entity.type == "feature" else []


def _existing(snapshot: Snapshot, paths: Iterable[str]) -> list[str]:
    """The paths, out of the repository's own texts, of what there is and may be looked at."""
    found = []
    for path in paths:
        try:
            if snapshot.root is not None and not is_likely_secret(path) and inside(snapshot.root, path).exists():
                found.append(path)
        except (PathForbidden, OSError):
            continue
    return found
