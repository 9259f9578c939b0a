"""A schema for a model: that of a type, made as narrow as what is known of the one entity that is wanted.

Schemas are the repository's own, and may be of any form. What is to be narrowed is looked for behind references and
`allOf`, on a copy; what is not found is left alone, since the answer is held to the original schema anyway.
"""

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from ckservice.context.yaml.reading import FieldPath
from ckservice.generation.bundling import bundled
from ckservice.generation.schema_parts import items, listed, mapped, required, target

_COMBINATIONS = ("allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas", "dependencies")
_ANNOTATIONS = {"title", "description", "$comment", "default", "examples", "deprecated"}
_DEFINITIONS = ("$schema", "$id", "definitions", "$defs")
_MAX_PARTS = 64
_MAX_SHAPE_DEPTH = 6


class Narrowing:
    """A copy of a schema that stands alone, and the ways to narrow it.

    Attributes:
        schema: the copy, as narrow as it is by now.
    """

    def __init__(self, document: Mapping[str, Any], related: Mapping[str, Mapping[str, Any]]) -> None:
        self.schema = bundled(document, related)
        pointed_at = target(self.schema, self.schema.get("$ref"))
        if isinstance(pointed_at, dict) and pointed_at is not self.schema:
            kept = {name: value for name, value in self.schema.items() if name in _DEFINITIONS}
            self.schema = {**deepcopy(pointed_at), **kept}

    def narrow(self, field: str, allowed: Sequence[str], demanded: Sequence[str] = ()) -> None:
        """Let a field, of one text or a list of them, hold nothing but certain values, and some of them in any case.

        Without effect where the schema has no such field, as below.

        Args:
            field: dotted path.
            allowed: at least one.
            demanded: those that a list must hold all of; a field of one text holds one of them.
        """
        one = {"const": demanded[0]} if len(demanded) == 1 else {"enum": list(demanded or allowed)}
        contained = [{"contains": {"const": value}} for value in demanded]
        many = contained[0] if len(contained) == 1 else {"allOf": contained} if contained else {}
        self._change(field, one, {"enum": list(allowed)}, many, is_required=bool(demanded))

    def match(self, field: str, pattern: str) -> None:
        """Let a field hold nothing but texts of a pattern."""
        self._change(field, {"pattern": pattern}, {"pattern": pattern}, {}, is_required=False)

    def forbid(self, field: str) -> None:
        """Take a member away unless it is required, and objects that held nothing else."""
        path = field.split(".")
        for depth in range(len(path) - 1, -1, -1):
            name = path[depth]
            for holder in self._holders(path[:depth]):
                if name not in listed(holder, "required"):
                    mapped(holder, "properties").pop(name, None)
            if any(mapped(holder, "properties") for holder in self._holders(path[:depth])):
                return

    def has(self, field: str) -> bool:
        """Whether the schema names a field."""
        *above, name = field.split(".")
        return any(name in mapped(holder, "properties") for holder in self._holders(above))

    def is_required(self, field: str, value: Any = None) -> bool:
        """Whether an entity can't do without a field; `value` is what there is of it, with objects that may require it."""
        path = field.split(".")
        for depth, name in enumerate(path):
            value = value.get(name) if isinstance(value, Mapping) else None
            is_there = isinstance(value, Mapping) and depth < len(path) - 1
            if not is_there and name not in required(self._holders(path[:depth])):
                return False
        return True

    def admit(self, value: Mapping[str, Any]) -> list[FieldPath]:
        """Allow the members of a value that the schema has no names for, and say where they stand."""
        return list(self._admit([self.schema], value, ()))

    def close(self) -> None:
        """Allow no members but those with a name, wherever one place in the schema can say so."""
        plain: dict[int, dict[str, Any]] = {}
        mixed: set[int] = set()
        _sort_objects(self.schema, plain, mixed)
        for place, part in plain.items():
            names = set(mapped(part, "properties"))
            if place not in mixed and names.issuperset(listed(part, "required")):
                part["additionalProperties"] = False

    def _change(
        self, field: str, one: Mapping[str, Any], item: Mapping[str, Any], many: Mapping[str, Any], *, is_required: bool
    ) -> None:
        *above, name = field.split(".")
        is_found = False
        for holder in self._holders(above):
            if name not in mapped(holder, "properties"):
                continue
            found = self._own_parts(_inlined(self.schema, holder["properties"], name))
            kinds = {str(part["type"]) for part in found if "type" in part}
            if any("anyOf" in part or "oneOf" in part for part in found) or not kinds <= {"string", "array"}:
                continue
            part = next((part for part in found if "items" in part), found[0] if found else {})
            if isinstance(part.get("items"), list):
                continue  # a kind for each place
            if "array" in kinds:
                part["items"] = _both(part.get("items", {"type": "string"}), item)
            rule = many if "array" in kinds else one
            holder["properties"][name] = _both(holder["properties"][name], rule)
            is_found = True
        if is_found and is_required:
            self._require((*above, name))

    def _require(self, path: Sequence[str]) -> None:
        for depth, name in enumerate(path):
            for holder in self._holders(path[:depth]):
                if name in mapped(holder, "properties") and name not in listed(holder, "required"):
                    holder["required"] = [*listed(holder, "required"), name]

    def _holders(self, path: Sequence[str]) -> list[dict[str, Any]]:
        """The parts of the object at a path, each of them nobody else's."""
        found = self._own_parts(self.schema)
        for name in path:
            holders = [mapped(part, "properties") for part in found]
            found = [
                inner
                for holder in holders
                if name in holder
                for inner in self._own_parts(_inlined(self.schema, holder, name))
            ]
        return found

    def _own_parts(self, schema: Any) -> list[dict[str, Any]]:
        found = [schema] if isinstance(schema, dict) else []
        for part in found:  # which grows on the way
            for place in range(len(listed(part, "allOf"))):
                inner = _inlined(self.schema, part["allOf"], place)
                if isinstance(inner, dict) and len(found) < _MAX_PARTS:
                    found.append(inner)
        return found

    def _admit(self, found: list[dict[str, Any]], value: Any, path: FieldPath) -> Iterator[FieldPath]:
        found = [part for one in found for part in self._own_parts(one)]
        if not found:
            return
        if isinstance(value, list) and isinstance(items(found), dict):
            holder = next(part for part in found if isinstance(part.get("items"), dict))
            inner = _inlined(self.schema, holder, "items")
            for place, item in enumerate(value):
                yield from self._admit([inner], item, (*path, place))
        elif isinstance(value, Mapping) and any("properties" in part for part in found):
            for name, member in value.items():
                holders = [part["properties"] for part in found if name in mapped(part, "properties")]
                if holders:
                    inner = [_inlined(self.schema, holder, name) for holder in holders]
                    yield from self._admit(inner, member, (*path, name))
                elif all(part.get("additionalProperties", True) is True for part in found):
                    yield (*path, name)
                    found[0].setdefault("properties", {})[name] = _shape(member, _MAX_SHAPE_DEPTH)


def _inlined(root: Mapping[str, Any], holder: Any, place: str | int) -> Any:
    """The schema at a place; what it refers to is copied there, for others may refer to that too."""
    schema = holder[place]
    seen: set[str] = set()
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and schema["$ref"] not in seen:
        seen.add(schema["$ref"])
        pointed_at = target(root, schema["$ref"])
        if not isinstance(pointed_at, dict) or pointed_at is root:
            break
        beside = {name: value for name, value in schema.items() if name != "$ref"}
        is_plain = beside.keys() <= _ANNOTATIONS
        schema = {**deepcopy(pointed_at), **beside} if is_plain else {"allOf": [deepcopy(pointed_at), beside]}
        holder[place] = schema
    return schema


def _both(schema: Any, rule: Mapping[str, Any]) -> Any:
    if not rule:
        return schema
    if isinstance(schema, dict) and "$ref" not in schema and not schema.keys() & rule.keys():
        return {**schema, **rule}
    return {"allOf": [schema, dict(rule)]}


def _shape(value: Any, depth: int) -> dict[str, Any]:
    """A schema for values like one; of any kind where it is empty, mixed or deep."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int | float):
        return {"type": "number"}
    if isinstance(value, str):
        return {"type": "string"}
    if isinstance(value, Mapping) and value and depth:
        properties = {name: _shape(member, depth - 1) for name, member in value.items()}
        return {"type": "object", "properties": properties, "additionalProperties": False}
    if isinstance(value, list) and value and depth:
        shapes = [_shape(item, depth - 1) for item in value]
        if all(shape.get("type") == "object" for shape in shapes):
            properties = {name: member for shape in shapes for name, member in shape["properties"].items()}
            return {"type": "array", "items": {**shapes[0], "properties": properties}}
        return {"type": "array", "items": shapes[0]} if all(shape == shapes[0] for shape in shapes) else {}
    return {}


def _sort_objects(root: dict[str, Any], plain: dict[int, dict[str, Any]], mixed: set[int]) -> None:
    """Tell objects that one part of the schema describes alone from those that several parts describe together."""
    waiting: list[tuple[Any, bool]] = [(root, False)]
    seen: set[tuple[int, bool]] = set()
    while waiting:
        schema, is_mixed = waiting.pop()
        if not isinstance(schema, dict) or (id(schema), is_mixed) in seen:
            continue
        seen.add((id(schema), is_mixed))
        is_mixed = is_mixed or any(keyword in schema for keyword in _COMBINATIONS) or not _is_alone(schema)
        if is_mixed:
            mixed.add(id(schema))
        elif "properties" in schema and schema.get("additionalProperties", True) is True:
            plain[id(schema)] = schema
        below = [*mapped(schema, "properties").values(), *mapped(schema, "patternProperties").values()]
        below += [schema.get("items"), *listed(schema, "items"), *listed(schema, "prefixItems")]
        below += [schema.get("additionalProperties"), target(root, schema.get("$ref"))]
        for keyword in _COMBINATIONS:
            below += [schema.get(keyword), *listed(schema, keyword), *mapped(schema, keyword).values()]
        waiting += [(inner, is_mixed) for inner in below]


def _is_alone(schema: Mapping[str, Any]) -> bool:
    return "$ref" not in schema or schema.keys() <= {"$ref", *_ANNOTATIONS, *_DEFINITIONS}
