"""Graphs as text that others draw: Mermaid and Graphviz's DOT.

Ids and titles are anybody's text. They stand in labels only, with everything escaped that could end a label or begin
something else; nodes have names of their own.
"""

import re
from collections.abc import Iterator
from typing import Literal

from ckservice.context.graph.model import Graph
from ckservice.context.types import EntityType

_LABEL_CHARACTERS = 80

_MERMAID_SHAPES: dict[EntityType, tuple[str, str]] = {
    "feature": ("([", "])"),
    "userstory": ("(", ")"),
    "spec": ("[/", "/]"),
    "task": ("[", "]"),
    "service": ("[[", "]]"),
    "package": ("{{", "}}"),
    "governance": ("((", "))"),
}
_DOT_SHAPES: dict[EntityType, str] = {
    "feature": "ellipse",
    "userstory": "box",
    "spec": "note",
    "task": "box",
    "service": "component",
    "package": "hexagon",
    "governance": "octagon",
}
_COLOURS: dict[EntityType, str] = {
    "feature": "#dbeafe",
    "userstory": "#dcfce7",
    "spec": "#fef9c3",
    "task": "#f3f4f6",
    "service": "#ede9fe",
    "package": "#ffedd5",
    "governance": "#fee2e2",
}

_NOT_PLAIN = re.compile(r"[!-+;-@\[-^`{-~]")
"""ASCII that is no letter, digit, space, comma, dash, dot, slash, colon or underscore."""


def draw(graph: Graph, form: Literal["mermaid", "dot"]) -> str:
    """A graph as text: https://mermaid.js.org/syntax/flowchart.html, https://graphviz.org/doc/info/lang.html.

    Dangling links are dashed, and so is what they lead to where it does not exist. Mermaid takes 500 edges and 50,000
    characters unless it is told otherwise (`maxEdges`, `maxTextSize`).
    """
    names = {node.id: f"n{place}" for place, node in enumerate(graph.nodes)}
    missing = [link.to for link in graph.dangling if link.to not in names]
    names |= {target: f"m{place}" for place, target in enumerate(dict.fromkeys(missing))}
    lines = _mermaid(graph, names) if form == "mermaid" else _dot(graph, names)
    return "\n".join([*lines, ""])


def _mermaid(graph: Graph, names: dict[str, str]) -> Iterator[str]:
    yield "flowchart LR"
    for node in graph.nodes:
        opening, closing = _MERMAID_SHAPES[node.type]
        yield f'  {names[node.id]}{opening}"{_mermaid_text(_label(node.id, node.title))}"{closing}:::{node.type}'
    for target in _missing(graph, names):
        yield f'  {names[target]}["{_mermaid_text(_label(target))}"]:::missing'
    for edge in graph.edges:
        yield f"  {names[edge.from_]} -->|{edge.relation}| {names[edge.to]}"
    for link in graph.dangling:
        yield f"  {names[link.from_]} -.->|{link.relation}| {names[link.to]}"
    for entity_type, colour in _COLOURS.items():
        yield f"  classDef {entity_type} fill:{colour},stroke:#6b7280,color:#111827"
    yield "  classDef missing fill:#ffffff,stroke:#dc2626,color:#dc2626,stroke-dasharray:4"


def _dot(graph: Graph, names: dict[str, str]) -> Iterator[str]:
    yield "digraph context {"
    yield "  rankdir=LR;"
    yield '  node [style=filled, color="#6b7280", fontname="Helvetica"];'
    yield '  edge [color="#6b7280", fontname="Helvetica", fontsize=10];'
    for node in graph.nodes:
        label = _dot_text(_label(node.id, node.title))
        look = f'shape={_DOT_SHAPES[node.type]}, fillcolor="{_COLOURS[node.type]}"'
        yield f'  {names[node.id]} [label="{label}", {look}];'
    for target in _missing(graph, names):
        yield f'  {names[target]} [label="{_dot_text(_label(target))}", shape=box, style=dashed, color="#dc2626"];'
    for edge in graph.edges:
        yield f'  {names[edge.from_]} -> {names[edge.to]} [label="{edge.relation}"];'
    for link in graph.dangling:
        yield f'  {names[link.from_]} -> {names[link.to]} [label="{link.relation}", style=dashed];'
    yield "}"


def _missing(graph: Graph, names: dict[str, str]) -> list[str]:
    return list(names)[len(graph.nodes) :]


def _label(entity_id: str, title: str = "") -> str:
    """One line of printable text."""
    text = f"{entity_id}: {title}" if title and title != entity_id else entity_id
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return (line if len(line) <= _LABEL_CHARACTERS else f"{line[: _LABEL_CHARACTERS - 1]}…") or "?"


def _mermaid_text(text: str) -> str:
    # Mermaid has no backslashes: it knows characters by their numbers, as `#35;`.
    return _NOT_PLAIN.sub(lambda found: f"#{ord(found.group())};", text)


def _dot_text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
