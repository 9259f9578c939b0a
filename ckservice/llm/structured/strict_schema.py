"""Any JSON Schema in the subset that a provider enforces.

What the subsets have in common: the root is an object, objects are closed, there is `anyOf` but neither `oneOf` nor
`allOf`, and definitions stand in `$defs`. Values that have no such form get one (`schema_shapes`), keywords that are not
enforced are put into the description (`schema_words`). What comes of it may be narrower than the schema, or wider where
there are no words for a rule: answers are still to be validated.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from ckservice.llm.structured import schema_shapes as shapes
from ckservice.llm.structured.schema_image import Image, Limits, references
from ckservice.llm.structured.schema_merge import Inexpressible, Never, merged, pointed_at, values_of
from ckservice.llm.structured.schema_shapes import Shape
from ckservice.llm.structured.schema_words import ANNOTATIONS, described

_MAX_BYTES = 500_000
_MAX_STEPS = 20_000
"""Schemas looked at for one translation: merging can make many out of few."""

_TYPE_OF_KEYWORD = {
    **dict.fromkeys(("properties", "required", "additionalProperties", "patternProperties", "propertyNames"), "object"),
    **dict.fromkeys(("minProperties", "maxProperties", "dependentRequired", "dependentSchemas"), "object"),
    **dict.fromkeys(("items", "prefixItems", "additionalItems", "minItems", "maxItems"), "array"),
    **dict.fromkeys(("uniqueItems", "contains", "minContains", "maxContains"), "array"),
    **dict.fromkeys(("minLength", "maxLength", "pattern", "format"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}
_STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "prefixItems", "additionalItems"}
_SCALARS = ("string", "integer", "number", "boolean", "null")


@dataclass(frozen=True, slots=True)
class Form:
    """A schema in a provider's dialect, and the way back.

    Attributes:
        schema: what the provider is given.
        restore: turns a value of this form into one of the original form, as far as that can be done.
    """

    schema: dict[str, Any]
    restore: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Subset:
    """What one provider enforces.

    Attributes:
        keeps: whether it takes a keyword with a value, beyond those that all take.
        is_recursive: whether a definition may point at itself.
        is_complete: whether every member has to be required.
    """

    keeps: Callable[[str, Any], bool]
    is_recursive: bool
    is_complete: bool
    limits: Limits = field(default_factory=Limits)


def translate(subset: Subset, schema: dict[str, Any]) -> Form | None:
    """Say a schema in a subset; `None` where that can't be done, or takes too much. The schema is not changed."""
    try:
        if len(orjson.dumps(schema)) > _MAX_BYTES:
            return None
        return _Translation(schema, subset).form()
    except (Inexpressible, RecursionError):
        return None
    except (AttributeError, LookupError, TypeError, ValueError):
        return None  # of another draft, or with a reference into what is no schema: keywords mean something else there


class _Translation:
    """One schema on its way into a subset."""

    def __init__(self, root: Mapping[str, Any], subset: Subset) -> None:
        self._root = root
        self._subset = subset
        self._names: dict[str, str] = {}
        self._namesakes: Counter[str] = Counter()
        self._may_be_null_at: dict[str, bool] = {}
        self._defs: dict[str, Shape] = {}
        self._open: dict[str, int] = {}
        self._steps = 0

    def form(self) -> Form:
        """The whole schema.

        Raises:
            Inexpressible: it can't be said.
        """
        shape = self._walk(self._root, 0)
        if set(shape.image) == {"$ref"}:
            shape = self._defs[shape.image["$ref"].removeprefix("#/$defs/")]
        if shape.image.get("type") != "object":
            shape = shapes.alone("value", shape)
        image = self._with_defs(shape.image)
        if not self._subset.limits.allow(image):
            raise Inexpressible
        return Form(image, shape.restore)

    def _with_defs(self, image: Image) -> Image:
        """A root with the definitions that can be reached from it."""
        names = sorted(references(image))
        for name in names:  # which grows on the way
            if name not in self._defs:  # it turned out to fit nothing, after something had pointed at it
                raise Inexpressible
            names.extend(sorted(references(self._defs[name].image).difference(names)))
        defs = {name: self._defs[name].image for name in sorted(names)}
        return {**image, "$defs": defs} if defs else image

    def _walk(self, schema: Any, level: int) -> Shape:
        """Any schema; `level` counts the objects and arrays around it."""
        self._count_step()
        if level > self._subset.limits.levels:
            raise Inexpressible
        schema = merged(self._root, {"allOf": [schema]} if isinstance(schema, bool) else schema)
        if "$ref" in schema:
            return self._reference(schema, level)
        if "anyOf" in schema:
            return self._union(schema, schema["anyOf"], level)
        if "const" in schema or "enum" in schema:
            values = values_of(schema)
            if len(values) > self._subset.limits.enum_values:
                raise Inexpressible
            return self._described(shapes.literal(values), schema, said=set(schema) - ANNOTATIONS)
        kind = schema.get("type") or next((_TYPE_OF_KEYWORD[key] for key in schema if key in _TYPE_OF_KEYWORD), None)
        if isinstance(kind, list):
            return self._union(schema, [{"type": name} for name in kind], level)
        return self._of_type(kind, schema, level)

    def _of_type(self, kind: Any, schema: Mapping[str, Any], level: int) -> Shape:
        if kind == "object":
            return self._described(self._object(schema, level), schema, kind)
        if kind == "array":
            return self._array(schema, level)
        if kind is None:
            return self._described(shapes.anything(), schema)
        if kind not in _SCALARS:
            raise Inexpressible
        return self._described(Shape({"type": kind}), schema, kind)

    def _count_step(self) -> None:
        self._steps += 1
        if self._steps > _MAX_STEPS:
            raise Inexpressible

    def _described(self, shape: Shape, schema: Mapping[str, Any], kind: str = "", said: Any = frozenset()) -> Shape:
        """A shape with what is enforced of a schema's keywords, and the others in words.

        Args:
            shape: without them.
            schema: merged.
            kind: the type; keywords for values of other types mean nothing.
            said: keywords to be left out.
        """
        own = "number" if kind == "integer" else kind
        rules = [key for key in schema if key not in said and _TYPE_OF_KEYWORD.get(key, own) == own]
        keeps = self._subset.keeps
        kept = {key: schema[key] for key in rules if key in _TYPE_OF_KEYWORD and keeps(key, schema[key])}
        words = [key for key in rules if key not in kept and key not in _STRUCTURE]
        return Shape(described({**shape.image, **kept}, schema, words), shape.restore)

    def _reference(self, schema: Mapping[str, Any], level: int) -> Shape:
        pointer = schema["$ref"]
        name = self._name(pointer)
        if name in self._open:
            if not self._subset.is_recursive or self._open[name] == level:
                raise Inexpressible  # the latter asks for nothing but itself
        elif name not in self._defs:
            self._open[name] = level
            try:
                self._defs[name] = self._walk(pointed_at(self._root, pointer), level)
            finally:
                del self._open[name]
        image: Image = {"$ref": f"#/$defs/{name}"}
        annotations = described({}, schema, ["default", "examples"])

        def restore(value: Any) -> Any:
            return self._defs[name].restore(value)  # which may not be known yet

        return Shape({"anyOf": [image], **annotations} if annotations else image, restore)

    def _name(self, pointer: str) -> str:
        """A name in `$defs` for what a pointer points at: its last part, if that is free."""
        if pointer not in self._names:
            plain = re.sub(r"[^A-Za-z0-9]", "_", pointer.rpartition("/")[2].removeprefix("#")) or "root"
            self._namesakes[plain] += 1
            number = self._namesakes[plain]
            self._names[pointer] = plain if number == 1 else f"{plain}-{number}"
        return self._names[pointer]

    def _union(self, schema: Mapping[str, Any], branches: list[Any], level: int) -> Shape:
        """Each branch together with what stands beside the union."""
        beside = {key: value for key, value in schema.items() if key not in ANNOTATIONS | {"anyOf"}}
        if branches is not schema.get("anyOf"):
            beside.pop("type", None)
        possible = []
        for branch in branches:
            with suppress(Never):
                possible.append(self._walk({"allOf": [beside, branch]} if beside else branch, level))
        if not possible:
            raise Never
        annotations = described({}, schema, ["default", "examples"])
        shape = shapes.union(possible, lambda name: self._defs[name].image)
        if annotations and len(possible) == 1:
            shape = Shape({"anyOf": [shape.image]}, shape.restore)
        return Shape({**shape.image, **annotations}, shape.restore)

    def _object(self, schema: Mapping[str, Any], level: int) -> Shape:
        required = set(schema.get("required", ()))
        additional = schema.get("additionalProperties", True)
        named = {**dict.fromkeys(schema.get("required", ()), additional), **schema.get("properties", {})}
        rest = self._rest(schema, is_free=not named, level=level)
        if rest is not None and not named:
            return rest
        members: dict[str, Shape] = {}
        nullable: set[str] = set()
        for name, member in named.items():
            try:
                members[name] = self._walk(member, level + 1)
            except Never:
                if name in required:
                    raise
                continue
            if self._subset.is_complete and name not in required and not self._may_be_null(member):
                members[name] = shapes.nullable(members[name])
                nullable.add(name)
        wanted = [name for name in members if self._subset.is_complete or name in required]
        shape = shapes.closed(members, wanted, nullable)
        return shape if rest is None else shapes.half_open(shape, rest)

    def _rest(self, schema: Mapping[str, Any], *, is_free: bool, level: int) -> Shape | None:
        """The entries for which an object has no names; `None` if there are none.

        An object that says nothing of others has none, unless it names no member at all.
        """
        kinds = list(schema.get("patternProperties", {}).values())
        additional = schema.get("additionalProperties", is_free and not kinds)
        kinds += [] if additional is False else [additional]
        if not kinds:
            return None
        key = self._walk({"allOf": [{"type": "string"}, schema.get("propertyNames", True)]}, level + 2)
        try:
            value = self._walk(kinds[0] if len(kinds) == 1 else {"anyOf": kinds}, level + 2)
        except Never:
            return None
        return shapes.entries(key, value)

    def _may_be_null(self, schema: Any) -> bool:
        """Whether a schema names null as one of its values."""
        if isinstance(schema, bool):
            return False
        self._count_step()
        schema = merged(self._root, schema)
        if "$ref" in schema:
            pointer = schema["$ref"]
            if pointer not in self._may_be_null_at:
                self._may_be_null_at[pointer] = False  # for one that points at itself
                self._may_be_null_at[pointer] = self._may_be_null(pointed_at(self._root, pointer))
            return self._may_be_null_at[pointer]
        if "anyOf" in schema:
            beside = {key: value for key, value in schema.items() if key != "anyOf"}
            return any(self._may_be_null({"allOf": [beside, branch]}) for branch in schema["anyOf"])
        if "const" in schema or "enum" in schema:
            return None in values_of(schema)
        return "null" in schema.get("type", ())

    def _array(self, schema: Mapping[str, Any], level: int) -> Shape:
        items = schema.get("items", True)
        first = schema.get("prefixItems", items if isinstance(items, list) else [])
        if isinstance(items, list):
            items = schema.get("additionalItems", True)
        first = first[: schema.get("maxItems", len(first))]
        if not first:
            return self._described(shapes.array(self._walk(items, level + 1)), schema, "array")
        has_more = isinstance(items, dict) or (items is True and schema.get("minItems", 0) > len(first))
        rest = shapes.array(self._walk(items, level + 2)) if has_more else None
        shape = shapes.places([self._walk(item, level + 1) for item in first], rest)
        return self._described(shape, schema, "array", said={"minItems", "maxItems"})
