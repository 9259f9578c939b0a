"""Files as chunks: whatever they hold, a chunk says what stands on its lines, and nothing that is there is lost."""

import re
import sysconfig
from pathlib import Path
from random import Random
from textwrap import dedent
from time import thread_time

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from ckservice.context.yaml.emitting import emit
from ckservice.context.yaml.reading import read
from ckservice.retrieval.chunk import Chunk
from ckservice.retrieval.chunking.files import read_contents
from tests.sidecar import ROOT
from tests.yaml_samples import Ugly, mapping

pytestmark = pytest.mark.source

PROPERTY = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
PATHS = (
    "a.rst",
    "a.adoc",
    "a.sql",
    "contexts/tasks/T-001-x.yaml",
    "contexts/x.yml",
    "docs/a.md",
    "notes.txt",
    "src/a.py",
    "src/A.java",
    "a.json",
)
TYPICAL = """
# One
## Two
###
===
---
```
~~~~
def a():
class B:
    def c(self):
        return 1
    }
}
'''
- x: y
key:
  - a
id: T-001
title: A task
| a | b |
function f() {
// T-12
...
<!-- FEAT-001 -->
    code
""".splitlines()
LINES = st.lists(
    st.text(st.sampled_from("ab c#-=`~|>:'\"(){}[]\t@/\\_1\xe9\u2028\x0b\x85"), max_size=20) | st.sampled_from(TYPICAL),
    max_size=60,
)
BREAKS = st.sampled_from(["\n", "\r\n", "\r"])
LONG = st.integers(0, 3).map(lambda count: "word " * (3000 * count))


def lines_of(text: str) -> list[str]:
    return re.split("\r\n?|\n", text)


def assert_true(text: str, chunks: tuple[Chunk, ...]) -> None:
    """Each chunk says what stands on its lines, and every word is in some chunk."""
    lines = lines_of(text)
    for order, chunk in enumerate(chunks):
        assert chunk.order == order
        assert 1 <= chunk.first_line <= chunk.last_line <= len(lines)
        assert chunk.body in "\n".join(lines[chunk.first_line - 1 : chunk.last_line])
        assert "\n" not in chunk.title
        assert chunk.title
        assert len(chunk.body) <= 3200
        ending = chunk.body.split("\n")[-1]
        assert ending in lines[chunk.last_line - 1]


def words(text: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", text))


@PROPERTY
@given(st.sampled_from(PATHS), LINES, BREAKS, LONG)
def test_a_chunk_says_what_stands_on_its_lines(path: str, lines: list[str], line_break: str, long: str) -> None:
    text = line_break.join([*lines, long, *lines])
    chunks = read_contents(path, text).chunks
    assert_true(text, chunks)
    shown = words(" ".join(f"{chunk.title}\n{chunk.body}" for chunk in chunks))
    assert words(re.sub(r"\([^()\r\n]*\)|\bend\b", " ", text)) <= shown
    covered = {line for chunk in chunks for line in range(chunk.first_line, chunk.last_line + 1)}
    assert {number for number, line in enumerate(lines_of(text), 1) if re.search(r"[^\W_]", line)} <= covered
    firsts = [chunk.first_line for chunk in chunks if chunk.first_line < chunk.last_line]
    assert firsts == sorted(firsts)


@PROPERTY
@given(st.integers(0, 2**32))
def test_entities_say_what_stands_on_their_lines_however_they_are_written(seed: int) -> None:
    random = Random(seed)
    data = {"id": "T-001", "title": "A task", **{f"field{n}": mapping(random, 4) for n in range(random.randrange(30))}}
    text = random.choice([emit(data), Ugly(random).text(data)])
    contents = read_contents("contexts/tasks/T-001.yaml", text)
    assert_true(text, contents.chunks)
    assume(not read(text).problems)
    assert {(chunk.entity_id, chunk.entity_type, chunk.title) for chunk in contents.chunks} == {
        ("T-001", "task", "A task")
    }
    covered = {
        line for chunk in contents.chunks for line in range(chunk.first_line, chunk.last_line + 1)
    }  # comments, too
    assert {number for number, line in enumerate(lines_of(text), 1) if line.strip()} <= covered


def test_of_files_as_they_are_nothing_is_lost_or_shown_twice() -> None:
    library = Path(sysconfig.get_paths()["stdlib"])
    own = [*(ROOT / "ckservice").rglob("*.*"), *(ROOT / "tests" / "repositories").rglob("*.*"), *ROOT.glob("*.*")]
    count = 0
    for file in [*own, *library.glob("[a-f]*.py"), *library.glob("*/*.txt")]:
        path = file.relative_to(ROOT).as_posix() if file.is_relative_to(ROOT) else file.name
        if not file.is_file() or b"\0" in (data := file.read_bytes()) or len(data) > 200_000:
            continue
        text = data.decode("utf-8-sig", "replace")
        chunks = read_contents(path.removeprefix("tests/repositories/untidy/"), text).chunks
        assert_true(text, chunks)
        whole = [range(chunk.first_line, chunk.last_line + 1) for chunk in chunks if chunk.first_line < chunk.last_line]
        covered = [line for lines in whole for line in lines]
        assert len(covered) == len(set(covered)), path
        said = {number for number, line in enumerate(lines_of(text), 1) if re.search(r"[^\W_]", line)}
        assert said <= {*covered, *(chunk.last_line for chunk in chunks)}, path
        count += 1
    assert count > 300


def shown(path: str, text: str) -> list[tuple[str, str, int, int]]:
    """The name within the file, the title and the lines of each chunk."""
    chunks = read_contents(path, dedent(text).removeprefix("\n")).chunks
    return [(chunk.entity_id.removeprefix(path), chunk.title, chunk.first_line, chunk.last_line) for chunk in chunks]


def test_markdown_is_cut_by_its_headings() -> None:
    text = """
    ---
    layout: page
    ---
    Before.

    # The *Guide*

    ## Install [it](https://example.com)

    Run it.

    ```sh
    # no heading

    make
    ```

    ## Install it

    Use
    ===

    Text ##
    ### Deep ###
    """
    assert shown("docs/a.md", text) == [
        ("", "a", 1, 4),
        ("#install-it", "The Guide > Install it", 6, 16),
        ("#install-it-1", "The Guide > Install it", 18, 18),
        ("#use", "Use", 20, 23),
        ("#deep", "Use > Deep", 24, 24),
    ]


def test_code_and_tables_in_markdown_stay_whole_and_paragraphs_are_joined_as_far_as_they_fit() -> None:
    paragraph = "some words " * 50 + "\n"
    table = "| a | b |\n" * 300
    fence = "```\n" + "x = 1  # a line of code\n\n" * 100 + "```\n"
    text = "# Title\n\n" + "\n".join([paragraph] * 4 + [table, fence])
    chunks = read_contents("a.md", text).chunks
    assert [chunk.body.count("some words") for chunk in chunks] == [100, 100, 0, 0]
    assert chunks[2].body == table.strip()
    assert chunks[3].body == fence.strip()
    assert {(chunk.entity_id, chunk.title) for chunk in chunks} == {("a.md#title", "Title")}


def test_an_entity_is_one_chunk_or_several_that_all_say_whose_they_are() -> None:
    short = "id: FEAT-001\ntitle: Sign in\nstatus: done\nunknown: {a: b}\n"
    path = "contexts/features/FEAT-001.yaml"
    (chunk,) = read_contents(path, short).chunks
    assert (chunk.entity_id, chunk.title, chunk.body) == ("FEAT-001", "Sign in", short.strip())
    items = [f"{name} " * 100 for name in ("one", "two", "three", "four", "five")]
    long = short + "acceptance:\n" + "".join(f"  - {item}\n" for item in items) + "objective: >\n  Why.\n"
    chunks = read_contents(path, long).chunks
    assert [(chunk.first_line, chunk.last_line) for chunk in chunks] == [(1, 8), (9, 12)]
    assert {(chunk.entity_id, chunk.entity_type, chunk.title) for chunk in chunks} == {
        ("FEAT-001", "feature", "Sign in")
    }


def test_documents_of_one_file_are_entities_of_their_own() -> None:
    text = "id: T-001\ntitle: One\n---\nid: T-002\ntitle: Two\n# the end\n"
    chunks = read_contents("contexts/tasks/T-001.yaml", text).chunks
    assert [(chunk.entity_id, chunk.first_line, chunk.last_line) for chunk in chunks] == [
        ("T-001", 1, 2),
        ("T-002", 3, 6),
    ]


def test_broken_yaml_is_text_and_tells_nothing_of_links() -> None:
    contents = read_contents("contexts/tasks/T-007-x.yaml", "id: T-007\ntitle: [broken\nsteps: find me\n")
    (chunk,) = contents.chunks
    assert (chunk.entity_id, chunk.entity_type, chunk.last_line) == ("T-007", "task", 3)
    assert "find me" in chunk.body
    assert contents.links is None


def test_an_entity_links_to_what_its_fields_name_and_its_text_mentions() -> None:
    text = "id: T-001\ntitle: A\nrelated:\n  feature: FEAT-001\nsteps: [See SPEC-002, not UTF8-1x or T-001]\n"
    links = read_contents("contexts/tasks/T-001.yaml", text).links
    assert links is not None
    assert {(link.target, link.relation) for link in links} == {("FEAT-001", "belongs-to"), ("SPEC-002", "mentions")}
    links = read_contents("docs/a.md", "# Plan\n\nAs in FEAT-001, svc-git.\n").links
    assert links is not None
    assert [(link.source, link.target) for link in links] == [
        ("docs/a.md#plan", "FEAT-001"),
        ("docs/a.md#plan", "svc-git"),
    ]


def test_source_is_cut_by_its_definitions() -> None:
    python = """
    import os

    LIMIT = 3

    # About it.
    @cached
    def read(path):
        text = '''
    def no_definition():
        '''
        return text


    class Reader:
        def close(self):
            pass
    """
    assert shown("src/a.py", python) == [("", "a.py", 1, 3), ("#read", "read", 5, 11), ("#Reader", "Reader", 14, 16)]
    typescript = """
    import { x } from "y";

    export const handle = async (a: number): Promise<void> => {
      await x(a);
    };

    /** Reads. */
    export default class Reader<T> extends Base {
      private n = 1;
    }
    """
    assert [entry[0] for entry in shown("src/a.ts", typescript)] == ["", "#handle", "#Reader"]
    go = """
    package main

    func (r *Reader) Read(p []byte) (int, error) {
    \treturn 0, nil
    }
    """
    assert [entry[0] for entry in shown("a.go", go)] == ["", "#Reader.Read"]


def test_a_long_definition_is_cut_by_what_is_defined_in_it() -> None:
    body = "        work()\n" * 20
    methods = "".join(f"    def method{n}(self):\n{body}\n" for n in range(4))
    names = [entry[0] for entry in shown("a.py", f"class Big(Base):\n    x = 1\n\n{methods}")]
    assert names == ["#Big", "#Big.method0", "#Big.method1", "#Big.method2", "#Big.method3"]


def test_no_chunk_of_source_has_more_than_sixty_lines() -> None:
    text = "def f():\n" + "    work()\n" * 500 + "\n" + "data = 1\n" * 500
    spans = [(first, last) for _, _, first, last in shown("a.py", text)]
    assert max(last - first for first, last in spans) < 60
    assert sum(last - first + 1 for first, last in spans) == 1001


def test_words_are_taken_out_of_identifiers() -> None:
    (chunk,) = read_contents("a.txt", "call getUserName on HTTPServer, not on Server or http").chunks
    assert chunk.identifiers == "get user name http server"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "text",
    ["[" * 100_000, "# " * 50_000, "a\n" * 50_000, " " * 100_000 + "#", "```" * 30_000, "- " * 50_000, "x" * 1_000_000],
    ids=["brackets", "heading", "lines", "spaces", "fences", "items", "word"],
)
def test_texts_that_are_meant_to_hurt_take_a_moment(path: str, text: str) -> None:
    begun = thread_time()
    read_contents(path, text)
    assert thread_time() - begun < 5
