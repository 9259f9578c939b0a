"""The graph of a repository: each link once, what leads nowhere at its line, cycles, and drawings that nothing can break."""

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.sidecar import Sidecar

Draw = Callable[..., Any]


@pytest.fixture
def graph(sidecar: Sidecar, tmp_path: Path) -> Draw:
    """Write files below `contexts/` and ask for their graph."""

    def _graph(files: Mapping[str, str] | None = None, **params: Any) -> Any:
        for name, text in (files or {}).items():
            path = tmp_path / "contexts" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return sidecar.call("repository/graph", {"repoPath": str(tmp_path), **params})

    return _graph


def edges(result: Any) -> list[str]:
    return sorted(f"{edge['from']} {edge['relation']} {edge['to']}" for edge in result["edges"])


def ids(result: Any) -> list[str]:
    return sorted(node["id"] for node in result["nodes"])


# Links


@pytest.mark.parametrize(
    ("field", "relation", "path", "back"),
    [
        ("userStories", "has-story", "userstories/US-001", "feature: FEAT-001"),
        ("specs", "has-spec", "specs/SPEC-001", "related: {features: [FEAT-001]}"),
        ("tasks", "has-task", "tasks/T-001", "related: {feature: FEAT-001}"),
    ],
)
def test_the_two_directions_of_a_link_are_one_edge(
    graph: Draw, *, field: str, relation: str, path: str, back: str
) -> None:
    feature, other, name = "features/FEAT-001.yaml", f"{path}.yaml", Path(path).name
    forward = f"id: FEAT-001\n{field}: [{name}]\n"
    assert edges(graph({feature: forward, other: f"id: {name}\n{back}\n"})) == [f"FEAT-001 {relation} {name}"]
    assert edges(graph({other: f"id: {name}\n"})) == [f"FEAT-001 {relation} {name}"]
    assert edges(graph({feature: "id: FEAT-001\n", other: f"id: {name}\n{back}\n"})) == [f"{name} belongs-to FEAT-001"]
    assert edges(graph({other: f"id: {name}\n"})) == []


def test_a_package_and_its_service_are_one_edge_whoever_says_it(graph: Draw) -> None:
    package, service = "packages/pkg-a.yaml", "services/svc-a.yaml"
    both = {package: "id: pkg-a\nuses: {services: [svc-a]}\n", service: "id: svc-a\nconsumers: [pkg-a]\n"}
    assert edges(graph(both)) == ["pkg-a uses svc-a"]
    assert edges(graph({package: "id: pkg-a\n"})) == ["pkg-a uses svc-a"]
    assert edges(graph({**both, service: "id: svc-a\n"})) == ["pkg-a uses svc-a"]


def test_dependencies_may_have_a_range(graph: Draw) -> None:
    files = {
        "services/svc-a.yaml": 'id: svc-a\ndependencies: [svc-b@^1.0, "pkg-c@>=2 <3"]\n',
        "services/svc-b.yaml": "id: svc-b\nconsumers: [svc-a]\n",
        "packages/pkg-c.yaml": 'id: pkg-c\ndependencies: ["@vue/core", svc-b]\n',
    }
    assert edges(graph(files)) == ["svc-a depends-on pkg-c", "svc-a depends-on svc-b", "svc-a uses svc-b"]


def test_a_link_that_stands_twice_is_one_edge(graph: Draw) -> None:
    files = {"features/FEAT-001.yaml": "id: FEAT-001\ntasks: [T-001, T-001]\n", "tasks/T-001.yaml": "id: T-001\n"}
    assert edges(graph(files)) == ["FEAT-001 has-task T-001"]


@pytest.mark.parametrize("value", ["3", "null", "{a: b}", "[[T-001]]", "[null, 1, {T-001: x}]", "true", "''", "['']"])
def test_what_is_no_id_is_no_link(graph: Draw, value: str) -> None:
    result = graph({"features/FEAT-001.yaml": f"id: FEAT-001\ntasks: {value}\n", "tasks/T-001.yaml": "id: T-001\n"})
    assert (result["edges"], result["dangling"], ids(result)) == ([], [], ["FEAT-001", "T-001"])


def test_what_leads_nowhere_is_shown_with_its_line(graph: Draw) -> None:
    files = {
        "features/FEAT-001.yaml": "# one\nid: FEAT-001\n\nrequires:\n  - svc-a\n  - svc-b # nowhere\n  - T-001\n",
        "services/svc-a.yaml": "id: svc-a\nconsumers:\n- svc-c\n",
        "tasks/T-001.yaml": "id: T-001\n",
    }
    result = graph(files)
    shown = [(link["from"], link["relation"], link["to"], link["field"], link["line"]) for link in result["dangling"]]
    assert shown == [
        ("FEAT-001", "requires", "svc-b", "requires[1]", 6),
        ("FEAT-001", "requires", "T-001", "requires[2]", 7),
        ("svc-a", "uses", "svc-c", "consumers[0]", 3),
    ]
    assert [link["reason"] for link in result["dangling"][:2]] == [
        'there is no entity "svc-b"; expected the id of a service or package',
        '"T-001" is a task; expected a service or package',
    ]
    assert result["dangling"][0]["file"] == "contexts/features/FEAT-001.yaml"
    assert edges(result) == ["FEAT-001 requires svc-a"]


def test_a_link_to_what_can_not_be_read_is_neither_wrong_nor_an_edge(graph: Draw) -> None:
    files = {"features/FEAT-001.yaml": "id: FEAT-001\ntasks: [T-001]\n", "tasks/T-001.yaml": "id: T-001\ntitle: [\n"}
    result = graph(files)
    assert (ids(result), result["edges"], result["dangling"]) == (["FEAT-001"], [], [])


def test_of_the_same_id_the_first_path_counts(graph: Draw) -> None:
    files = {
        "features/b.yaml": "id: FEAT-001\ntitle: Second\ntasks: [T-002]\n",
        "features/a.yaml": "id: FEAT-001\ntitle: First\ntasks: [T-001]\n",
        "tasks/T-001.yaml": "id: T-001\n",
        "tasks/T-002.yaml": "id: T-002\n",
    }
    result = graph(files)
    assert [node["title"] for node in result["nodes"]] == ["First", "T-001", "T-002"]
    assert edges(result) == ["FEAT-001 has-task T-001"]


def test_a_change_on_disk_is_a_change_of_the_graph(graph: Draw) -> None:
    before = graph({"tasks/T-001.yaml": "id: T-001\ntitle: Old\nstatus: todo\n"})
    after = graph({"tasks/T-001.yaml": "id: T-001\ntitle: New\n", "tasks/T-002.yaml": "id: T-002\n"})
    assert before["nodes"] == [
        {"id": "T-001", "type": "task", "title": "Old", "status": "todo", "file": "contexts/tasks/T-001.yaml"}
    ]
    assert [(node["title"], node.get("status")) for node in after["nodes"]] == [("New", None), ("T-002", None)]


def test_nothing_has_an_empty_graph(graph: Draw) -> None:
    assert graph() == {"nodes": [], "edges": [], "dangling": [], "cycles": []}
    assert graph(format="dot")["text"].endswith("}\n")
    assert graph(format="mermaid")["text"].startswith("flowchart LR\n")


# Focus

CHAIN = {
    f"services/svc-{place}.yaml": f"id: svc-{place}\ndependencies: [svc-{place + 1}, svc-x{place}]\n"
    for place in range(5)
} | {"services/svc-5.yaml": "id: svc-5\ndependencies: [svc-4]\n", "services/svc-9.yaml": "id: svc-9\n"}


@pytest.mark.parametrize(
    ("focus", "depth", "expected", "cyclic"),
    [
        ("svc-0", 0, "0", []),
        ("svc-0", 1, "01", []),
        ("svc-2", 1, "123", []),
        ("svc-2", None, "01234", []),
        ("svc-2", 3, "012345", [["svc-4", "svc-5"]]),
        ("svc-5", 100, "012345", [["svc-4", "svc-5"]]),
        ("svc-9", 100, "9", []),
    ],
)
def test_focus_shows_what_is_near_in_both_directions(
    graph: Draw, focus: str, depth: int | None, expected: str, cyclic: list[list[str]]
) -> None:
    result = graph(CHAIN, focus=focus, **({} if depth is None else {"depth": depth}))
    shown = [f"svc-{place}" for place in expected]
    assert ids(result) == shown
    assert {end for edge in result["edges"] for end in (edge["from"], edge["to"])} <= set(shown)
    assert [link["from"] for link in result["dangling"]] == [name for name in shown if name not in ("svc-5", "svc-9")]
    assert result["cycles"] == cyclic


def test_depth_means_nothing_without_focus(graph: Draw) -> None:
    assert len(graph(CHAIN, depth=0)["nodes"]) == 7


def test_focus_on_what_is_not_there_is_refused(graph: Draw, sidecar: Sidecar) -> None:
    assert graph(CHAIN, focus="svc-77")["data"]["kind"] == "entityNotFound"
    sidecar.assert_alive()


def test_a_graph_that_is_too_large_is_refused_and_a_part_of_it_is_not(graph: Draw, sidecar: Sidecar) -> None:
    target = "x" * 1_000_000
    features = {f"features/FEAT-{n}.yaml": f"id: FEAT-{n}\ntasks: [{target}]\n" for n in range(100, 110)}
    refused = graph(features)
    assert refused["data"]["kind"] == "messageTooLarge"
    assert "less" in refused["message"]
    part = graph(focus="FEAT-100")
    assert ids(part) == ["FEAT-100"]
    assert len(part["dangling"][0]["reason"]) < 200
    sidecar.assert_alive()


# Cycles


def test_cycles_run_over_depends_on_requires_and_uses_only(graph: Draw) -> None:
    files = {
        "services/svc-a.yaml": "id: svc-a\ndependencies: [pkg-b]\n",
        "packages/pkg-b.yaml": "id: pkg-b\nuses: {services: [svc-a]}\n",
        "services/svc-c.yaml": "id: svc-c\ndependencies: [svc-c]\n",
        "features/FEAT-001.yaml": "id: FEAT-001\ntasks: [T-001]\nrequires: [svc-a]\n",
        "tasks/T-001.yaml": "id: T-001\nrelated: {service: svc-a}\n",
    }
    assert graph(files)["cycles"] == [["pkg-b", "svc-a"], ["svc-c"]]


# Drawings

HOSTILE = [
    'He said "no"',
    "back\\slash\\",
    'ends with a quote"',
    "C# & #35; &quot; &lt;",
    "<script>alert(1)</script>",
    "`code` and **bold**",
    "end",
    "a --> b; c[d](e){f}|g|",
    "%% no comment %%{init: {}}%%",
    "two\nlines\r\nor\tmore\u2028than that",
    "click n0 href javascript:alert(1)",
    "]] }} )) /] :::task",
    "subgraph x",
    "\u202eright to left\u0000\u0007\x1b[31m",
    "Gr\u00fc\u00dfe \u2013 \u4f60\u597d \U0001f33b",
    "{}",
    "y" * 500,
]


def drawable(text: str) -> str:
    line = "".join(character for character in " ".join(text.split()) if character.isprintable())
    return line if len(line) <= 80 else line[:79] + "\u2026"


def quoted(text: str) -> str:
    """A double-quoted YAML scalar; YAML has no surrogates, as JSON does."""
    return "".join(['"', *(each if ord(each) > 0xFFFF else json.dumps(each)[1:-1] for each in text), '"'])


_MERMAID_LINE = re.compile(
    r"""flowchart\ LR
    |\ \ (?P<node>[nm]\d+)(?:\(\[|\(|\[/|\[|\[\[|\{\{|\(\()"(?P<label>(?:[^"#;<>&`{}|%\\\n]|\#\d+;)+)"(?:\]\)|\)|/\]|\]|\]\]|\}\}|\)\)):::[a-z]+
    |\ \ [n]\d+\ (?:-->|-\.->)\|(?P<relation>[a-z-]+)\|\ [nm]\d+
    |\ \ classDef\ [a-z]+\ [a-z0-9:\#,-]+""",
    re.VERBOSE,
)
_DOT_LINE = re.compile(
    r"""digraph\ context\ \{|\}|\ \ rankdir=LR;|\ \ (?:node|edge)\ \[[^\]\n]+\];
    |\ \ (?P<node>[nm]\d+)\ \[label="(?P<label>(?:[^"&\\\n]|&amp;|\\["\\])+)",\ [a-z0-9=", \#]+\];
    |\ \ n\d+\ ->\ [nm]\d+\ \[label="(?P<relation>[a-z-]+)"(?:,\ style=dashed)?\];""",
    re.VERBOSE,
)


def _labels(text: str, grammar: re.Pattern[str]) -> tuple[dict[str, str], int]:
    """The label of each node and the number of edges, by a grammar that knows nothing but what is meant to be there."""
    lines = text.removesuffix("\n").split("\n")
    matches = [grammar.fullmatch(line) for line in lines]
    assert all(matches), [line for line, match in zip(lines, matches, strict=True) if not match]
    found = {match["node"]: match["label"] for match in matches if match and match["node"]}
    return found, sum(1 for match in matches if match and match["relation"])


@pytest.mark.parametrize("form", ["mermaid", "dot"])
def test_no_title_and_no_id_breaks_a_drawing(graph: Draw, form: str) -> None:
    links = ", ".join(quoted(title) for title in HOSTILE)
    feature = {"features/FEAT-001.yaml": f"id: FEAT-001\ntitle: x\ntasks: [T-100, {links}]\n"}
    tasks = {
        f"tasks/T-{place}.yaml": f"id: T-{place}\ntitle: {quoted(title)}\n" for place, title in enumerate(HOSTILE, 100)
    }
    result = graph(feature | tasks, format=form)
    if form == "mermaid":
        labels, count = _labels(result["text"], _MERMAID_LINE)
        shown = {name: re.sub(r"#(\d+);", lambda found: chr(int(found[1])), text) for name, text in labels.items()}
    else:
        labels, count = _labels(result["text"], _DOT_LINE)
        shown = {name: re.sub(r"\\(.)", r"\1", text.replace("&amp;", "&")) for name, text in labels.items()}
    assert list(shown.values()) == [
        "FEAT-001: x",
        *(drawable(f"T-{place}: {title}") for place, title in enumerate(HOSTILE, 100)),
        *(drawable(title) for title in HOSTILE),
    ]
    assert count == len(result["edges"]) + len(result["dangling"]) == 1 + len(HOSTILE)


def test_what_an_id_without_a_letter_shows_is_a_question_mark(graph: Draw) -> None:
    files = {"services/svc-a.yaml": 'id: svc-a\ndependencies: ["\\u200b@1.0", "\\u200d"]\n'}
    labels, _ = _labels(graph(files, format="mermaid")["text"], _MERMAID_LINE)
    assert list(labels.values()) == ["svc-a", "#63;", "#63;"]
