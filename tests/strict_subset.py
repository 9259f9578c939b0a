"""What providers take as a schema that they enforce.

https://developers.openai.com/api/docs/guides/structured-outputs
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

from collections.abc import Iterator
from typing import Any

from ckservice.llm.structured.dialects import ANTHROPIC, OPENAI, Dialect

STRUCTURE = {"type", "properties", "required", "additionalProperties", "items", "enum", "anyOf", "$ref", "$defs"}
WORDS = {"title", "description"}
OPENAI_RULES = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"}
RULES = {id(OPENAI): OPENAI_RULES | {"pattern", "format"}, id(ANTHROPIC): {"minItems", "format"}}


def parts(image: Any) -> Iterator[dict[str, Any]]:
    """A schema of the subset and all that are in it."""
    yield image
    inner = [*image.get("properties", {}).values(), *image.get("anyOf", ()), *image.get("$defs", {}).values()]
    for part in [*inner, *([image["items"]] if "items" in image else [])]:
        yield from parts(part)


def assert_in_subset(image: dict[str, Any], dialect: Dialect) -> None:
    assert image["type"] == "object"
    assert "anyOf" not in image
    defs = image.get("$defs", {})
    used = set()
    for part in parts(image):
        assert set(part) <= STRUCTURE | WORDS | RULES[id(dialect)], part
        assert ("$defs" in part) == (part is image and bool(defs))
        assert sum(key in part for key in ("type", "anyOf", "$ref")) == 1, part
        if "$ref" in part:
            assert set(part) == {"$ref"}
            used.add(part["$ref"].removeprefix("#/$defs/"))
        if "anyOf" in part:
            assert part["anyOf"]
            assert set(part) <= {"anyOf", "$defs"} | WORDS
        if part.get("type") == "object":
            assert part["additionalProperties"] is False
            assert set(part["required"]) <= set(part["properties"])
            assert dialect is ANTHROPIC or part["required"] == list(part["properties"])
        if part.get("type") == "array":
            assert isinstance(part["items"], dict)
        if dialect is ANTHROPIC:
            assert part.get("minItems", 0) in (0, 1)
        assert all(isinstance(part.get(word, ""), str) for word in WORDS)
        assert not any(isinstance(value, dict | list) for value in part.get("enum", ()))
    assert used == set(defs)
