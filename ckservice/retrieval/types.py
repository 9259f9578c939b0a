"""The vocabulary of retrieval."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Literal

from ckservice.context.types import EntityType
from ckservice.types import Progress

SourceType = Literal[EntityType, "document", "source"]
"""Entities have their own type; prose is a document, and everything else source."""

SearchMode = Literal["lexical", "semantic", "hybrid"]
MatchedBy = Literal["id", "lexical", "semantic", "links"]

LeftOut = Literal[
    "badName",
    "binary",
    "generated",
    "ignored",
    "link",
    "lockFile",
    "nestedRepository",
    "secret",
    "special",
    "tooLarge",
    "unreadable",
]
"""Why a file is not indexed.

`badName` has characters that can't be shown; `generated` is minified, or maps what is; `special` is a pipe, a socket or a
device; a whole folder that is left out counts once.
"""

StartSoon = Callable[[Callable[[], Coroutine[Any, Any, None]]], None]
"""Runs something beside the requests, until the connection ends; it must not raise."""

Tell = Callable[[Progress], Awaitable[None]]
"""Is told how far something is."""


async def tell_nobody(_progress: Progress) -> None:
    """For what goes on beside the requests."""
