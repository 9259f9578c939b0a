"""YAML of the context repository: entities in one passage each, or by their fields and the items of these; and what is none."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from ckservice.context.files import File, type_of_folder
from ckservice.context.yaml.nodes import Broken, Lines, compose
from ckservice.retrieval.chunking.lines import MOST_CHARACTERS, Passage, Span, packed, passages, size, split_lines
from ckservice.retrieval.chunking.outline import parts
from ckservice.retrieval.types import SourceType

_MARK = re.compile(r"(?:---|\.\.\.)(?:\s|$)")
_ID = re.compile(r"id:[ \t]{0,80}[\"']?([^\s\"'#]{1,256})")
_TITLE = re.compile(r"(?:title|name):[ \t]{0,80}[\"']?([^\"'#]{1,200})")


class Owner(NamedTuple):
    """What passages belong to."""

    entity_id: str
    entity_type: SourceType
    title: str


def entity_passages(file: File) -> Iterator[tuple[Owner, Passage]]:
    """The passages of a file, and what they are of.

    A document that is no entity, or can't be read, goes by the id that it states, or would have; else by its path.
    """
    lines = split_lines(file.text)
    entities = {entity.document: entity for entity in file.entities}
    for place, span in enumerate(_documents(file, lines)):
        entity = entities.get(place)
        owner = Owner(entity.id, entity.type, entity.title) if entity is not None else _guessed(file, lines, span)
        spans = [span] if size(lines, span) <= MOST_CHARACTERS else [part.span for part in parts(lines, span)]
        for passage in passages(lines, "", owner.title, packed(lines, spans)):
            yield owner, passage


def _documents(file: File, lines: Sequence[str]) -> list[Span]:
    """The lines of each document; every line belongs to one."""
    marks = [number for number, line in enumerate(lines, 1) if line.startswith(("---", "...")) and _MARK.match(line)]
    starts: list[int] = []
    if marks:
        try:
            numbers = Lines(file.text)
            starts = [numbers.position(document.start)[0] for document in compose(file.text)[1:]]
        except Broken:
            starts = [] if file.entities else marks  # what is read leniently need not be composed
    return [Span(first, behind - 1) for first, behind in pairwise(dict.fromkeys([1, *starts, len(lines) + 1]))]


def _guessed(file: File, lines: Sequence[str], span: Span) -> Owner:
    found = [line for line in lines[span.first - 1 : span.last] if line.startswith(("id:", "title:", "name:"))]
    stated = next(filter(None, map(_ID.match, found)), None)
    title = next(filter(None, map(_TITLE.match, found)), None)
    by_folders = _type_by_folders(file.path)
    if stated is not None:
        entity_id = stated[1]
    elif by_folders != "document" and not file.entities and span.first == 1:
        entity_id = file.unreadable_ids[0]
    else:
        entity_id, by_folders = file.path, "document"
    name = title[1].strip() if title is not None else ""
    return Owner(entity_id, by_folders, name or PurePosixPath(entity_id).name)


def _type_by_folders(path: str) -> SourceType:
    folders = PurePosixPath(path).parts[:-1]
    return next((found for name in reversed(folders) if (found := type_of_folder(name)) is not None), "document")
