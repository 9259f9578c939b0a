"""`protocol.ts`: the contract as TypeScript types, with the two versions and the error codes as values.

Only erasable syntax is used, so that the file works under `isolatedModules` and `verbatimModuleSyntax`, under Node's
type stripping, and as the source of a `.d.ts`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import singledispatch
from typing import Any

from ckservice.typescript import frame
from ckservice.typescript.contract import Contract, Definition, ErrorKind, Method, Notification, read_contract
from ckservice.typescript.shapes import (
    Anything,
    Array,
    Boolean,
    Docs,
    Literal,
    Map,
    Member,
    Null,
    Number,
    Object,
    Reference,
    Shape,
    Text,
    Union,
)
from ckservice.typescript.syntax import HEADER, alternatives, block, comment, key, literal, module, quoted


def protocol_ts(bundle: Mapping[str, Any], schema_hash: str) -> str:
    """The text of `protocol.ts` for a schema bundle whose SHA-256 is `schema_hash`.

    Raises:
        UnsupportedSchemaError: the bundle holds something that TypeScript would not say.
    """
    contract = read_contract(bundle)
    versions = (
        f"export const PROTOCOL_VERSION = {contract.version} as const;\n"
        "/** The SHA-256 of the schema bundle, as `initialize` answers it. */\n"
        f"export const SCHEMA_HASH = {quoted(schema_hash)} as const;\n"
    )
    parts = (HEADER, versions, frame.JSON, *_definitions(contract), *_tables(contract), *_messages(contract))
    return module(parts)


def _definitions(contract: Contract) -> Iterator[str]:
    if "RequestId" not in contract.definitions:
        yield frame.REQUEST_ID
    if "ErrorKind" not in contract.definitions:
        names = [quoted(kind.name) for kind in contract.kinds]
        yield comment(("Why a request failed.",)) + alternatives("export type ErrorKind =", names) + "\n"
    yield from (_definition(definition) for definition in contract.definitions.values())


def _tables(contract: Contract) -> Iterator[str]:
    to_service = [method for method in contract.methods if not method.to_host]
    to_host = [method for method in contract.methods if method.to_host]
    yield _interface("What the host asks the service.", "Methods", [_method(method) for method in to_service])
    yield _interface("What the service asks the host.", "HostMethods", [_method(method) for method in to_host])
    for name, summary, sent in (
        ("ServiceNotifications", "What the service tells the host.", True),
        ("HostNotifications", "What the host tells the service.", False),
    ):
        notifications = [notification for notification in contract.notifications if notification.to_host is sent]
        yield _interface(summary, name, [_notification(notification) for notification in notifications])
    yield _interface(
        "The error kinds that each method declares.",
        "MethodErrors",
        [_names(method.name, method.errors) for method in contract.methods],
    )
    yield _interface(
        "The notifications that each method can send while it runs.",
        "MethodNotifications",
        [_names(method.name, method.emits) for method in to_service],
    )


def _messages(contract: Contract) -> Iterator[str]:
    codes = [_code(kind) for kind in contract.kinds]
    yield block("export const ERROR_CODES = {", codes, "} as const satisfies Record<ErrorKind, number>;\n")
    yield frame.ERROR.replace("{ERROR_DATA}", contract.error_data)
    yield from (frame.CALLS, frame.NOTIFICATIONS, frame.MESSAGES)


def _definition(definition: Definition) -> str:
    intro = comment(_paragraphs(definition.docs, definition.shape))
    match definition.shape:
        case Object(members=[_, *_] as members):
            lines = [_member(member) for member in members]
            return intro + block(f"export interface {definition.name} {{", lines, "}") + "\n"
        case shape:
            return intro + alternatives(f"export type {definition.name} =", _options(shape)) + "\n"


def _member(member: Member) -> str:
    name = key(member.name) + ("" if member.required else "?")
    return comment(_paragraphs(member.docs, member.shape)) + alternatives(f"{name}:", _options(member.shape))


def _method(method: Method) -> str:
    notes = [
        f"{label}: {', '.join(f'`{name}`' for name in names)}."
        for label, names in (("Errors", method.errors), ("Sends", method.emits))
        if names
    ]
    intro = comment((method.summary, method.description, "\n".join(notes)))
    return f"{intro}{quoted(method.name)}: {{ params: {method.params}; result: {method.result} }};"


def _notification(notification: Notification) -> str:
    intro = comment((notification.summary, notification.description))
    return f"{intro}{quoted(notification.name)}: {notification.params};"


def _code(kind: ErrorKind) -> str:
    intro = comment((f"{kind.summary} Retryable." if kind.retryable else kind.summary,))
    return f"{intro}{key(kind.name)}: {kind.code},"


def _names(name: str, values: Sequence[str]) -> str:
    return alternatives(f"{quoted(name)}:", [quoted(value) for value in values] or ["never"])


def _interface(summary: str, name: str, lines: Sequence[str]) -> str:
    return comment((summary,)) + block(f"export interface {name} {{", lines, "}") + "\n"


def _paragraphs(docs: Docs, shape: Shape) -> tuple[str, str]:
    """The description, then the tags: what is so when nothing is said, and the limits the type can't express."""
    tags = [] if docs.default is None else [f"@default {docs.default}"]
    tags += _limits(shape)
    tags += [f"@example {example}" for example in docs.examples]
    tags += ["@deprecated"] if docs.deprecated else []
    return docs.description, "\n".join(tags)


def _limits(shape: Shape) -> list[str]:
    tags: dict[str, object] = {}
    match shape:
        case Union(options=[limited, Null()]):
            return _limits(limited)
        case Text(least, most, pattern, form):
            tags = {"minLength": least, "maxLength": most, "pattern": pattern, "format": form}
        case Array(_, least, most):
            tags = {"minItems": least, "maxItems": most}
        case Number(_, least, most, above, below, step):
            tags = {"minimum": least, "maximum": most, "exclusiveMinimum": above, "exclusiveMaximum": below}
            tags["multipleOf"] = step
    return [f"@{tag} {value}" for tag, value in tags.items() if value is not None]


def _options(shape: Shape) -> list[str]:
    """The alternatives that make up a type: one for most shapes."""
    match shape:
        case Literal(values):
            return [literal(value) for value in values]
        case Union(options=options):
            # Two alternatives may have one type here: a URL and a name are both `string`.
            return list(dict.fromkeys(name for option in options for name in _options(option)))
        case _:
            return [type_of(shape)]


@singledispatch
def type_of(shape: Shape) -> str:
    """The type expression for a shape."""
    raise NotImplementedError(shape)


@type_of.register
def _(_shape: Anything) -> str:
    return "JsonValue"


@type_of.register
def _(_shape: Null) -> str:
    return "null"


@type_of.register
def _(_shape: Boolean) -> str:
    return "boolean"


@type_of.register
def _(_shape: Text) -> str:
    return "string"


@type_of.register
def _(_shape: Number) -> str:
    return "number"


@type_of.register
def _(shape: Reference) -> str:
    return shape.name


@type_of.register(Literal)
@type_of.register(Union)
def _(shape: Literal | Union) -> str:
    return " | ".join(_options(shape))


@type_of.register
def _(shape: Array) -> str:
    options = _options(shape.items)
    return f"{options[0]}[]" if len(options) == 1 else f"({' | '.join(options)})[]"


@type_of.register
def _(shape: Map) -> str:
    if shape.keys is None and isinstance(shape.values, Anything):
        return "JsonObject"
    values = type_of(shape.values)
    if shape.keys is None or isinstance(shape.keys, Text):
        return f"Record<string, {values}>"
    return f"Partial<Record<{type_of(shape.keys)}, {values}>>"


@type_of.register
def _(shape: Object) -> str:
    if not shape.members:
        return "Record<string, never>"
    return block("{", [_member(member) for member in shape.members], "}")
