"""From the words of a template to its tree.

https://github.com/handlebars-lang/handlebars-parser/blob/master/src/handlebars.yy
"""

import re
from dataclasses import replace

from ckservice.context.prompts.handlebars.errors import TemplateError
from ckservice.context.prompts.handlebars.tokens import Token, TokenKind, tokens
from ckservice.context.prompts.handlebars.tree import (
    Block,
    Call,
    Comment,
    Content,
    Expression,
    Output,
    Path,
    Program,
    Statement,
    Strip,
    Value,
)

MAX_DEPTH = 50
"""Blocks in blocks, those of `{{else if}}` included, and calls in calls: each takes a few of Python's frames."""

_LITERALS: tuple[TokenKind, ...] = ("string", "number", "boolean", "nothing")
_EXPRESSIONS: tuple[TokenKind, ...] = (*_LITERALS, "name", "segment", "@", "(")
_BLOCK_ENDS: tuple[TokenKind, ...] = ("end", "open end", "else", "open else")
_SCOPED = re.compile(r"^\.|this\b")


def parse(source: str) -> Program:
    """The tree of a template, with all of its blanks.

    Raises:
        TemplateError: it is broken.
    """
    parser = _Parser(source)
    program = parser.program(0)
    parser.take("end", expected="a tag or text outside of any block")
    return program


class _Parser:
    """Reads the words of one template, from the first to the last."""

    def __init__(self, source: str) -> None:
        self._tokens = tokens(source)
        self._next = next(self._tokens)

    def take(self, *kinds: TokenKind, expected: str) -> Token:
        """The next word, which must be of one of some kinds.

        Raises:
            TemplateError: it is of another one.
        """
        token = self._next
        if token.kind not in kinds:
            found = "the end of the template" if token.kind == "end" else repr(token.text[:50])
            raise TemplateError(f"found {found}; expected {expected}", token.offset)
        if token.kind != "end":
            self._next = next(self._tokens)
        return token

    def program(self, depth: int) -> Program:
        """The statements up to the end of a block, or of the template."""
        self._check_depth(depth)
        body: list[Statement] = []
        while self._next.kind not in _BLOCK_ENDS:
            body.append(self._statement(depth))
        return Program(body)

    def _check_depth(self, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise TemplateError(f"this stands in more than {MAX_DEPTH} others", self._next.offset)

    def _statement(self, depth: int) -> Statement:
        token = self.take(
            "content", "comment", "open", "open unescaped", "open block", "open inverse", expected="a tag or text"
        )
        match token.kind:
            case "content":
                return Content(token.text, token.text)
            case "comment":
                return Comment(Strip.of(token.text, token.text))
            case "open block" | "open inverse":
                return self._block(token, depth + 1)
            case "open unescaped":
                call = self._call(is_inner=False)
                closing = self.take("close unescaped", expected="}}}")
            case _:
                call = self._call(is_inner=False)
                closing = self.take("close", expected="}}")
        return Output(call, Strip.of(token.text, closing.text))

    def _block(self, opening: Token, depth: int) -> Block:
        block = self._opened(opening, depth)
        if self._next.kind == "end":
            raise TemplateError(f"the block {block.call.path.text[:50]!r} is not closed", opening.offset)
        closing = self._closing_tag(block.call.path.text)
        if block.inverse is not None and block.inverse.is_chained:
            (chained,) = block.inverse.body
            assert isinstance(chained, Block)
            block = replace(block, inverse=Program([replace(chained, closing=closing)], is_chained=True))
        block = replace(block, closing=closing)
        return replace(block, program=block.inverse, inverse=block.program) if opening.kind == "open inverse" else block

    def _opened(self, opening: Token, depth: int) -> Block:
        """A block up to its closing tag, with the strip of its opening tag in place of the closing one's."""
        call = self._call(is_inner=False)
        parameters = self._parameters()
        strip = Strip.of(opening.text, self.take("close", expected="}}").text)
        program = self.program(depth)
        inverse, middle = None, Strip(open=False, close=False)
        if self._next.kind == "else":
            token = self.take("else", expected="{{else}}")
            inverse, middle = self.program(depth), Strip.of(token.text, token.text)
        elif self._next.kind == "open else" and opening.kind != "open inverse":
            chained = self._opened(self.take("open else", expected="{{else"), depth + 1)
            inverse, middle = Program([chained], is_chained=True), chained.opening
        return Block(call, parameters, program, inverse, strip, middle, strip)

    def _parameters(self) -> tuple[str, ...]:
        names: list[str] = []
        if self._next.kind == "as |":
            token = self.take("as |", expected="as |")
            while token.kind != "|":
                kinds: tuple[TokenKind, ...] = ("name", "|") if names else ("name",)
                token = self.take(*kinds, expected="the name of a block parameter")
                names.append(token.text)
        return tuple(names[:-1])

    def _closing_tag(self, name: str) -> Strip:
        opening = self.take("open end", expected=f"{{{{/{name[:50]}}}}}")
        offset = self._next.offset
        path = self._head()
        if path.text != name:
            raise TemplateError(f"{path.text[:50]!r} closes the block {name[:50]!r}", offset)
        return Strip.of(opening.text, self.take("close", expected="}}").text)

    def _call(self, *, is_inner: bool, depth: int = 0) -> Call:
        self._check_depth(depth)
        path = self._head()
        arguments: list[Expression] = []
        named: dict[str, Expression] = {}
        while self._next.kind in _EXPRESSIONS:
            argument = self._expression(depth)
            if self._next.kind == "=" and isinstance(argument, Path) and len(argument.parts) == 1:
                self.take("=", expected="=")
                named[argument.parts[0]] = self._expression(depth)
            elif named:
                raise TemplateError("an argument without a name comes after one with a name", self._next.offset)
            else:
                arguments.append(argument)
        return Call(path, tuple(arguments), named, is_inner)

    def _head(self) -> Path:
        """What a tag begins with; a literal is the name of a member there."""
        token = self._next
        if token.kind in _LITERALS:
            text = token.text[1:-1] if token.kind == "string" else token.text
            self.take(token.kind, expected="a name")
            return Path((text,), 0, is_data=False, is_scoped=False, text=text, offset=token.offset)
        return self._path()

    def _expression(self, depth: int) -> Expression:
        token = self._next
        match token.kind:
            case "(":
                self.take("(", expected="(")
                call = self._call(is_inner=True, depth=depth + 1)
                self.take(")", expected=")")
                return call
            case "string" | "number" | "boolean" | "nothing":
                self.take(token.kind, expected="a value")
                return Value(_literal(token))
        return self._path()

    def _path(self) -> Path:
        begin = self._next
        is_data = begin.kind == "@"
        if is_data:
            self.take("@", expected="@")
        text, up = "@" if is_data else "", 0
        parts: list[str] = []
        while True:
            # A place in a list may follow a dot as it is: `items.0`.
            token = self.take("name", "segment", *(("number",) if parts else ()), expected="a name")
            name = token.text[1:-1].replace("\\]", "]") if token.kind == "segment" else token.text
            text += name
            if token.kind != "segment" and name in ("..", ".", "this"):
                if parts:
                    raise TemplateError(f"{name!r} does not belong in the middle of a path", token.offset)
                up += name == ".."
            else:
                parts += name.split(".") if token.kind == "number" else [name]
            if self._next.kind != "separator":
                return Path(tuple(parts), up, is_data, _SCOPED.search(text) is not None, text, begin.offset)
            text += self.take("separator", expected=".").text


def _literal(token: Token) -> str | int | float | bool | None:
    match token.kind:
        case "string":
            quote = token.text[0]
            return token.text[1:-1].replace(f"\\{quote}", quote)
        case "number":
            return int(token.text) if re.fullmatch(r"-?[0-9]{1,15}", token.text) else float(token.text)
        case "boolean":
            return token.text == "true"
    return None
