"""The response cache: what it holds, and how to empty it."""

from typing import Literal

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import Maybe, Model, NoParams
from ckservice.protocol.errors import STORAGE_FAILED


class StatsResult(Model):
    """What the cache holds, and how often it was of use to this process."""

    backend: Literal["sqlite", "redis"] = Field(description="A file in the data directory, or a server that is shared.")
    enabled: bool = Field(description="Whether the settings let it be used.")
    entries: int = Field(description="Answers that have not expired.")
    bytes: int = Field(description="Size of the file or, on a shared server, of the answers.")
    max_bytes: Maybe[int] = Field(None, description="Bound on the size of the file; a shared server has its own.")
    ttl_seconds: int = Field(description="How long an answer is kept.")
    oldest_at: Maybe[str] = Field(None, description="ISO 8601 in UTC: when the oldest answer in the file was stored.")
    hits: int
    misses: int


class ClearResult(Model):
    removed: int = Field(description="How many answers there were, those of other processes included.")


STATS = Request(
    "cache/stats", NoParams, StatsResult, "What the response cache holds and how it is used.", errors=(STORAGE_FAILED,)
)
CLEAR = Request("cache/clear", NoParams, ClearResult, "Remove all answers that are cached.", errors=(STORAGE_FAILED,))
