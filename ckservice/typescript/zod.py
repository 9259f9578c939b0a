"""`zod.ts`: the contract as zod 4 schemas, to check at run time what protocol.ts promises at compile time.

A schema only checks: it fills in no defaults and changes nothing, so what passes is what was sent. The compiler holds
each schema against its interface. Names appear in an order in which they can be used; a cycle is closed with `z.lazy`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

from ckservice.typescript.contract import Contract, Definition, read_contract
from ckservice.typescript.shapes import (
    Anything,
    Array,
    Boolean,
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
    references,
)
from ckservice.typescript.syntax import HEADER, array, block, key, literal, module, pattern, quoted

_PREAMBLE = """\
import { z } from 'zod';
import type * as protocol from './protocol.js';

// An enum here is closed: it checks against this version of the contract, and a later one may know more values.
"""

_CHARACTERS = """\
/** Lengths count code points, as JSON Schema does; zod counts UTF-16 units. */
function characters(least: number, most = Infinity) {
  const expected = most === Infinity ? `at least ${least}` : `${least} to ${most}`;
  return z.refine<string>((text) => {
    // A code point is one or two units, so most lengths need no counting.
    if (text.length < least || text.length > 2 * most) return false;
    const length = Array.from(text).length;
    return length >= least && length <= most;
  }, `Expected ${expected} characters`);
}
"""

_JSON = """\
export const JsonValue = z.json();
export const JsonObject = z.record(z.string(), JsonValue);
"""

_TABLES = """\
type SchemasOf<Table> = { [Name in keyof Table]: z.ZodType<Table[Name]> };
type CallSchemasOf<Table> = { [Name in keyof Table]: SchemasOf<Table[Name]> };
"""

_FORMATS = {
    "date": "z.iso.date()",
    "date-time": "z.iso.datetime({ offset: true })",
    "uri": "z.url()",
    "uuid": "z.guid()",
}


@dataclass(frozen=True, slots=True)
class Scope:
    """What an expression can use: the schemas declared before it, and which of those are typed as a mere `ZodType`."""

    declared: frozenset[str] = frozenset()
    opaque: frozenset[str] = frozenset()

    def knows_members(self, shape: Shape) -> bool:
        """Whether zod can look into the schema for `shape`, as a discriminated union must."""
        return not isinstance(shape, Reference) or shape.name in self.declared - self.opaque


def zod_ts(bundle: Mapping[str, Any]) -> str:
    """The text of `zod.ts` for a schema bundle; it expects `protocol.ts` beside it.

    Raises:
        UnsupportedSchemaError: the bundle holds something that the schemas would not check.
    """
    contract = read_contract(bundle)
    definitions = list(_definitions(contract))
    # Hosts that refuse what is declared for nothing (`noUnusedLocals`) compile this file, too.
    helpers = [_CHARACTERS] if any(".check(characters(" in definition for definition in definitions) else []
    return module((HEADER, _PREAMBLE, *helpers, _JSON, *definitions, _TABLES, *_tables(contract)))


def declaration_order(definitions: Mapping[str, Definition]) -> list[Definition]:
    """The definitions, each after those it refers to, as far as cycles allow."""
    ordered: dict[str, Definition] = {}
    entered: set[str] = set()

    def visit(name: str) -> None:
        if name in entered:
            return
        entered.add(name)
        for target in references(definitions[name].shape):
            visit(target)
        ordered[name] = definitions[name]

    for name in definitions:
        visit(name)
    return list(ordered.values())


def _definitions(contract: Contract) -> Iterator[str]:
    scope = Scope()
    for definition in declaration_order(contract.definitions):
        name = definition.name
        expression = schema_of(definition.shape, scope)
        closes_cycle = not scope.declared.issuperset(references(definition.shape))
        if closes_cycle:
            # The compiler can't infer a type from itself, so this one is declared.
            yield f"export const {name}: z.ZodType<protocol.{name}> = {expression};\n"
        else:
            yield f"export const {name} = {expression} satisfies z.ZodType<protocol.{name}>;\n"
        scope = Scope(scope.declared | {name}, scope.opaque | {name} if closes_cycle else scope.opaque)


def _tables(contract: Contract) -> Iterator[str]:
    for name, interface, to_host in (("methods", "Methods", False), ("hostMethods", "HostMethods", True)):
        lines = [
            f"{quoted(method.name)}: {{ params: {method.params}, result: {method.result} }},"
            for method in contract.methods
            if method.to_host is to_host
        ]
        yield block(f"export const {name} = {{", lines, f"}} satisfies CallSchemasOf<protocol.{interface}>;\n")
    lines = [f"{quoted(notification.name)}: {notification.params}," for notification in contract.notifications]
    yield block("export const notifications = {", lines, "} satisfies SchemasOf<protocol.Notifications>;\n")


def _member(member: Member, scope: Scope) -> str:
    optional = "" if member.required else ".exactOptional()"
    return f"{key(member.name)}: {schema_of(member.shape, scope)}{optional},"


def _checks(**bounds: float | None) -> str:
    return "".join(f".{check}({bound})" for check, bound in bounds.items() if bound is not None)


@singledispatch
def schema_of(shape: Shape, scope: Scope) -> str:
    """The zod expression for a shape."""
    raise NotImplementedError(shape, scope)


@schema_of.register
def _(_shape: Anything, _scope: Scope) -> str:
    return "JsonValue"


@schema_of.register
def _(_shape: Null, _scope: Scope) -> str:
    return "z.null()"


@schema_of.register
def _(_shape: Boolean, _scope: Scope) -> str:
    return "z.boolean()"


@schema_of.register
def _(shape: Reference, scope: Scope) -> str:
    return shape.name if shape.name in scope.declared else f"z.lazy(() => {shape.name})"


@schema_of.register
def _(shape: Literal, _scope: Scope) -> str:
    values = [literal(value) for value in shape.values]
    if len(values) == 1:
        return f"z.literal({values[0]})"
    strings = all(isinstance(value, str) for value in shape.values)
    return array("z.enum([" if strings else "z.literal([", values, "])", before=len("  name: "))


@schema_of.register
def _(shape: Text, _scope: Scope) -> str:
    text = _FORMATS.get(shape.format or "", "z.string()")
    least, most = shape.min_length or 0, shape.max_length
    if least > 1 or most is not None:
        text += f".check(characters({least}))" if most is None else f".check(characters({least}, {most}))"
    elif least == 1:
        text += ".min(1)"
    return text if shape.pattern is None else f"{text}.regex({pattern(shape.pattern)})"


@schema_of.register
def _(shape: Number, _scope: Scope) -> str:
    checks = _checks(
        min=shape.minimum,
        max=shape.maximum,
        gt=shape.exclusive_minimum,
        lt=shape.exclusive_maximum,
        multipleOf=shape.multiple_of,
    )
    return ("z.int()" if shape.integer else "z.number()") + checks


@schema_of.register
def _(shape: Array, scope: Scope) -> str:
    return f"z.array({schema_of(shape.items, scope)}){_checks(min=shape.min_items, max=shape.max_items)}"


@schema_of.register
def _(shape: Map, scope: Scope) -> str:
    if shape.keys is None and isinstance(shape.values, Anything):
        return "JsonObject"
    values = schema_of(shape.values, scope)
    if shape.keys is None:
        return f"z.record(z.string(), {values})"
    record = "z.record" if isinstance(shape.keys, Text) else "z.partialRecord"
    return f"{record}({schema_of(shape.keys, scope)}, {values})"


@schema_of.register
def _(shape: Object, scope: Scope) -> str:
    lines = [_member(member, scope) for member in shape.members]
    return block("z.strictObject({" if shape.closed else "z.looseObject({", lines, "})")


@schema_of.register
def _(shape: Union, scope: Scope) -> str:
    options = [schema_of(option, scope) for option in shape.options if not isinstance(option, Null)]
    nullable = ".nullable()" if len(options) < len(shape.options) else ""
    if len(options) == 1:
        return options[0] + nullable
    if shape.discriminator is not None and all(scope.knows_members(option) for option in shape.options):
        return array(f"z.discriminatedUnion({quoted(shape.discriminator)}, [", options, "])")
    return array("z.union([", options, "])") + nullable
