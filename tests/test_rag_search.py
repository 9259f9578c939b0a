"""`rag/search` and `rag/similar`: what comes first, what its score says, how it was found, and what no question can do."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.meaning import Embedding
from tests.providers.server import Script, Server
from tests.sidecar import ROOT, Sidecar

MODES = ("lexical", "semantic", "hybrid")

STEPS = "".join(f"  - Write down bed number {number} and whoever looks after it this year\n" for number in range(120))

TEXTS = {
    "contexts/features/FEAT-001.yaml": "id: FEAT-001\ntitle: Watering rota\nobjective: Everybody waters in turn.\n",
    "contexts/tasks/T-012.yaml": "id: T-012\ntitle: Draw the rota form\nrelated: {feature: FEAT-001}\n",
    "contexts/tasks/T-013.yaml": "id: T-013\ntitle: Remind gardeners by mail\nrelated: {feature: FEAT-001}\n",
    "contexts/tasks/T-014.yaml": f"id: T-014\ntitle: Register of beds\nsteps:\n{STEPS}doneCriteria:\n  - A physician signs\n",
    "docs/tomatoes.md": "# Tomatoes\n\n## Watering\n\nTomatoes want water in the evening.\n\n## Picking\n\nWhen red.\n",
    "docs/garage.md": "# Garage\n\nThe automobile is parked behind the shed.\n",
    "docs/深/水やり.md": "# 水やり\n\nトマトには夕方に水をやります。\n",
    "src/pump.py": "def startPumpMotor(seconds):\n    valve = openValve()\n    return valve\n",
    "src/Pump test.py": "def test_pump():\n    assert startPumpMotor(3)\n",
    **{
        f"notes/{number:03}.txt": f"An entry of the diary, about day {number} and its weather.\n"
        for number in range(120)
    },
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A repository, as what requests say of it; it stays the same, so that it is indexed once."""
    root = tmp_path_factory.mktemp("garden")
    write(root)
    return {"repoPath": str(root)}


@pytest.fixture
def meaning(sidecar: Sidecar, serve: Callable[[Script], Server], place: dict[str, str]) -> Sidecar:
    """The program with an index that has vectors, too."""
    config = {"provider": "ollama", "endpoint": serve(Embedding()).url, "model": "words"}
    sidecar.call("settings/update", {"embedding": config})
    assert sidecar.call("rag/index", {"embed": "always", **place})["embeddingModel"] == "ollama/words"
    return sidecar


def write(root: Path) -> None:
    for path, text in TEXTS.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def search(sidecar: Sidecar, place: dict[str, str], query: str, **params: Any) -> list[dict[str, Any]]:
    results = sidecar.call("rag/search", {"query": query, **place, **params})
    assert "sources" in results, results
    sources: list[dict[str, Any]] = results["sources"]
    return sources


def ids(sources: list[dict[str, Any]]) -> list[str]:
    return [source["entityId"] for source in sources]


def best(sources: list[dict[str, Any]]) -> float:
    return max((source["relevanceScore"] for source in sources), default=0.0)


# Scores


def test_a_score_says_the_same_in_every_mode(meaning: Sidecar, place: dict[str, str]) -> None:
    exact = "Tomatoes: watering. Tomatoes want water in the evening."
    for mode in MODES:
        first, *others = search(meaning, place, exact, mode=mode, topK=100)
        assert first["entityId"] == "docs/tomatoes.md#watering"
        assert first["relevanceScore"] > 0.85
        assert best(others) < 0.7
        assert best(search(meaning, place, "mortgage interest rates of Swiss banks", mode=mode)) < 0.4
        assert ids(search(meaning, place, exact, mode=mode, topK=100, minScore=0.7)) == ["docs/tomatoes.md#watering"]
        assert search(meaning, place, "mortgage interest rates of Swiss banks", mode=mode, minScore=0.5) == []


@pytest.mark.parametrize("mode", MODES)
def test_scores_never_rise_from_source_to_source(meaning: Sidecar, place: dict[str, str], mode: str) -> None:
    for query in ("watering rota", "pump motor valve", "the diary about weather", "T-012 form", "who waters tomatoes?"):
        scores = [source["relevanceScore"] for source in search(meaning, place, query, mode=mode, topK=100)]
        assert scores
        assert all(0.05 <= later <= earlier <= 1 for earlier, later in pairwise([1.0, *scores]))


def test_the_same_question_has_the_same_answer(sidecar: Sidecar, place: dict[str, str], tmp_path: Path) -> None:
    write(tmp_path)
    asked = [(query, top_k) for query in ("diary weather", "watering rota", "evening") for top_k in (7, 100)]
    answers = [search(sidecar, place, query, topK=top_k) for query, top_k in asked]
    assert [search(sidecar, place, query, topK=top_k) for query, top_k in asked] == answers
    assert [search(sidecar, {"repoPath": str(tmp_path)}, query, topK=top_k) for query, top_k in asked] == answers
    assert answers[0] == answers[1][:7]
    assert len(answers[1]) == 100


# What comes first, and how it was found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("FEAT-001", ["FEAT-001"]),
        ("what of feat-1 and t-12?", ["FEAT-001", "T-012"]),
        ("tomatoes in the evening, see T-13", ["T-013"]),
        ("docs/tomatoes.md#picking", ["docs/tomatoes.md#picking"]),
    ],
)
def test_what_is_named_comes_first(
    meaning: Sidecar, place: dict[str, str], mode: str, query: str, first: list[str]
) -> None:
    sources = search(meaning, place, query, mode=mode, topK=len(first))
    assert ids(sources) == first
    assert all(source["relevanceScore"] == 1 and source["matchedBy"][0] == "id" for source in sources)


def test_how_something_was_found_is_told(meaning: Sidecar, place: dict[str, str]) -> None:
    ways = {source["entityId"]: source["matchedBy"] for source in search(meaning, place, "gardeners mail", topK=100)}
    assert ways["T-013"][:2] == ["lexical", "semantic"]
    assert "links" in ways["FEAT-001"]
    assert "lexical" not in ways["FEAT-001"]
    assert not any("id" in way for way in ways.values())
    (car, *_) = search(meaning, place, "car", mode="hybrid")
    assert (car["filePath"], car["matchedBy"]) == ("docs/garage.md", ["semantic"])
    assert all(source["matchedBy"] == ["lexical"] for source in search(meaning, place, "diary", mode="lexical"))


@pytest.mark.parametrize("query", ["トマト", "夕方の水", "トマトに水をやる"])
def test_words_are_found_in_writing_without_spaces(sidecar: Sidecar, place: dict[str, str], query: str) -> None:
    first, *others = search(sidecar, place, query, mode="lexical")
    assert (first["filePath"], others) == ("docs/深/水やり.md", [])
    assert first["relevanceScore"] > 0.3


# Filters


@pytest.mark.parametrize("mode", MODES)
def test_only_what_passes_is_found(meaning: Sidecar, place: dict[str, str], mode: str) -> None:
    def find(query: str = "watering tomatoes rota", **params: Any) -> list[str]:
        return ids(search(meaning, place, query, mode=mode, topK=100, **params))

    assert set(find(entityTypes=["feature"])) == {"FEAT-001"}
    assert find(entityTypes=[]) == []
    assert find("FEAT-001", entityTypes=["task"], pathPrefix="docs/") == []
    assert "T-012" not in find("T-012", pathPrefix="docs/")
    under = find(pathPrefix="docs/")
    assert under
    assert all(entity.startswith("docs/") for entity in under)
    for same in ("./docs/", "/docs/", "docs", ".//./docs/"):
        assert find(pathPrefix=same) == under
    for everything in ("", ".", "./", "/"):
        assert find(pathPrefix=everything) == find()
    for nothing in ("DOCS/x", "%", "docs/*", "../", "docs/\x00", "docs'--"):
        assert find(pathPrefix=nothing) == []
    assert find("test pump", pathPrefix="src/Pump test")[0] == "src/Pump test.py#test_pump"
    assert find("水やり", pathPrefix="docs/深")[0].startswith("docs/深/水やり.md")


# Any text is a question

HOSTILE = [
    '"', "*", "NEAR", "NEAR(water rota, 2)", "-rota", "AND OR NOT", "title:rota", "{title body}: rota", "((rota", "^rota",
    "rota*", 'rota" OR "', "' OR 1=1 --", "!?.,;:()[]{}<>/\\|@#$%^&*~`", "\x00", "rota\x00form", "🙂 👩‍👩‍👧", "深い水", "مرحبا بالعالم",
    "שלום", "e\u0301\u0301", "½ ² ⅷ ٣", "\u200b\ufeff", "the of and", "12 3.14 1e9 0x1F", "getURLFromHTTPServer", "C:\\src\\pump.py",
    "src/pump.py:3", "rota " * 2000, "x" * 10_000, "-" * 10_000, "a-" * 5000, "aB" * 5000, "深" * 10_000, "FEAT-001 " * 1100,
    " ".join(f"w{number}" for number in range(1700)), " ".join(f"T-{number:04}" for number in range(1400)),
    "".join(f'  File "/srv/app/module{number}.py", line {number}, in startPumpMotor\n' for number in range(150)),
]  # fmt: skip


def test_no_question_is_an_error(meaning: Sidecar, place: dict[str, str]) -> None:
    for number, query in enumerate(HOSTILE):
        params = {"query": query[:10_000], "topK": 100, **place}
        for mode in ("lexical", "hybrid"):
            meaning.request(f"{number}-{mode}", "rag/search", {"mode": mode, **params})
    answers = [meaning.response(f"{number}-{mode}") for number in range(len(HOSTILE)) for mode in ("lexical", "hybrid")]
    assert [answer for answer in answers if "result" not in answer] == []
    assert ids(search(meaning, place, HOSTILE[-1], mode="lexical"))[0].startswith("src/")
    assert search(meaning, place, "!?.,", mode="lexical") == []


# What is like an entity


@pytest.mark.parametrize(
    ("entity", "itself", "like"),
    [
        ("t-012", "T-012", {"FEAT-001", "T-013"}),
        ("Docs/Tomatoes.md#Watering", "docs/tomatoes.md#watering", {"docs/tomatoes.md#picking"}),
        ("T-014", "T-014", {"T-012"}),
    ],
)
def test_what_is_like_an_entity_is_not_itself(
    meaning: Sidecar, place: dict[str, str], entity: str, itself: str, like: set[str]
) -> None:
    results = meaning.call("rag/similar", {"entityId": entity, "topK": 100, **place})
    assert results["mode"] == "hybrid"
    found = ids(results["sources"])
    assert like <= set(found)
    assert itself not in found
    assert len(found) == len(set(found))
    assert all("id" not in source["matchedBy"] for source in results["sources"])


@pytest.mark.parametrize("entity", ["T-999", "docs/tomatoes.md#nothing", "T-012\x00", "%", "T-01_", "' OR 1=1 --"])
def test_what_is_like_something_unknown_is_an_error(sidecar: Sidecar, place: dict[str, str], entity: str) -> None:
    assert sidecar.call("rag/similar", {"entityId": entity, **place})["data"]["kind"] == "entityNotFound"


def test_a_path_is_an_id_of_what_the_file_begins_with(sidecar: Sidecar, place: dict[str, str]) -> None:
    first = search(sidecar, place, "What does docs/tomatoes.md say?")[0]
    assert (first["filePath"], first["startLine"], first["relevanceScore"]) == ("docs/tomatoes.md", 1, 1)
    assert "id" in first["matchedBy"]


def test_what_only_the_title_has_is_shown_where_the_title_stands(sidecar: Sidecar, place: dict[str, str]) -> None:
    first = search(sidecar, place, "register")[0]
    assert first["entityId"] == "T-014"
    assert first["startLine"] == 1
    assert "Register of beds" in first["excerpt"]


def test_a_row_of_words_as_it_was_asked_for_wins(sidecar: Sidecar) -> None:
    place = {"repoPath": str(ROOT / "tests/repositories/untidy")}
    first, second, *_ = search(sidecar, place, "water is turned off")
    assert first["entityId"] == "US-012"
    assert 1 > first["relevanceScore"] > second["relevanceScore"]


def test_only_what_is_asked_for_by_id_is_as_relevant_as_can_be(sidecar: Sidecar, place: dict[str, str]) -> None:
    pinned, *others = search(sidecar, place, "FEAT-001")
    assert (pinned["entityId"], pinned["relevanceScore"]) == ("FEAT-001", 1)
    assert others
    assert all(other["relevanceScore"] < 0.9 for other in others)
    assert all(source["relevanceScore"] < 0.9 for source in search(sidecar, place, "FEAT-999"))


def test_documents_come_before_source_and_that_before_tests(sidecar: Sidecar, tmp_path: Path) -> None:
    for path in ("README.md", "src/pump.py", "tests/test_pump.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(
            "# How long does the pump run?\n\n# The pump runs for an hour.\n", encoding="utf-8"
        )
    place = {"repoPath": str(tmp_path)}
    found = dict.fromkeys(source["filePath"] for source in search(sidecar, place, "How long does the pump run?"))
    assert list(found) == ["README.md", "src/pump.py", "tests/test_pump.py"]
    (tmp_path / "src/pump.py").write_text("PUMP_HOURS = 1\n", encoding="utf-8")
    (tmp_path / "README.md").write_text("The pump has its hours.\n", encoding="utf-8")
    assert search(sidecar, place, "PUMP_HOURS")[0]["filePath"] == "src/pump.py"


def test_what_is_like_a_file_is_asked_by_its_path(sidecar: Sidecar, place: dict[str, str]) -> None:
    sources = sidecar.call("rag/similar", {"entityId": "docs/tomatoes.md", **place})["sources"]
    assert sources
    assert all(source["entityId"] != "docs/tomatoes.md#tomatoes" for source in sources)
