"""Templates put to work on data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ckservice.context.prompts.handlebars.errors import TemplateError
from ckservice.context.prompts.handlebars.parsing import parse
from ckservice.context.prompts.handlebars.tree import Block, Call, Content, Expression, Output, Path, Program, Value
from ckservice.context.prompts.handlebars.values import Helper, is_empty, is_same, is_true, member, pieces
from ckservice.context.prompts.handlebars.whitespace import strip_blanks

MAX_SOURCE = 200_000
"""Characters of a template."""

MAX_OUTPUT = 2_000_000
"""Characters that come out of it."""

MAX_STEPS = 200_000
"""Statements, arguments and items that are gone through: a second or so. A long prompt takes some thousands."""

_BLOCKS = ("each", "if", "unless", "with")
_BUILT_IN = (*_BLOCKS, "lookup", "log")


def render(
    source: str, data: Mapping[str, Any], *, helpers: Mapping[str, Helper], escape: Callable[[str], str] = str
) -> str:
    """Put data, made of JSON values, into a template.

    Args:
        source: the template.
        data: what it begins with; also to be had as `@root`.
        helpers: what it may call beside `each`, `if`, `unless`, `with`, `lookup` and `log`, which does nothing here.
        escape: applied to each text out of the data that is written.

    Raises:
        TemplateError: it is broken, calls a helper that there is not, or takes too much.
    """
    if len(source) > MAX_SOURCE:
        raise TemplateError(f"the template has more than {MAX_SOURCE:,} characters", 0)
    program = parse(source)
    strip_blanks(program)
    context = dict(data)
    rendering = _Rendering(helpers, escape)
    rendering.run(program, _Scope(context, None, _Frame({"root": context}, None)))
    return "".join(rendering.output)


@dataclass(frozen=True, slots=True)
class _Frame:
    """What `@` leads to; `@../` to that of the `each` outside."""

    values: dict[str, Any]
    outer: "_Frame | None"


@dataclass(frozen=True, slots=True)
class _Scope:
    """Where names are looked up.

    Attributes:
        outer: that of `..`.
        named: the parameters of all the blocks around.
    """

    context: Any
    outer: "_Scope | None"
    frame: _Frame
    named: dict[str, Any] = field(default_factory=dict)

    def enter(self, context: Any, frame: _Frame | None = None, named: dict[str, Any] | None = None) -> "_Scope":
        """The scope of a block; a context that is the same again is no further one for `..`."""
        named = {**self.named, **named} if named else self.named
        if is_same(context, self.context):
            return replace(self, frame=frame or self.frame, named=named)
        return _Scope(context, self, frame or self.frame, named)


class _Rendering:
    """One run of a template."""

    def __init__(self, helpers: Mapping[str, Helper], escape: Callable[[str], str]) -> None:
        self.output: list[str] = []
        self._helpers = helpers
        self._escape = escape
        self._length = 0
        self._steps = 0

    def run(self, program: Program | None, scope: _Scope) -> None:
        for statement in program.body if program is not None else ():
            match statement:
                case Content(value=text):
                    self._step(0)
                    self._write(text, 0)
                case Output(call=call):
                    self._write_value(self._called(call, scope), call.path.offset)
                case Block():
                    self._run_block(statement, scope)

    def _step(self, offset: int) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise TemplateError(f"the template takes more than {MAX_STEPS:,} steps", offset)

    def _write(self, text: str, offset: int) -> None:
        self._length += len(text)
        if self._length > MAX_OUTPUT:
            raise TemplateError(f"more than {MAX_OUTPUT:,} characters come out of the template", offset)
        self.output.append(text)

    def _write_value(self, value: Any, offset: int) -> None:
        for piece in pieces(value, self._escape):
            self._step(offset)
            self._write(piece, offset)

    # Values

    def _called(self, call: Call, scope: _Scope) -> Any:
        """What a call comes to, which is most often no more than a path."""
        name = call.path.helper
        if name in scope.named or not (call.must_be_helper or name in _BUILT_IN):
            return self._found(call.path, scope)
        arguments = [self._value(argument, scope) for argument in call.arguments]
        if name == "log":
            return None
        if name == "lookup":
            return self._looked_up(arguments, call)
        if name in _BLOCKS:
            raise TemplateError(f"`{name}` is the name of a block: {{{{#{name} …}}}}", call.path.offset)
        helper = self._helpers.get(name) if name is not None else None
        if helper is None:
            raise TemplateError(f"there is no helper {call.path.text[:50]!r}", call.path.offset)
        self._check_arguments(arguments, 1, call)
        return helper(arguments[0])

    def _looked_up(self, arguments: list[Any], call: Call) -> Any:
        self._check_arguments(arguments, 2, call)
        holder, name = arguments[:2]
        if not is_true(holder):
            return holder
        return member(holder, "".join(pieces(name, str))) if isinstance(name, str | int | float) else None

    def _check_arguments(self, arguments: list[Any], count: int, call: Call) -> None:
        if len(arguments) < count:
            what = "an argument" if count == 1 else f"{count} arguments"
            raise TemplateError(f"`{call.path.text[:50]}` needs {what}", call.path.offset)

    def _value(self, expression: Expression, scope: _Scope) -> Any:
        match expression:
            case Value(value=value):
                self._step(0)
                return value
            case Path():
                return self._found(expression, scope)
            case Call():
                self._step(expression.path.offset)
                return self._called(expression, scope)

    def _found(self, path: Path, scope: _Scope) -> Any:
        parts = path.parts
        if path.is_data:
            value = _outer_frame(scope.frame, path.up)
        elif not path.up and not path.is_scoped and parts[0] in scope.named:
            value, parts = scope.named[parts[0]], parts[1:]
        else:
            value = _outer_context(scope, path.up)
        self._step(path.offset)
        for part in parts:
            self._step(path.offset)
            value = member(value, part)
            if value is None:
                break
        return value

    # Blocks

    def _run_block(self, block: Block, scope: _Scope) -> None:
        call = block.call
        name = call.path.helper
        if name in _BLOCKS and name not in scope.named:
            self._run_helper(name, block, scope)
            return
        value = self._called(call, scope)
        if call.must_be_helper:
            self._write_value(value, call.path.offset)
        elif isinstance(value, list):
            self._run_each(value, block, scope)
        elif value is None or value is False:
            self.run(block.inverse, scope)
        else:
            self.run(block.program, scope if value is True else scope.enter(value))

    def _run_helper(self, name: str, block: Block, scope: _Scope) -> None:
        arguments = [self._value(argument, scope) for argument in block.call.arguments]
        named = {key: self._value(argument, scope) for key, argument in block.call.named.items()}
        if len(arguments) != 1:
            raise TemplateError(f"`#{name}` needs one argument", block.call.path.offset)
        (value,) = arguments
        match name:
            case "each":
                self._run_each(value, block, scope)
            case "with" if not is_empty(value):
                self.run(block.program, scope.enter(value, named=dict(zip(block.parameters, [value], strict=False))))
            case "with":
                self.run(block.inverse, scope)
            case _:
                holds = not is_empty(value) and (is_true(value) or is_true(named.get("includeZero")))
                self.run(block.program if holds == (name == "if") else block.inverse, scope)

    def _run_each(self, value: Any, block: Block, scope: _Scope) -> None:
        if not isinstance(value, list | dict) or not value:
            self.run(block.inverse, scope)
            return
        items = enumerate(value) if isinstance(value, list) else value.items()
        for index, (key, item) in enumerate(items):
            self._step(block.call.path.offset)
            place = {"key": key, "index": index, "first": index == 0, "last": index == len(value) - 1}
            frame = _Frame({**scope.frame.values, **place}, scope.frame)
            named = dict(zip(block.parameters, (item, key), strict=False))
            self.run(block.program, scope.enter(item, frame, named))


def _outer_frame(frame: _Frame, up: int) -> dict[str, Any] | None:
    found: _Frame | None = frame
    while up and found is not None:
        found, up = found.outer, up - 1
    return found.values if found is not None else None


def _outer_context(scope: _Scope, up: int) -> Any:
    found: _Scope | None = scope
    while up and found is not None:
        found, up = found.outer, up - 1
    return found.context if found is not None else None
