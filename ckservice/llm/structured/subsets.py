"""What OpenAI and Anthropic enforce of JSON Schema, beyond what every subset has.

https://developers.openai.com/api/docs/guides/structured-outputs
https://platform.claude.com/docs/en/build-with-claude/structured-outputs
"""

import re
from typing import Any

from ckservice.llm.structured.schema_image import Limits
from ckservice.llm.structured.strict_schema import Subset, translate

__all__ = ["ANTHROPIC", "OPENAI", "translate"]

_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"})
_BOUNDS = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"}
)

_UNCOMMON_REGEX = re.compile(r"\(\?(?!:)|\\[^dDwWsS.*+?^$|(){}\[\]\\/tnr-]")
"""Look-around and its like, and escapes that not all engines have."""


def _openai_keeps(keyword: str, value: Any) -> bool:
    if keyword == "format":
        return value in _FORMATS
    if keyword == "pattern":
        return not _UNCOMMON_REGEX.search(value)
    return keyword in _BOUNDS


def _anthropic_keeps(keyword: str, value: Any) -> bool:
    if keyword == "format":
        return value in _FORMATS or value == "uri"
    return keyword == "minItems" and value in (0, 1)


OPENAI = Subset(_openai_keeps, is_recursive=True, is_complete=True)
ANTHROPIC = Subset(_anthropic_keeps, is_recursive=False, is_complete=False, limits=Limits(optional=24, unions=16))
