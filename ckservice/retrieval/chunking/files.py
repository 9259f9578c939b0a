"""Which way a file is cut, and what it links to."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from ckservice.context.files import CONTEXTS, ENDINGS, File, read_file
from ckservice.context.graph.links import references
from ckservice.retrieval.chunk import Chunk, Contents, Link
from ckservice.retrieval.chunking.entities import entity_passages
from ckservice.retrieval.chunking.lines import Passage
from ckservice.retrieval.chunking.markdown import markdown
from ckservice.retrieval.chunking.markup import asciidoc, restructured_text
from ckservice.retrieval.chunking.notebooks import notebook
from ckservice.retrieval.chunking.outline import outline
from ckservice.retrieval.chunking.prose import prose
from ckservice.retrieval.chunking.source import source
from ckservice.retrieval.types import SourceType

_DOCUMENTS: dict[str, Callable[[str, str], Iterator[Passage]]] = {
    **dict.fromkeys((".md", ".markdown", ".mdx"), markdown),
    ".rst": restructured_text,
    **dict.fromkeys((".adoc", ".asciidoc"), asciidoc),
    **dict.fromkeys(("", ".txt", ".text", ".org", ".tex", ".hbs"), prose),
    ".ipynb": notebook,
}
_OUTLINES = frozenset(
    [
        ".yaml",
        ".yml",
        ".json",
        ".jsonc",
        ".json5",
        ".jsonl",
        ".ndjson",
        ".toml",
        ".ini",
        ".cfg",
        ".conf",
        ".properties",
        ".css",
        ".scss",
        ".less",
        ".sass",
        ".html",
        ".htm",
        ".xml",
        ".svg",
        ".csv",
        ".tsv",
        ".tf",
        ".hcl",
        ".graphql",
        ".gql",
        ".dockerfile",
        ".mk",
        ".lock",
        ".log",
    ]
)
_BUILD_FILES = frozenset(
    {"makefile", "gnumakefile", "dockerfile", "containerfile", "jenkinsfile", "procfile", "justfile"}
)
_OWN_FOLDERS = (f"{CONTEXTS}/", ".context/", ".context-kit/")
"""What is in them is about the project, whatever it is written in."""

_MENTION = re.compile(r"(?<![\w-])(?:[A-Z][A-Z0-9]{0,9}-[0-9]{1,9}|(?:svc|pkg)-[a-z0-9][a-z0-9-]{0,60})(?![\w-])")
"""What looks like the id of an entity."""

_MOST_MENTIONS = 200


def read_contents(path: str, text: str) -> Contents:
    """The chunks and links of a file.

    Args:
        path: relative to the repository, with `/`.
        text: its text, without byte order mark.
    """
    if path.startswith(f"{CONTEXTS}/") and path.lower().endswith(ENDINGS):
        return _entities(read_file(path, text.encode(errors="replace")))
    file = PurePosixPath(path)
    ending = file.suffix.lower()
    if file.name.lower() in _BUILD_FILES or ending in _OUTLINES:
        kind: SourceType = "document" if path.startswith(_OWN_FOLDERS) else "source"
        return _contents(path, kind, outline(path, text))
    if ending in _DOCUMENTS and (ending or not text.startswith("#!")):
        return _contents(path, "document", _DOCUMENTS[ending](path, text))
    return _contents(path, "source", source(path, text))


def _entities(file: File) -> Contents:
    chunks: list[Chunk] = []
    links: list[Link] = []
    for owner, passage in entity_passages(file):
        chunks.append(_chunk(file.path, len(chunks), owner.entity_id, owner.entity_type, passage))
    for entity in file.entities:
        links += [Link(*reference.edge) for reference in references(entity)]
    known = {frozenset((link.source, link.target)) for link in links}
    mentioned = [link for link in _mentions(chunks) if frozenset((link.source, link.target)) not in known]
    return Contents(tuple(chunks), None if file.problems and not file.entities else (*dict.fromkeys(links), *mentioned))


def _contents(path: str, kind: SourceType, passages: Iterable[Passage]) -> Contents:
    chunks = tuple(
        _chunk(path, order, f"{path}#{passage.name}" if passage.name else path, kind, passage)
        for order, passage in enumerate(passages)
    )
    return Contents(chunks, tuple(_mentions(chunks)))


def _chunk(path: str, order: int, entity_id: str, kind: SourceType, passage: Passage) -> Chunk:
    return Chunk(path, order, entity_id, kind, passage.title, passage.body, passage.first, passage.last)


def _mentions(chunks: Iterable[Chunk]) -> Iterator[Link]:
    """Ids in the text, each once for the chunk's entity; not those of a list of hundreds."""
    found: dict[Link, None] = {}
    for chunk in chunks:
        dashed = (piece for piece in chunk.body.split() if "-" in piece)
        for target in (target for piece in dashed for target in _MENTION.findall(piece)):
            if target != chunk.entity_id and len(found) < _MOST_MENTIONS:
                found[Link(chunk.entity_id, target, "mentions")] = None
    return iter(found)
