"""A quick yes to most entities: schemas as Python functions.

Most entities fit their schemas. To find that out with these functions takes microseconds; jsonschema takes a hundred
times as long, and only what does not certainly fit is worth it.
"""

from collections.abc import Callable, Mapping
from threading import local
from typing import Any

from ckservice.patterns import FORMATS, matcher

Fit = Callable[[Any], bool]

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_NOTES = frozenset(
    {"$comment", "$defs", "$id", "$schema", "default", "definitions", "deprecated", "description", "examples", "title"}
)
_MAX_STEPS = 300_000
"""References that are followed for one value: a tenth of a second."""

_steps = local()
_OBJECT = frozenset({"additionalProperties", "properties", "required"})


def certain_fit(document: Mapping[str, Any]) -> Fit:
    """A function that says whether a value certainly fits a schema.

    No is no verdict: what is not understood here, or takes too long, is left to jsonschema, which also says why.
    """
    try:
        fit = _Compiler(document).compile(document)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):  # it is not what a schema looks like
        fit = _never

    def certainly_fits(value: Any) -> bool:
        _steps.left = _MAX_STEPS
        try:
            return fit is None or fit(value)
        except (RecursionError, _TooLong):
            return False

    return certainly_fits


class _TooLong(Exception):
    """References were followed more often than any entity needs: alternatives of alternatives double at each level."""


def _never(_value: Any) -> bool:
    return False


class _Compiler:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._referred: dict[str, Fit | None] = {}

    def compile(self, schema: Any) -> Fit | None:
        """The function for a schema inside the document; `None` where everything fits."""
        if schema is True:
            return None
        if schema is False or ("$id" in schema and schema is not self._root):
            return _never  # what an inner `$id` means for references is not followed here
        tests = []
        for keyword in schema.keys() - _NOTES - _OBJECT:
            make = _MAKERS.get(keyword)
            if make is None:
                return _never
            test = make(self, schema[keyword])
            if test is not None:
                tests.append(test)
        if schema.keys() & _OBJECT:
            tests.append(self._object(schema))
        return _all(tests)

    def _object(self, schema: Mapping[str, Any]) -> Fit:
        required = frozenset(schema.get("required", ()))
        properties = {name: self.compile(inner) for name, inner in schema.get("properties", {}).items()}
        others = self.compile(schema.get("additionalProperties", True))

        def fits(value: Any) -> bool:
            if type(value) is not dict:
                return True
            if not required <= value.keys():
                return False
            for name, item in value.items():
                test = properties.get(name, others)
                if test is not None and not test(item):
                    return False
            return True

        return fits

    def type(self, names: Any) -> Fit:
        types = frozenset(kind for name in ([names] if isinstance(names, str) else names) for kind in _TYPES[name])
        return lambda value: type(value) in types

    def enum(self, members: Any) -> Fit:
        known = frozenset((type(member), member) for member in members)
        return lambda value: type(value) not in (dict, list) and (type(value), value) in known

    def const(self, member: Any) -> Fit:
        return self.enum([member])

    def items(self, schema: Any) -> Fit | None:
        fit = self.compile(schema)
        if fit is None:
            return None
        return lambda value: type(value) is not list or all(map(fit, value))

    def any_of(self, schemas: Any) -> Fit | None:
        fits = [self.compile(schema) for schema in schemas]
        certain = [fit for fit in fits if fit is not None]
        return (lambda value: any(fit(value) for fit in certain)) if len(certain) == len(fits) else None

    def all_of(self, schemas: Any) -> Fit | None:
        return _all([fit for schema in schemas if (fit := self.compile(schema)) is not None])

    def reference(self, pointer: str) -> Fit:
        if pointer not in self._referred:
            self._referred[pointer] = _never  # it may refer to itself
            self._referred[pointer] = self.compile(self._find(pointer))
        referred = self._referred

        def fits(value: Any) -> bool:
            _steps.left -= 1
            if _steps.left < 0:
                raise _TooLong
            fit = referred[pointer]
            return fit is None or fit(value)

        return fits

    def _find(self, pointer: str) -> Any:
        if pointer != "#" and not pointer.startswith("#/"):
            return False
        schema: Any = self._root
        for part in pointer.split("/")[1:]:
            if "$id" in schema and schema is not self._root:
                return False
            schema = schema[part.replace("~1", "/").replace("~0", "~")]
        return schema


def _all(tests: list[Fit]) -> Fit | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    if len(tests) == 2:
        first, second = tests
        return lambda value: first(value) and second(value)
    return lambda value: all(test(value) for test in tests)


def _of_texts(test: Callable[[str], object]) -> Fit:
    return lambda value: type(value) is not str or bool(test(value))


def _of_numbers(test: Callable[[float], bool]) -> Fit:
    return lambda value: type(value) not in (int, float) or test(value)


def _of_lists(test: Callable[[list[Any]], bool]) -> Fit:
    return lambda value: type(value) is not list or test(value)


def _is_unique(value: list[Any]) -> bool:
    return all(type(item) is str for item in value) and len(set(value)) == len(value)


def _format(_compiler: _Compiler, name: str) -> Fit | None:
    return _of_texts(FORMATS[name]) if name in FORMATS else None


_MAKERS: Mapping[str, Callable[[_Compiler, Any], Fit | None]] = {
    "$ref": _Compiler.reference,
    "allOf": _Compiler.all_of,
    "anyOf": _Compiler.any_of,
    "const": _Compiler.const,
    "enum": _Compiler.enum,
    "exclusiveMaximum": lambda _, bound: _of_numbers(lambda value: value < bound),
    "exclusiveMinimum": lambda _, bound: _of_numbers(lambda value: value > bound),
    "format": _format,
    "items": _Compiler.items,
    "maxItems": lambda _, bound: _of_lists(lambda value: len(value) <= bound),
    "maxLength": lambda _, bound: _of_texts(lambda value: len(value) <= bound),
    "maximum": lambda _, bound: _of_numbers(lambda value: value <= bound),
    "minItems": lambda _, bound: _of_lists(lambda value: len(value) >= bound),
    "minLength": lambda _, bound: _of_texts(lambda value: len(value) >= bound),
    "minimum": lambda _, bound: _of_numbers(lambda value: value >= bound),
    "pattern": lambda _, pattern: _of_texts(matcher(pattern)),
    "type": _Compiler.type,
    "uniqueItems": lambda _, wanted: _of_lists(_is_unique) if wanted else None,
}
