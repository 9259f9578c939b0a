"""Paths in entities, as people write them."""

from typing import Any

import pytest

from ckservice.context.fields import find, format_path, parse_path, texts

pytestmark = pytest.mark.source

DATA = {"related": {"features": ["FEAT-001", "", 5, "FEAT-002"], "feature": "FEAT-003"}, "years": {"2026": ["x"]}}


@pytest.mark.parametrize(
    ("text", "path", "value"),
    [
        ("related.features[0]", ("related", "features", 0), "FEAT-001"),
        ("related.features.3", ("related", "features", 3), "FEAT-002"),
        ("related.features[4]", ("related", "features", 4), None),
        ("related.features.x", ("related", "features", "x"), None),
        ("related.feature.x", ("related", "feature", "x"), None),
        ("years.2026[0]", ("years", 2026, 0), "x"),
        ("²", ("²",), None),
        ("9" * 5000, ("9" * 5000,), None),
        ("", (), DATA),
    ],
)
def test_paths_find_values(text: str, path: tuple[str | int, ...], value: Any) -> None:
    assert parse_path(text) == path
    assert find(DATA, path) == value


def test_paths_are_shown_as_they_are_written() -> None:
    for text in ("related.features[0]", "a", "a[0][1].b", ""):
        assert format_path(parse_path(text)) == text


def test_texts_of_a_field_have_their_paths() -> None:
    assert list(texts(DATA, "related.features")) == [
        (("related", "features", 0), "FEAT-001"),
        (("related", "features", 3), "FEAT-002"),
    ]
    assert list(texts(DATA, "related.feature")) == [(("related", "feature"), "FEAT-003")]
    assert list(texts(DATA, "related")) == list(texts(DATA, "nothing")) == list(texts([], "related")) == []
