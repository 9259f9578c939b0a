"""Prose and data as chunks: by headings, by names, and what tells a heading from what only looks like one."""

import json
from textwrap import dedent

import pytest

from ckservice.retrieval.chunk import Chunk
from ckservice.retrieval.chunking.files import read_contents

pytestmark = pytest.mark.source


def chunks_of(path: str, text: str) -> tuple[Chunk, ...]:
    return read_contents(path, dedent(text).removeprefix("\n")).chunks


def shown(path: str, text: str) -> list[tuple[str, str, int, int]]:
    """The name within the file, the title and the lines of each chunk."""
    chunks = chunks_of(path, text)
    return [(chunk.entity_id.removeprefix(path), chunk.title, chunk.first_line, chunk.last_line) for chunk in chunks]


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("Hello, World!", "hello-world"),
        ("What's new in 2.0?", "whats-new-in-20"),
        ("snake_case and `List<T>`", "snake_case-and-listt"),
        ("__init__ of _it_", "init-of-it"),
        ("`__init__`", "__init__"),
        ('<a id="x"></a>Anchored', "anchored"),
        ("A & B", "a--b"),
        ("Größe des Gartens", "größe-des-gartens"),
        ("हिन्दी शीर्षक", "हिन्दी-शीर्षक"),
        ("🚀 Start", "-start"),
        ("漢字", "漢字"),
    ],
)
def test_slugs_are_those_of_github(heading: str, slug: str) -> None:
    (chunk,) = chunks_of("a.md", f"# {heading}\n\nText.\n")
    assert chunk.entity_id == f"a.md#{slug}"


def test_no_two_headings_have_one_slug() -> None:
    chunks = chunks_of("a.md", "".join(f"# {heading}\n\nText.\n\n" for heading in ("A", "A", "A-1", "A", "!", "?")))
    assert [chunk.entity_id for chunk in chunks] == [
        "a.md#a",
        "a.md#a-1",
        "a.md#a-1-1",
        "a.md#a-2",
        "a.md#section",
        "a.md#section-1",
    ]


def test_what_looks_like_a_heading_is_none_in_code_and_comments() -> None:
    text = r"""
    # One

    <!--
    # Not this one

    ## Nor this -->

    ~~~~
    ```
    # Nor this
    ~~~
    ~~~~

    - item

      ```
      # nor this
      ```
        # nor this

    #nor this
    \# nor this

    Two
    ---

    - a
    ---
    > b
    ---
    """
    assert [(name, title) for name, title, *_ in shown("a.md", text)] == [("#one", "One"), ("#two", "One > Two")]


def test_headings_with_nothing_below_are_part_of_what_follows_and_found_by_their_titles() -> None:
    text = "# Guide\n## Install\n### Linux\n\nRun it.\n\n## Later\n"
    assert shown("docs/a.md", text) == [
        ("#linux", "Guide > Install > Linux", 1, 5),
        ("#later", "Guide > Later", 7, 7),
    ]


def test_restructured_text_is_cut_by_its_titles() -> None:
    text = """
    =====
    Guide
    =====

    Hello.

    Install
    -------

    Run it::

        ====
        no
        ====

    Linux
    ~~~~~

    Text.

    Use
    ---

    ===  ===
    a    b
    ===  ===
    """
    assert shown("a.rst", text) == [
        ("#guide", "Guide", 1, 5),
        ("#install", "Guide > Install", 7, 14),
        ("#linux", "Guide > Install > Linux", 16, 19),
        ("#use", "Guide > Use", 21, 26),
    ]


def test_asciidoc_is_cut_by_its_titles() -> None:
    text = """
    = Guide
    Author

    == Install

    ----
    == no
    ----

    ```ruby
    == no
    ```

    === Linux
    Text.
    """
    assert shown("a.adoc", text) == [
        ("#guide", "Guide", 1, 2),
        ("#install", "Guide > Install", 4, 12),
        ("#linux", "Guide > Install > Linux", 14, 15),
    ]


def test_of_a_notebook_the_sources_are_read_and_not_the_outputs() -> None:
    cells = [
        {"cell_type": "markdown", "source": ["# Frost\n", "\n", "When it comes."]},
        {"cell_type": "code", "outputs": [{"data": {"image/png": "iVBOR" * 900}}], "source": ["x = 1\n", "frost(x)"]},
        {"cell_type": "code", "outputs": [], "source": []},
        {"cell_type": "code", "source": "all_in_one(1)"},
    ]
    text = json.dumps({"cells": cells, "metadata": {"kernel": "python"}}, indent=1)
    lines = text.split("\n")
    chunks = chunks_of("a.ipynb", text)
    assert [chunk.title for chunk in chunks] == ["Frost"] * 3
    assert [chunk.body.split("\n")[-1].strip() for chunk in chunks] == [
        '"When it comes."',
        '"frost(x)"',
        '"source": "all_in_one(1)"',
    ]
    for chunk in chunks:
        assert "\n".join(lines[chunk.first_line - 1 : chunk.last_line]) == chunk.body


def test_data_is_cut_by_what_it_names() -> None:
    jobs = {f"job{n}": {"steps": [f"say the {m} words of {n}" for m in range(30)]} for n in range(3)}
    chunks = chunks_of("ci.json", json.dumps({"name": "ci", "jobs": jobs}, indent=2))
    assert [chunk.title for chunk in chunks] == ["ci.json > name", *(f"ci.json > jobs > job{n}" for n in range(3))]
    assert chunks[1].entity_id == "ci.json#jobs.job0"
    assert chunks[1].body.strip().startswith('"jobs": {')
    text = "on: push\njobs:\n" + "".join(
        f"  # about {n}\n  job{n}:\n    steps:\n    - |\n" + "      work on it\n" * 80 for n in range(3)
    )
    chunks = chunks_of(".github/ci.yml", text)
    assert [chunk.entity_id.partition("#")[2] for chunk in chunks] == ["on", "jobs.job0", "jobs.job1", "jobs.job2"]
    assert all(chunk.body.strip().startswith(("on:", "# about", "jobs:")) for chunk in chunks)
    toml = "".join(f"[tool.part{n}]\n" + f"key{n} = [\n" + '  "value",\n' * 120 + "]\n" for n in range(3))
    assert [chunk.title for chunk in chunks_of("a.toml", toml)] == [f"a.toml > tool.part{n}" for n in range(3)]


def test_small_things_are_kept_together() -> None:
    for name in ("Dockerfile", "Makefile", "a.css", "package.json"):
        (chunk,) = chunks_of(name, "FROM a\n\na:\n\tb\n\n.c {\n}\n")
        assert (chunk.entity_id, chunk.title, chunk.first_line) == (name, name, 1)


def test_a_giant_line_is_cut_between_words() -> None:
    chunks = chunks_of("a.json", "\n\n" + "some words " * 1000 + "\n")
    assert len(chunks) > 5
    assert {(chunk.first_line, chunk.last_line) for chunk in chunks} == {(2, 2)}
    assert all(len(chunk.body) <= 1600 for chunk in chunks)
    assert {word for chunk in chunks for word in chunk.body.split()} == {"some", "words"}
