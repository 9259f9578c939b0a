"""Vectors in an index: kept in bytes, found by their signs, compared exactly, and joined with words."""

import math
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from ckservice.retrieval.ranking import vectors
from ckservice.retrieval.ranking.filters import Filter
from ckservice.retrieval.ranking.similar import similar
from ckservice.retrieval.ranking.vectors import Vector
from ckservice.retrieval.storage import stored_vectors
from ckservice.retrieval.storage.index import Remove
from tests.indexing import Index

pytestmark = pytest.mark.source

DIMENSIONS = 256
COUNT = 600


def unit(random: Random) -> list[float]:
    values = [random.gauss(0, 1) for _ in range(DIMENSIONS)]
    return [value / math.hypot(*values) for value in values]


def cosine(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True)) / math.hypot(*one) / math.hypot(*other)


@pytest.fixture
def index(tmp_path: Path) -> Index:
    return Index(tmp_path / "index.sqlite3")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> tuple[Index, dict[str, list[float]]]:
    """An index, and the vector of each text in it."""
    index = Index(tmp_path_factory.mktemp("index") / "index.sqlite3")
    random = Random(1)
    index.fill({f"{place % 2}/{place}.txt": f"text{place} about something" for place in range(COUNT)})
    known = {f"{place % 2}/{place}.txt": unit(random) for place in range(COUNT)}
    assert index.embed("model", lambda text: known[f"{int(text.split()[0]) % 2}/{text.split()[0]}.txt"]) == COUNT
    return index, known


def test_the_nearest_are_found_in_their_order(filled: tuple[Index, dict[str, list[float]]]) -> None:
    index, known = filled
    random = Random(2)
    for _ in range(10):
        target = random.choice(list(known))
        asked = [value + random.gauss(0, 0.05) for value in known[target]]
        vector = Vector("model", [3 * value for value in asked])
        results = index.search("", mode="semantic", vector=vector, top_k=30)
        assert results.mode == "semantic"
        assert results.sources[0].path == target
        exact = [cosine(asked, known[source.path]) for source in results.sources]
        assert all(one > other - 0.01 for one, other in pairwise(exact))
        assert results.sources[0].matched_by == ("semantic",)


def test_cosines_are_kept_to_two_digits(filled: tuple[Index, dict[str, list[float]]]) -> None:
    index, known = filled
    asked = unit(Random(3))
    signs = vectors.Signs()
    rows = dict(index.rows("SELECT chunk.id, path FROM chunk JOIN file ON file.id = chunk.file"))
    find = partial(vectors.cosines, vector=Vector("model", asked), within=Filter(), signs=signs, found=list(rows))
    found = index.run(find)
    assert len(found) == COUNT
    assert all(abs(value - cosine(asked, known[rows[chunk]])) < 0.01 for chunk, value in found.items())


def test_filters_hold_for_vectors(filled: tuple[Index, dict[str, list[float]]]) -> None:
    index, known = filled
    vector = Vector("model", known["0/10.txt"])
    within = Filter(None, "1/")
    signs = vectors.Signs()
    near = index.run(partial(vectors.cosines, vector=vector, within=within, signs=signs, wanted=100))
    paths = dict(index.rows("SELECT chunk.id, path FROM chunk JOIN file ON file.id = chunk.file"))
    assert len(near) >= 90
    assert all(paths[chunk].startswith("1/") for chunk in near)
    assert index.found("", mode="semantic", vector=vector, path_prefix="0/")[0] == "0/10.txt"
    assert index.found("", mode="semantic", vector=vector, entity_types=["document"])[0] == "0/10.txt"
    assert index.found("", mode="semantic", vector=vector, entity_types=["task"]) == []


def test_words_and_meaning_are_joined(filled: tuple[Index, dict[str, list[float]]]) -> None:
    index, known = filled
    results = index.search("text7 something", vector=Vector("model", known["0/8.txt"]), top_k=10)
    assert results.mode == "hybrid"
    assert {"0/8.txt", "1/7.txt"} == {source.path for source in results.sources[:2]}
    relevances = [source.relevance for source in results.sources]
    assert relevances == sorted(relevances, reverse=True)
    assert index.search("text7", vector=Vector("model", known["0/8.txt"]), mode="lexical").mode == "lexical"


def test_the_vector_of_an_entity_finds_what_is_like_it(index: Index) -> None:
    index.fill({f"{name}.txt": name for name in ("apples", "pears", "stones")})
    meanings = {"apples": [1.0, 0.1, 0.2], "pears": [0.9, 0.2, 0.1], "stones": [-0.5, 1.0, 0.1]}
    index.embed("model", lambda text: meanings[text.split()[0]])
    results = index.run(lambda connection: similar(connection, "apples.txt", vectors.Signs(), model="model"))
    assert results.sources[0].path == "pears.txt"
    assert results.mode == "hybrid"
    assert index.run(lambda connection: similar(connection, "apples.txt", vectors.Signs(), model="other")).sources == ()


@pytest.mark.parametrize(
    "vector",
    [
        Vector("unknown", [1.0] * DIMENSIONS),
        Vector("model", [1.0]),
        Vector("model", []),
        Vector("model", [0.0] * DIMENSIONS),
        Vector("model", [math.nan] * DIMENSIONS),
        Vector("model", [math.inf] * DIMENSIONS),
    ],
    ids=["model", "length", "empty", "zero", "nan", "infinite"],
)
def test_a_vector_that_says_nothing_leaves_the_words(
    filled: tuple[Index, dict[str, list[float]]], vector: Vector
) -> None:
    results = filled[0].search("text7", vector=vector)
    assert results.mode == "lexical"
    assert [source.path for source in results.sources] == ["1/7.txt"]


def test_a_text_has_one_vector_wherever_it_stands(index: Index) -> None:
    index.fill({"a/same.txt": "apples", "b/same.txt": "apples"})
    assert index.run(partial(stored_vectors.missing, model="model", most=10))[0].text == "same\napples"
    assert index.embed("model", lambda _: [1.0, -2.0]) == 1
    assert index.embed("model", lambda _: [1.0, -2.0]) == 0
    assert sorted(index.found("", vector=Vector("model", [1, -2]), mode="semantic")) == ["a/same.txt", "b/same.txt"]


def test_texts_without_a_vector_are_told_part_by_part(index: Index) -> None:
    index.fill({f"{place}.txt": f"text{place}" for place in range(5)})
    first = index.run(partial(stored_vectors.missing, model="model", most=3))
    rest = index.run(partial(stored_vectors.missing, model="model", most=3, after=first[-1].chunk))
    assert [text.text for text in (*first, *rest)] == [f"{place}\ntext{place}" for place in range(5)]


def test_vectors_outlive_their_texts(index: Index) -> None:
    index.fill({"a.txt": "apples", "b.txt": "pears"})
    index.embed("model", lambda text: [0.2, 1.0] if "apples" in text else [-0.6, 0.8])
    vector = Vector("model", [-0.6, 0.9])
    assert index.found("", vector=vector, mode="semantic")[0] == "b.txt"
    index.apply([Remove("b.txt")])
    assert index.found("", vector=vector, mode="semantic") == ["a.txt"]
    assert index.run(partial(stored_vectors.count, model="model")) == (1, 0)
    index.run(stored_vectors.prune)
    index.fill({"b.txt": "pears"})
    assert index.embed("model", lambda _: [0.0, 0.0]) == 0
    assert index.found("", vector=vector, mode="semantic")[0] == "b.txt"


def test_vectors_of_texts_that_have_gone_are_bounded(index: Index) -> None:
    index.fill({"a.txt": "apples"})
    vectors = [(place.to_bytes(16, "big"), [1.0 + place]) for place in range(11_500)]
    index.run(partial(stored_vectors.store, model="model", vectors=vectors))
    assert index.embed("model", lambda _: [-1.0]) == 1
    vector = Vector("model", [-1.0])
    assert index.found("", vector=vector, mode="semantic") == ["a.txt"]
    for _ in range(2):
        index.run(stored_vectors.prune)
        assert index.rows("SELECT count(*) FROM embedding") == [(10_001,)]
        assert index.rows("SELECT count(*) FROM signs") == [(10_001,)]
    assert index.found("", vector=vector, mode="semantic") == ["a.txt"]
    assert index.rows("SELECT min(id) FROM embedding") == [(1501,)], "the oldest have gone"


def test_models_that_are_not_used_are_removed_with_their_vectors(index: Index) -> None:
    index.fill({"a.txt": "apples"})
    for model in ("one", "two", "three", "four"):
        index.embed(model, lambda _: [1.0])
    index.run(partial(stored_vectors.note_use, model="one"))
    index.run(stored_vectors.prune)
    kept = {name for (name,) in index.rows("SELECT name FROM model")}
    assert kept == {"one", "three", "four"}
    index.rows("UPDATE model SET used_at = used_at - 31 * 86400 WHERE name = 'three'")
    index.run(stored_vectors.prune)
    assert index.rows("SELECT count(*) FROM embedding") == index.rows("SELECT count(*) FROM signs") == [(2,)]
    assert index.found("", vector=Vector("one", [1.0]), mode="semantic") == ["a.txt"]


def test_a_use_is_written_down_once_a_day(index: Index) -> None:
    index.fill({"a.txt": "apples"})
    index.embed("one", lambda _: [1.0])
    for _ in range(2):
        index.run(partial(stored_vectors.note_use, model="one"))
        assert index.rows("SELECT used_at > 0 FROM model") == [(1,)]
    index.rows("UPDATE model SET used_at = used_at - 2 * 86400")
    ((before,),) = index.rows("SELECT used_at FROM model")
    index.run(partial(stored_vectors.note_use, model="one"))
    ((after,),) = index.rows("SELECT used_at FROM model")
    assert after > before


def test_another_index_in_the_place_of_one_is_noticed(tmp_path: Path) -> None:
    """Signs are kept in memory by the numbers of vectors, which begin anew in another file."""
    signs = vectors.Signs()
    for name, values in (("first", [1.0, 1.0]), ("second", [-1.0, 1.0])):
        index = Index(tmp_path / name)
        index.fill({"a.txt": "apples"})
        index.embed("model", {"a\napples": values}.__getitem__)
        index.run(partial(vectors.cosines, vector=Vector("model", values), within=Filter(), signs=signs))
        assert signs.bits == [stored_vectors.signs_of(values)]


def test_signs_that_could_not_all_be_read_are_read_on_the_next_time(index: Index) -> None:
    index.fill({f"{place}.txt": f"text{place}" for place in range(3)})
    index.embed("model", lambda _: [1.0])
    signs = vectors.Signs()
    cosines = partial(vectors.cosines, vector=Vector("model", [1.0]), within=Filter(), signs=signs)
    index.rows("UPDATE signs SET bits = 'no number' WHERE embedding = 3")  # as good as a disk that fails
    with pytest.raises(TypeError):
        index.run(cosines)
    index.rows("UPDATE signs SET bits = x'01' WHERE embedding = 3")
    assert len(index.run(cosines)) == 3
    assert signs.numbers == [1, 2, 3]


def test_models_do_not_mix_and_one_that_changes_its_length_begins_anew(index: Index) -> None:
    index.fill({"a.txt": "apples", "b.txt": "pears"})
    index.embed("one", lambda text: [1.0, 0.5] if "apples" in text else [-1.0, 0.5])
    index.embed("two", lambda text: [-1.0, 0.5] if "apples" in text else [1.0, 0.5])
    for model, first in (("one", "a.txt"), ("two", "b.txt"), ("one", "a.txt")):
        assert index.found("", vector=Vector(model, [1.0, 0.5]), mode="semantic")[0] == first
    hashes = [row[0] for row in index.rows("SELECT text_hash FROM chunk")]
    index.run(lambda connection: stored_vectors.store(connection, "one", [(hashes[0], [1.0, 2.0, 3.0])]))
    assert len(index.run(partial(stored_vectors.missing, model="one", most=10))) == 1
    assert index.search("", vector=Vector("one", [1.0, 0.5]), mode="semantic").sources == ()
    assert len(index.search("", vector=Vector("one", [1.0, 2.0, 3.0]), mode="semantic").sources) == 1


@pytest.mark.parametrize(
    "values", [[[1.0], [1.0, 2.0]], [[math.nan, 1.0]], [[math.inf, 1.0]]], ids=["lengths", "nan", "infinite"]
)
def test_vectors_that_make_no_sense_are_refused_as_a_whole(index: Index, values: list[list[float]]) -> None:
    rows = [(bytes([place]), vector) for place, vector in enumerate(values)]
    with pytest.raises(ValueError, match="vector"):
        index.run(lambda connection: stored_vectors.store(connection, "model", rows))
    index.run(lambda connection: stored_vectors.store(connection, "model", []))
    assert index.rows("SELECT count(*) FROM embedding") == index.rows("SELECT count(*) FROM model") == [(0,)]


@pytest.mark.parametrize("length", [1, 7, 8, 9, 384])
def test_any_length_will_do(index: Index, length: int) -> None:
    index.fill({"a.txt": "apples", "b.txt": "pears"})
    index.embed("model", lambda text: [0.5 if "apples" in text else -0.5] * length)
    assert index.found("", vector=Vector("model", [1e-3] * length), mode="semantic")[0] == "a.txt"
