"""What the bundle says as a whole: definitions, methods, notifications and error kinds, checked against each other."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ckservice.typescript.shapes import (
    JSON_VALUE,
    Anything,
    Docs,
    Json,
    Literal,
    Reference,
    Shape,
    UnsupportedSchemaError,
    read_docs,
    read_shape,
    references,
)

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9_]*\Z")
_DIRECTIONS = ("hostToService", "serviceToHost")
_METHOD = frozenset({"summary", "description", "direction", "params", "result", "errors", "emits"})
_NOTIFICATION = frozenset({"summary", "description", "direction", "params"})
_KIND = frozenset({"code", "retryable", "summary"})
_OPTIONAL = frozenset({"summary", "description", "errors", "emits"})


@dataclass(frozen=True, slots=True)
class Definition:
    """A named shape; its name is the name of a TypeScript type."""

    name: str
    shape: Shape
    docs: Docs


@dataclass(frozen=True, slots=True)
class Method:
    """A request. `params` and `result` name definitions, `errors` kinds, `emits` notifications."""

    name: str
    summary: str
    description: str
    to_host: bool
    params: str
    result: str
    errors: tuple[str, ...]
    emits: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notification:
    name: str
    summary: str
    description: str
    to_host: bool
    params: str


@dataclass(frozen=True, slots=True)
class ErrorKind:
    name: str
    code: int
    retryable: bool
    summary: str


@dataclass(frozen=True, slots=True)
class Contract:
    version: int
    definitions: Mapping[str, Definition]
    methods: tuple[Method, ...]
    notifications: tuple[Notification, ...]
    kinds: tuple[ErrorKind, ...]
    error_data: str


def read_contract(bundle: Mapping[str, Any]) -> Contract:
    """The contract that the schema bundle describes.

    Raises:
        UnsupportedSchemaError: a schema has an unknown keyword, or a name is used that isn't defined.
    """
    errors = bundle["errors"]
    contract = Contract(
        version=bundle["protocolVersion"],
        definitions=_definitions(bundle["$defs"]),
        methods=tuple(_method(name, entry) for name, entry in bundle["methods"].items()),
        notifications=tuple(_notification(name, entry) for name, entry in bundle["notifications"].items()),
        kinds=tuple(_kind(name, entry) for name, entry in errors["kinds"].items()),
        error_data=_target(errors["data"], "#/errors/data"),
    )
    _check_references(contract)
    _check_methods(contract)
    _check_error_kind(contract)
    return contract


def _definitions(schemas: Mapping[str, Json]) -> dict[str, Definition]:
    definitions = {name: _definition(name, schema) for name, schema in schemas.items()}
    json_value = definitions.pop(JSON_VALUE, None)
    if json_value and json_value.shape != Anything():
        raise UnsupportedSchemaError(f"#/$defs/{JSON_VALUE}", "must be any JSON value")
    return definitions


def _definition(name: str, schema: Json) -> Definition:
    at = f"#/$defs/{name}"
    if not _TYPE_NAME.match(name):
        raise UnsupportedSchemaError(at, "the name of a definition must be a TypeScript type name, such as ChatMessage")
    return Definition(name, read_shape(schema, at), read_docs(schema))


def _method(name: str, entry: Json) -> Method:
    at = f"#/methods/{_pointer(name)}"
    _check_keywords(entry, _METHOD, at)
    return Method(
        name=name,
        summary=entry.get("summary", ""),
        description=entry.get("description", ""),
        to_host=_to_host(entry, at),
        params=_target(entry["params"], f"{at}/params"),
        result=_target(entry["result"], f"{at}/result"),
        errors=tuple(entry.get("errors", ())),
        emits=tuple(entry.get("emits", ())),
    )


def _notification(name: str, entry: Json) -> Notification:
    at = f"#/notifications/{_pointer(name)}"
    _check_keywords(entry, _NOTIFICATION, at)
    return Notification(
        name=name,
        summary=entry.get("summary", ""),
        description=entry.get("description", ""),
        to_host=_to_host(entry, at),
        params=_target(entry["params"], f"{at}/params"),
    )


def _kind(name: str, entry: Json) -> ErrorKind:
    _check_keywords(entry, _KIND, f"#/errors/kinds/{name}")
    return ErrorKind(name, entry["code"], entry["retryable"], entry.get("summary", ""))


def _to_host(entry: Json, at: str) -> bool:
    if entry["direction"] not in _DIRECTIONS:
        raise UnsupportedSchemaError(f"{at}/direction", f"expected {' or '.join(_DIRECTIONS)}")
    return bool(entry["direction"] == "serviceToHost")


def _target(schema: Json, at: str) -> str:
    shape = read_shape(schema, at)
    if not isinstance(shape, Reference):
        raise UnsupportedSchemaError(at, "expected a $ref to a definition")
    return shape.name


def _pointer(name: str) -> str:
    """`name` as a part of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _check_keywords(entry: Json, known: frozenset[str], at: str) -> None:
    if unknown := entry.keys() - known:
        raise UnsupportedSchemaError(at, f"unsupported keywords: {', '.join(sorted(unknown))}")
    if missing := known - _OPTIONAL - entry.keys():
        raise UnsupportedSchemaError(at, f"missing keywords: {', '.join(sorted(missing))}")


def _check_references(contract: Contract) -> None:
    for definition in contract.definitions.values():
        _check_known(references(definition.shape), contract.definitions, f"#/$defs/{definition.name}")
    for method in contract.methods:
        _check_known((method.params, method.result), contract.definitions, f"#/methods/{_pointer(method.name)}")
    for notification in contract.notifications:
        _check_known((notification.params,), contract.definitions, f"#/notifications/{_pointer(notification.name)}")
    _check_known((contract.error_data,), contract.definitions, "#/errors/data")


def _check_methods(contract: Contract) -> None:
    kinds = {kind.name for kind in contract.kinds}
    sent = {notification.name for notification in contract.notifications if notification.to_host}
    for method in contract.methods:
        at = f"#/methods/{_pointer(method.name)}"
        _check_known(method.errors, kinds, f"{at}/errors")
        _check_known(method.emits, sent, f"{at}/emits")


def _check_known(names: Iterable[str], known: Iterable[str], at: str) -> None:
    if missing := sorted(set(names).difference(known)):
        raise UnsupportedSchemaError(at, f"refers to {', '.join(missing)}, which the bundle doesn't define")


def _check_error_kind(contract: Contract) -> None:
    """A definition may be called ErrorKind only if it lists the very kinds the bundle does."""
    defined = contract.definitions.get("ErrorKind")
    listed = {kind.name for kind in contract.kinds}
    if defined and not (isinstance(defined.shape, Literal) and set(defined.shape.values) == listed):
        raise UnsupportedSchemaError("#/$defs/ErrorKind", "differs from the kinds in #/errors/kinds")
