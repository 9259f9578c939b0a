"""How long to wait, by what a provider says of its rate limits in the headers of an answer.

https://platform.openai.com/docs/guides/rate-limits
https://docs.anthropic.com/en/api/rate-limits
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import product

_NAMES = (
    ("x-ratelimit-remaining-{}", "x-ratelimit-reset-{}"),
    ("anthropic-ratelimit-{}-remaining", "anthropic-ratelimit-{}-reset"),
)
_COUNTED = ("requests", "tokens", "input-tokens", "output-tokens")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?")


def seconds_to_wait(headers: Mapping[str, str]) -> float:
    """Seconds until one more request is allowed; 0 where some are left, or nothing is said."""
    return max(
        (
            _seconds(headers.get(reset.format(what), ""))
            for (remaining, reset), what in product(_NAMES, _COUNTED)
            if headers.get(remaining.format(what)) == "0"
        ),
        default=0.0,
    )


def _seconds(text: str) -> float:
    """A duration such as `6m0s` or `20ms`, or a time of RFC 3339; 0 for anything else."""
    found = _DURATION.fullmatch(text)
    if found is not None:
        hours, minutes, seconds, milliseconds = (float(part or 0) for part in found.groups())
        return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    try:
        return max(0.0, (datetime.fromisoformat(text) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):  # a time without a zone, or no time
        return 0.0
