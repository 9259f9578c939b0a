"""Questions to an index: what is found, in which order, with what to show for it; any text is a question."""

import math
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from ckservice.errors import EntityNotFound
from ckservice.retrieval.ranking.excerpts import excerpt
from ckservice.retrieval.ranking.scores import falling
from ckservice.retrieval.ranking.similar import similar
from ckservice.retrieval.ranking.vectors import Signs, Vector
from tests.indexing import Index, put
from tests.meaning import vector

pytestmark = pytest.mark.source

PROPERTY = settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))

TASKS = {
    f"contexts/tasks/T-{number:03}.yaml": f"id: T-{number:03}\ntitle: {title}\nrelated: {{feature: FEAT-001}}\n"
    for number, title in enumerate(["Draw the login form", "Check the password", "Lock after five failures"], 12)
}
TEXTS = {
    **TASKS,
    "contexts/features/FEAT-001.yaml": "id: FEAT-001\ntitle: Authentication\nstatus: done\nobjective: People sign in.\n",
    "contexts/features/FEAT-002.yaml": "id: FEAT-002\ntitle: Billing\nacceptance:\n  - Invoices are sent\n  - Taxes apply\n",
    "contexts/services/svc-git.yaml": "id: svc-git\nname: Git service\ntype: backend\n",
    "docs/login.md": "# Guide\n\nHello.\n\n## Login form\n\nThe login form asks for a password.\n\n## Cafés\n\nWhere to meet.\n",
    "src/session.py": "def renewSessionToken(session):\n    token = fresh()\n    return token\n",
    "notes.txt": "nothing to see here, only 漢字 and кириллица",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    index = Index(tmp_path_factory.mktemp("index") / "index.sqlite3")
    index.fill(TEXTS)
    return index


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("FEAT-001", ["FEAT-001"]),
        ("feat-001", ["FEAT-001"]),
        ("What of FEAT-002, and (FEAT-001)?", ["FEAT-002", "FEAT-001"]),
        ("login form of T-14", ["T-014"]),
        ("T-0013.", ["T-013"]),
        ("does svc-git lock", ["svc-git"]),
        ("docs/login.md#login-form", ["docs/login.md#login-form"]),
        ("explain docs/login.md#cafés please", ["docs/login.md#cafés"]),
    ],
)
def test_ids_come_first(index: Index, question: str, first: list[str]) -> None:
    sources = index.search(question).sources[: len(first)]
    assert [source.entity_id for source in sources] == first
    assert [source.relevance for source in sources] == [1.0] * len(first)
    assert all(source.matched_by[0] == "id" for source in sources)


def test_ids_that_do_not_exist_pin_nothing(index: Index) -> None:
    assert all("id" not in source.matched_by for source in index.search("FEAT-999 T-1 login-form sign in").sources)


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("locking after failure", "T-014"),
        ("Where can I meet in a cafe?", "docs/login.md#cafés"),
        ("CAFÉ", "docs/login.md#cafés"),
        ("renewSessionToken", "src/session.py#renewSessionToken"),
        ("renew session", "src/session.py#renewSessionToken"),
        ("invoice tax", "FEAT-002"),
        ("кириллица", "notes.txt"),
        ("漢字", "notes.txt"),
    ],
)
def test_words_are_found_whatever_their_form(index: Index, question: str, first: str) -> None:
    assert index.found(question)[0] == first


def test_links_bring_in_what_belongs_to_what_was_found(index: Index) -> None:
    sources = {source.entity_id: source for source in index.search("password check", top_k=20).sources}
    assert sources["FEAT-001"].matched_by == ("links",)
    assert sources["T-013"].matched_by == ("lexical",)
    assert 0 < sources["FEAT-001"].relevance < sources["T-013"].relevance


def test_filters_leave_out_whatever_does_not_pass(index: Index) -> None:
    assert set(index.found("login form password", entity_types=["task"], top_k=50)) <= {"T-012", "T-013", "T-014"}
    assert index.found("login form", path_prefix="docs/")[0] == "docs/login.md#login-form"
    assert all(found.startswith("docs/") for found in index.found("login form", path_prefix="docs/"))
    assert index.found("login form", entity_types=["document"], path_prefix="contexts/") == []
    assert index.found("FEAT-001", entity_types=["spec", "service"]) == []
    assert index.found("login", entity_types=[]) == []
    assert index.found("login", path_prefix="%") == []


def test_the_least_relevant_are_left_out_where_that_is_asked_for(index: Index) -> None:
    everything = index.search("login form password", top_k=50).sources
    least = everything[1].relevance
    assert len(index.search("login form password", top_k=50, min_score=least).sources) == 2
    assert len(index.search("login form password", top_k=1).sources) == 1


def test_a_question_about_something_else_is_answered_with_little_relevance(index: Index) -> None:
    (good, *_) = index.search("login form").sources
    (bad, *_) = index.search("mortgage interest rates form in Switzerland").sources
    assert good.relevance > 0.7
    assert bad.relevance < good.relevance / 1.5


HOSTILE = [
    "", " ", '"', "*", "NEAR", "-", "AND", "NEAR(a b)", "a*", 'a" OR "b', "title:login", "^login", "{a b}: c", "(", "))",
    "+", "\x00", "login\x00form", "' OR 1=1 --", "%", "\ud800", "🙂", "a\u0300\u0301", "\u200b", "the of and", "½ ² ⅷ",
    "हिन्दी", "ﬁ", "İ", "ß", "login " * 2000, "x" * 10_000, "-" * 10_000, "FEAT-001 " * 1000, "a-b" * 3000, "T-" + "9" * 500,
    " ".join(f"word{n}" for n in range(2000)), "a b " * 2500,
]  # fmt: skip


@pytest.mark.parametrize("question", HOSTILE, ids=range(len(HOSTILE)))
def test_no_question_is_an_error(index: Index, question: str) -> None:
    index.search(question, top_k=100)


@PROPERTY
@given(
    st.text(max_size=60)
    | st.text(st.sampled_from("\"'*()^:+-{}NEARANDORNOT \x00logi_T012٣①é\ud800"), max_size=40)
    | st.lists(st.sampled_from([*HOSTILE[:30], "login", "form", "T-013", "FEAT-001"]), max_size=8).map(" ".join),
    st.sampled_from([None, ["task"], ["task", "document"]]),
    st.sampled_from(["", "docs/", "contexts/tasks/T"]),
)
def test_sources_are_what_they_should_be_for_any_question(
    index: Index, question: str, entity_types: list[str] | None, prefix: str
) -> None:
    results = index.search(question, top_k=100, entity_types=entity_types, path_prefix=prefix)
    relevances = [source.relevance for source in results.sources]
    assert relevances == sorted(relevances, reverse=True)
    assert all(0.05 <= relevance <= 1 for relevance in relevances)
    assert len({source.entity_id for source in results.sources}) == len(results.sources)
    for source in results.sources:
        assert source.matched_by
        assert entity_types is None or source.entity_type in entity_types
        assert source.path.startswith(prefix)
        lines = TEXTS[source.path].split("\n")
        assert source.excerpt.text in "\n".join(lines[source.excerpt.first_line - 1 : source.excerpt.last_line])
        assert source.first_line <= source.excerpt.first_line <= source.excerpt.last_line <= source.last_line


def test_an_excerpt_is_the_two_lines_that_say_most() -> None:
    body = "Introduction.\n\nApples are red.\nPears, however, are green\nand ripe.\n"
    shown = excerpt(body.strip(), 104, {"pear", "ripe"})
    assert (shown.text, shown.first_line, shown.last_line) == ("Pears, however, are green\nand ripe.", 103, 104)
    shown = excerpt(body.strip(), 104, {"nothing"})
    assert (shown.text, shown.first_line, shown.last_line) == ("Introduction.", 100, 100)


@pytest.mark.parametrize("place", [0, 100, 900, 9_000])
def test_an_excerpt_of_a_long_line_begins_where_the_word_is(place: int) -> None:
    line = "word " * (place // 5) + "needle " + "word " * 3000
    shown = excerpt(f"first\n{line}\nlast", 3, {"needle"})
    assert "needle" in shown.text
    assert shown.text in line
    assert len(shown.text) <= 300
    assert (shown.first_line, shown.last_line) == (2, 2)


@PROPERTY
@given(st.lists(st.text(st.sampled_from("apple \t."), max_size=400), min_size=1, max_size=8), st.booleans())
def test_an_excerpt_is_short_and_stands_on_its_lines(lines: list[str], is_asked: bool) -> None:
    shown = excerpt("\n".join(lines), 50, {"apple"} if is_asked else {"pear"})
    first = 51 - len(lines)
    assert len(shown.text) <= 300
    assert first <= shown.first_line <= shown.last_line <= 50
    assert shown.text in "\n".join(lines[shown.first_line - first : shown.last_line - first + 1])


def test_the_best_chunk_stands_for_its_entity(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    filler = "".join(f"  - step {number} has nothing to say to anybody at all\n" for number in range(100))
    index.fill({"contexts/tasks/T-001.yaml": f"id: T-001\ntitle: Long\nsteps:\n{filler}doneCriteria:\n  - a needle\n"})
    index.fill({f"{number}.txt": f"other {number}" for number in range(5)})
    (source,) = index.search("needle").sources
    assert (source.entity_id, source.excerpt.text, source.excerpt.first_line) == ("T-001", "- a needle", 105)
    assert source.last_line == 105
    assert source.first_line > 50


def test_what_is_like_an_entity_is_not_itself(index: Index) -> None:
    results = index.run(lambda connection: similar(connection, "t-012", Signs()))
    found = [source.entity_id for source in results.sources]
    assert "docs/login.md#login-form" in found
    assert "T-012" not in found
    assert all("id" not in source.matched_by for source in results.sources)
    with pytest.raises(EntityNotFound, match="T-999"):
        index.run(lambda connection: similar(connection, "T-999", Signs()))


def test_a_word_that_most_files_have_is_found_where_there_are_few_files(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.fill({"a.txt": "login form", "b.txt": "the login page", "c.txt": "a password"})
    sources = index.search("login form").sources
    assert [source.path for source in sources] == ["a.txt", "b.txt"]
    assert sources[0].relevance > 0.7
    assert sources[1].relevance > 0.3
    assert index.found("login") == ["a.txt", "b.txt"]


def test_an_empty_index_has_no_answers(tmp_path: Path) -> None:
    results = Index(tmp_path / "index.sqlite3").search("FEAT-001 anything")
    assert (results.sources, results.mode) == ((), "lexical")


def test_common_words_do_not_keep_rare_ones_from_being_found(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.apply(put(f"{number}.txt", f"common words everywhere {number}") for number in range(400))
    index.fill({"rare.txt": "something rare and common"})
    assert index.found("common rare everywhere")[0] == "rare.txt"
    assert len(index.found("common", top_k=100)) == 100


def test_rare_words_are_looked_for_first_and_common_ones_fill_up(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.apply(
        put(f"{number}.txt", f"half common words {number}" if number % 3 == 0 else "x") for number in range(900)
    )
    index.fill({"rare.txt": "something rare that is half common"})
    sources = index.search("rare half common", top_k=100).sources
    assert sources[0].path == "rare.txt"
    assert len(sources) == 100
    assert sources[0].relevance > 0.7
    assert sources[1].relevance < 0.4


def test_what_has_no_vector_yet_counts_by_its_words(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.fill({"a.txt": "apples and pears", "b.txt": "apples and plums", "c.txt": "a car"})
    index.embed("model", lambda text: [1.0, 0.5] if "car" in text else [0.5, 1.0])
    index.fill({"new.txt": "ripe apples in a new orchard"})
    sources = index.search("new orchard of ripe apples", vector=Vector("model", [0.6, 1.0])).sources
    assert (sources[0].path, sources[0].matched_by) == ("new.txt", ("lexical",))
    assert sources[0].relevance > 0.6


@pytest.mark.parametrize("offset", [0.0, 0.2, 0.5])
def test_a_model_that_finds_everything_alike_gives_the_same_scores(tmp_path: Path, offset: float) -> None:
    def embed(text: str) -> list[float]:
        return [value + offset for value in vector(text, dimensions=256)]

    index = Index(tmp_path / "index.sqlite3")
    some = combinations(["apple", "barn", "cart", "dale", "earth", "fence", "gate", "hedge", "ivy", "jug", "kale"], 3)
    index.fill({f"{number}.txt": " ".join(three) for number, three in enumerate(some)})
    index.embed("model", embed)
    asked, unrelated = "apple barn cart", "mortgage interest rates"
    (best, *others) = index.search(asked, mode="semantic", vector=Vector("model", embed(asked)), top_k=50).sources
    assert best.path == "0.txt"
    assert best.relevance > 0.88
    assert others[-1].relevance < 0.6
    results = index.search(unrelated, mode="semantic", vector=Vector("model", embed(unrelated)))
    assert all(source.relevance < 0.3 for source in results.sources)


@PROPERTY
@given(st.lists(st.floats(0, 1, width=32), max_size=30))
def test_falling_values_are_the_values_where_they_fall(values: list[float]) -> None:
    fallen = falling(values)
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(fallen))
    assert sum(fallen) == pytest.approx(sum(values))
    assert falling(sorted(values, reverse=True)) == pytest.approx(sorted(values, reverse=True))
    assert falling(fallen) == pytest.approx(fallen)


def test_relevance_is_a_number_even_where_every_chunk_has_every_word(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.fill({"a.txt": "same", "b.txt": "same"})
    assert all(math.isfinite(source.relevance) for source in index.search("same").sources)
    assert index.found("same") == ["a.txt", "b.txt"]


def test_what_everything_links_to_does_not_come_before_what_was_asked_for(tmp_path: Path) -> None:
    index = Index(tmp_path / "index.sqlite3")
    index.fill({
        f"contexts/tasks/T-{number:03}.yaml": f"id: T-{number:03}\ntitle: Task {number}\nrelated: {{feature: FEAT-001}}\n"
        f"steps: [needle{number % 5}]\n"
        for number in range(100)
    })  # fmt: skip
    index.fill({"contexts/features/FEAT-001.yaml": "id: FEAT-001\ntitle: Everything\n"})
    found = index.found("needle3", top_k=30)
    assert all(entity.startswith("T-") for entity in found[:20])
    assert found[20] == "FEAT-001"
