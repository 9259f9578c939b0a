"""A template as a tree."""

from dataclasses import dataclass, field
from typing import NamedTuple


class Strip(NamedTuple):
    """Whether the blanks before (`open`) and behind (`close`) a tag are taken away: `{{~ ~}}`."""

    open: bool
    close: bool

    @classmethod
    def of(cls, opening: str, closing: str) -> "Strip":
        """Of a tag whose first and last words are these."""
        return cls(opening[2:3] == "~", closing[-3:-2] == "~")


@dataclass(frozen=True, slots=True)
class Path:
    """Where something is to be found.

    Attributes:
        parts: names and places, from the outside.
        up: how many contexts to go up first.
        is_data: of what `@` leads to.
        is_scoped: begins with `this` or `.`, so that it is neither a helper nor a block parameter.
        text: as it was written, more or less.
        offset: where it was written.
    """

    parts: tuple[str, ...]
    up: int
    is_data: bool
    is_scoped: bool
    text: str
    offset: int

    @property
    def helper(self) -> str | None:
        """The name of a helper that may be meant."""
        is_name = len(self.parts) == 1 and not (self.is_scoped or self.up or self.is_data)
        return self.parts[0] if is_name else None


@dataclass(frozen=True, slots=True)
class Value:
    """A value that stands in the template."""

    value: str | int | float | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """A path, and what is given to it if it turns out to be a helper."""

    path: Path
    arguments: tuple["Expression", ...]
    named: dict[str, "Expression"]
    is_inner: bool

    @property
    def must_be_helper(self) -> bool:
        return self.is_inner or bool(self.arguments) or bool(self.named)


Expression = Path | Value | Call


@dataclass(slots=True)
class Content:
    """Text. `value` is what is left of it once blanks are taken away."""

    original: str
    value: str
    is_left_stripped: bool = False
    is_right_stripped: bool = False


@dataclass(frozen=True, slots=True)
class Comment:
    strip: Strip


@dataclass(frozen=True, slots=True)
class Output:
    """A value that is written."""

    call: Call
    strip: Strip


@dataclass(frozen=True, slots=True)
class Program:
    """Statements.

    Attributes:
        is_chained: it holds one block, whose opening tag was `{{else …}}`.
    """

    body: "list[Content | Comment | Output | Block]" = field(default_factory=list)
    is_chained: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A block.

    Attributes:
        parameters: names after `as`.
        program: for what is there; `None` after `{{^name}}`.
        inverse: for what is not.
        closing: strips of the closing tag; of an `{{else …}}` block, those of the next `{{else}}` or of the whole's.
    """

    call: Call
    parameters: tuple[str, ...]
    program: Program | None
    inverse: Program | None
    opening: Strip
    middle: Strip
    closing: Strip


Statement = Content | Comment | Output | Block
