"""Source files as chunks: by definition, with the lines that it has, in whatever language."""

import ast
import re
import sysconfig
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from textwrap import dedent

import pytest

from ckservice.retrieval.chunk import Chunk
from ckservice.retrieval.chunking.files import read_contents
from tests.source_samples import LANGUAGES

pytestmark = pytest.mark.source

FILLER = [f"{number} is said so that what is around has to be taken apart" for number in range(40)]
"""Longer than what is shown by itself."""


def filled(text: str) -> str:
    """A text with comments where it says so."""
    return re.sub(
        r"^( *)(//|#)FILLER$",
        lambda found: "\n" + "\n".join(f"{found[1]}{found[2]} {line}" for line in FILLER),
        text,
        flags=re.MULTILINE,
    )


def chunks_of(name: str, text: str) -> tuple[Chunk, ...]:
    return read_contents(name, dedent(text).removeprefix("\n")).chunks


def shown(name: str, text: str) -> dict[str, tuple[str, str]]:
    """The first and the last line of each definition, by its name."""
    text = dedent(text).removeprefix("\n")
    lines = text.split("\n")
    return {
        chunk.entity_id.removeprefix(f"{name}#"): (
            lines[chunk.first_line - 1].strip(),
            lines[chunk.last_line - 1].strip(),
        )
        for chunk in chunks_of(name, text)
    }


@pytest.mark.parametrize("name", LANGUAGES)
def test_definitions_have_their_names_and_lines(name: str) -> None:
    text, wanted = LANGUAGES[name]
    found = shown(name, filled(dedent(text)))
    assert {definition: found.get(definition) for definition in wanted} == wanted


def test_braces_that_do_not_match_leave_what_indentation_tells() -> None:
    text = "function a() {\n  if (x) {\n}\n\nfunction b() {\n  return 1;\n}\n"
    assert shown("a.js", text)["b"] == ("function b() {", "}")
    broken = "x = (1,\n\ndef a():\n    return [\n\ndef b():\n    return 2\n"
    assert shown("a.py", broken)["b"] == ("def b():", "return 2")


def test_definitions_of_one_name_are_told_apart() -> None:
    text = "class A:\n    @property\n    def x(self):\n        return 1\n\n    @x.setter\n    def x(self, to):\n        pass\n"
    long = filled(f"{text}    #FILLER\n    y = 1\n")
    assert [name for name in shown("a.py", long) if name.startswith("A.")] == ["A.x", "A.x@2"]


def definitions(node: ast.AST, holder: str = "") -> Iterator[tuple[str, int, int]]:
    """The name, the first and the last line of everything that is defined in a module."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{holder}.{child.name}" if holder else child.name
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield name, first, child.end_lineno or first
            yield from definitions(child, name)
        else:
            yield from definitions(child, holder)


def test_python_is_cut_as_its_own_parser_would() -> None:
    """Of what is shown by itself in the standard library; `else` between two definitions is where they differ."""
    library = Path(sysconfig.get_paths()["stdlib"])
    right, wrong = 0, []
    for path in sorted(chain(library.glob("[a-d]*.py"), library.glob("asyncio/*.py"))):
        text = path.read_text(encoding="utf-8")
        lines = text.split("\n")
        known = set(definitions(ast.parse(text)))
        chunks = read_contents(path.name, text).chunks
        names = [chunk.entity_id.partition("#")[2].partition("@")[0] for chunk in chunks]
        for chunk, name in zip(chunks, names, strict=True):
            if not name or names.count(name) > 1 or any(other.startswith(f"{name}.") for other in names):
                continue
            first = chunk.first_line
            while lines[first - 1].lstrip().startswith("#"):
                first += 1
            if (name, first, chunk.last_line) in known:
                right += 1
            else:
                wrong.append((path.name, name, first, chunk.last_line))
    assert right > 1000
    assert len(wrong) < right / 200, wrong
