"""The keywords of JSON Schema in words: for models, where nothing enforces them.

https://json-schema.org/draft/2020-12/json-schema-validation
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

_MAX_CHARS = 400
"""Of one value; a longer one is cut."""

_UNIQUE = "No item twice."
_PHRASES = {
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "pattern": "Matches the regular expression {}.",
    "format": "Format: {}.",
    "minimum": "At least {}.",
    "maximum": "At most {}.",
    "exclusiveMinimum": "More than {}.",
    "exclusiveMaximum": "Less than {}.",
    "multipleOf": "A multiple of {}.",
    "minItems": "At least {} items.",
    "maxItems": "At most {} items.",
    "contains": "At least one item fits {}.",
    "minContains": "At least {} such items.",
    "maxContains": "At most {} such items.",
    "minProperties": "At least {} members.",
    "maxProperties": "At most {} members.",
    "patternProperties": "Members whose names match a regular expression fit its schema: {}.",
    "propertyNames": "The names of the members fit {}.",
    "dependentRequired": "Members that need others beside them: {}.",
    "dependentSchemas": "Members that ask for more where they are present: {}.",
    "dependencies": "Members that need others beside them: {}.",
    "not": "Does not fit {}.",
    "if": "Condition: if it fits {}",
    "then": "then it also fits {}.",
    "else": "else it fits {}.",
    "default": "By default {}.",
    "examples": "For example: {}.",
    "contentMediaType": "Holds {}.",
    "contentEncoding": "Encoded as {}.",
}

ANNOTATIONS = frozenset(
    {"title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
    | {"$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "$vocabulary"}
)
"""Keywords that rule nothing out."""


def described(image: dict[str, Any], schema: Mapping[str, Any], unsaid: Iterable[str]) -> dict[str, Any]:
    """Give an image the title and description of its schema, with the keywords that it doesn't hold put into words."""
    texts = [source.get("description") for source in (schema, image)]
    words = [*texts, *(in_words(keyword, schema[keyword]) for keyword in unsaid if keyword in schema)]
    description = " ".join(word for word in words if word and isinstance(word, str))
    title = {"title": schema["title"]} if isinstance(schema.get("title"), str) else {}
    return {**image, **title, **({"description": description} if description else {})}


def in_words(keyword: str, value: Any) -> str:
    """A sentence that says what a keyword asks for; empty for one that has no meaning here."""
    if keyword == "uniqueItems":
        return _UNIQUE if value is True else ""
    phrase = _PHRASES.get(keyword)
    if phrase is None or (keyword == "default" and value is None):
        return ""
    text = value if isinstance(value, str) and keyword != "default" else orjson.dumps(value).decode("utf-8")
    return phrase.format(text if len(text) <= _MAX_CHARS else text[:_MAX_CHARS] + "\u2026")
