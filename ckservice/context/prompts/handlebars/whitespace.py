"""Which blanks of a template are not written: lines that hold nothing but a tag, and what `{{~ ~}}` asks for.

https://handlebarsjs.com/guide/expressions.html#whitespace-control and, for all that is not said there,
https://github.com/handlebars-lang/handlebars-parser/blob/master/lib/whitespace-control.js
"""

import re
from collections.abc import Sequence

from ckservice.context.prompts.handlebars.tree import Block, Comment, Content, Output, Program, Statement

_REST_OF_LINE = re.compile(r"[ \t]*\r?\n?")


def strip_blanks(program: Program) -> None:
    """Take out of the contents of a whole template what is not to be written."""
    _strip_program(program, is_root=True)


def _strip_program(program: Program, *, is_root: bool = False) -> None:
    body = program.body
    for place, statement in enumerate(body):
        match statement:
            case Output(strip=strip):
                _strip_around(body, place, before=strip.open, behind=strip.close)
            case Comment(strip=strip):
                is_alone = _ends_line(body, place, is_root=is_root) and _begins_line(body, place, is_root=is_root)
                _strip_around(body, place, before=strip.open, behind=strip.close)
                if is_alone:
                    _omit_right(body, place + 1)
                    _omit_left(body, place - 1)
            case Block():
                _strip_block_in(body, place, statement, is_root=is_root)


def _strip_block_in(body: Sequence[Statement], place: int, block: Block, *, is_root: bool) -> None:
    first, last = _first_program(block), _last_program(block)
    opens_line, closes_line = _strip_block(block)
    opens_line = opens_line and _ends_line(body, place, is_root=is_root)
    closes_line = closes_line and _begins_line(body, place, is_root=is_root)
    _strip_around(body, place, before=block.opening.open, behind=block.closing.close)
    if opens_line:
        _omit_right(first.body, 0)
        _omit_left(body, place - 1)
    if closes_line:
        _omit_right(body, place + 1)
        _omit_left(last.body, len(last.body) - 1)


def _first_program(block: Block) -> Program:
    program = block.program if block.program is not None else block.inverse
    assert program is not None
    return program


def _last_program(block: Block) -> Program:
    program = block.inverse if block.inverse is not None else block.program
    assert program is not None
    return program


def _strip_block(block: Block) -> tuple[bool, bool]:
    """Strip inside a block; whether its first and its last tag could each be alone on their lines."""
    for inner in (block.program, block.inverse):
        if inner is not None:
            _strip_program(inner)
    program = _first_program(block).body
    inverse = block.inverse if block.program is not None else None
    last = _inverse_body(inverse) if inverse is not None else program
    could_be_alone = _begins_line(program, -1), _ends_line(last, len(last))
    if block.opening.close:
        _omit_right(program, 0, all_blanks=True)
    if inverse is not None:
        if block.middle.open:
            _omit_left(program, len(program) - 1, all_blanks=True)
        if block.middle.close:
            _omit_right(last, 0, all_blanks=True)
    if block.closing.open:
        _omit_left(last, len(last) - 1, all_blanks=True)
    if inverse is not None and _ends_line(program, len(program)) and _begins_line(last, -1):
        _omit_left(program, len(program) - 1)
        _omit_right(last, 0)
    return could_be_alone


def _inverse_body(inverse: Program) -> Sequence[Statement]:
    """What follows the first `{{else}}` or `{{else …}}`."""
    if not inverse.is_chained:
        return inverse.body
    (block,) = inverse.body
    assert isinstance(block, Block)
    assert block.program is not None
    return block.program.body


def _strip_around(body: Sequence[Statement], place: int, *, before: bool, behind: bool) -> None:
    if behind:
        _omit_right(body, place + 1, all_blanks=True)
    if before:
        _omit_left(body, place - 1, all_blanks=True)


def _ends_line(body: Sequence[Statement], place: int, *, is_root: bool = False) -> bool:
    """Whether nothing but blanks stands on the line before a statement."""
    if place == 0:
        return is_root
    before = body[place - 1]
    if not isinstance(before, Content):
        return False
    blanks = before.original[len(before.original.rstrip()) :]
    return "\n" in blanks or (is_root and place == 1 and blanks == before.original)


def _begins_line(body: Sequence[Statement], place: int, *, is_root: bool = False) -> bool:
    """Whether nothing but blanks stands on the line behind a statement."""
    if place + 1 >= len(body):
        return is_root
    behind = body[place + 1]
    if not isinstance(behind, Content):
        return False
    blanks = behind.original[: len(behind.original) - len(behind.original.lstrip())]
    return "\n" in blanks or (is_root and place + 2 == len(body) and blanks == behind.original)


def _omit_right(body: Sequence[Statement], place: int, *, all_blanks: bool = False) -> None:
    """Take the blanks at the beginning of a statement away, up to the end of the line or all of them."""
    content = body[place] if place < len(body) else None
    if isinstance(content, Content) and (all_blanks or not content.is_right_stripped):
        rest = content.value.lstrip() if all_blanks else _REST_OF_LINE.sub("", content.value, count=1)
        content.is_right_stripped = rest != content.value
        content.value = rest


def _omit_left(body: Sequence[Statement], place: int, *, all_blanks: bool = False) -> None:
    """Take the blanks at the end of a statement away, up to the beginning of the line or all of them."""
    content = body[place] if place >= 0 else None
    if isinstance(content, Content) and (all_blanks or not content.is_left_stripped):
        rest = content.value.rstrip(None if all_blanks else " \t")
        content.is_left_stripped = rest != content.value
        content.value = rest
