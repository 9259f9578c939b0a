"""A schema and all the others that it refers to, as one that stands alone: a provider is given just that."""

from collections.abc import Mapping
from typing import Any

_DEFINITIONS = "$defs"
_OF_A_DOCUMENT = ("$id", "$schema")


def bundled(document: Mapping[str, Any], related: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """A copy of a schema whose references lead into itself, but for those that lead nowhere.

    Args:
        document: the schema.
        related: documents that it may refer to, by the names of their files; each may also be meant by its `$id`.
    """
    bundle = _Bundle(document, related)
    copy: dict[str, Any] = bundle.rewritten(document, "#")
    definitions: dict[str, Any] = {}
    for name, other in bundle.found:  # which grows on the way
        kept = {key: value for key, value in other.items() if key not in _OF_A_DOCUMENT}
        definitions[name] = bundle.rewritten(kept, f"#/{_DEFINITIONS}/{_escaped(name)}")
    return {**copy, _DEFINITIONS: {**copy.get(_DEFINITIONS, {}), **definitions}} if definitions else copy


class _Bundle:
    """What has been referred to so far."""

    def __init__(self, document: Mapping[str, Any], related: Mapping[str, Mapping[str, Any]]) -> None:
        self.found: list[tuple[str, Mapping[str, Any]]] = []
        self._document = document
        self._related = {**{str(other["$id"]): other for other in related.values() if "$id" in other}, **related}

    def rewritten(self, node: Any, place: str) -> Any:
        """A copy of a part of the document that stands at a place in the bundle."""
        if isinstance(node, list):
            return [self.rewritten(item, place) for item in node]
        if not isinstance(node, Mapping):
            return node
        copy = {name: self.rewritten(member, place) for name, member in node.items()}
        if isinstance(copy.get("$ref"), str):
            copy["$ref"] = self._moved(copy["$ref"], place)
        return copy

    def _moved(self, reference: str, place: str) -> str:
        uri, _, pointer = reference.partition("#")
        if pointer and not pointer.startswith("/"):
            return reference
        if not uri:
            return place + pointer
        name = uri if uri in self._related else uri.rpartition("/")[2]
        other = self._related.get(name)
        if other is None:
            return reference
        if other is self._document:
            return "#" + pointer
        if all(known is not other for _, known in self.found):
            self.found.append((name, other))
        first = next(found for found, known in self.found if known is other)
        return f"#/{_DEFINITIONS}/{_escaped(first)}{pointer}"


def _escaped(name: str) -> str:
    """A name in a JSON pointer, RFC 6901."""
    return name.replace("~", "~0").replace("/", "~1")
