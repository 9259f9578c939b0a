"""The vocabulary of retrieval."""

from typing import Literal

from ckservice.context.types import EntityType

SourceType = EntityType | Literal["document", "source"]
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
