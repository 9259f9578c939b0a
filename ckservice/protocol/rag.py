"""Search in the repository, and answers from it that name their sources."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Model
from ckservice.protocol import stream
from ckservice.protocol.errors import (
    ENTITY_NOT_FOUND,
    INDEX_NOT_READY,
    PROVIDER_KINDS,
    REPOSITORY_NOT_FOUND,
    STORAGE_FAILED,
)
from ckservice.protocol.repository import RepositoryParams
from ckservice.retrieval.model import IndexCounts, IndexStatus, RagSource
from ckservice.retrieval.types import SearchMode, SourceType
from ckservice.settings import ProviderConfig
from ckservice.types import FinishReason, ProviderName, Usage

Question = Annotated[str, Field(min_length=1, max_length=10_000)]
TopK = Annotated[int, Field(ge=1, le=100)]


class IndexParams(RepositoryParams):
    rebuild: bool = Field(False, description="Read everything again; vectors are kept.")
    embed: Literal["auto", "always", "never"] = Field(
        "auto",
        description="`auto`: make vectors where a provider of embeddings is set; `always`: fail where none is, or it fails.",
    )
    stream: bool = True


class _Within(RepositoryParams):
    """Which sources are wanted."""

    top_k: TopK = Field(5, description="Sources that are wanted.")
    entity_types: Maybe[Annotated[ListOf[SourceType], Field(max_length=100)]] = None
    path_prefix: Maybe[Annotated[str, Field(max_length=4096)]] = Field(
        None, description="What the paths of sources begin with, as `docs/`."
    )


class SearchParams(_Within):
    query: Question
    mode: Literal["auto", "lexical", "semantic", "hybrid"] = Field(
        "auto",
        description="`auto`: by words, and by meaning where vectors are there in time. The others wait for the vector of the"
        " question, and are `providerNotConfigured` without a provider of embeddings; while vectors are being made,"
        " `semantic` finds what has one.",
    )
    min_score: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="The least `relevanceScore` that is wanted."
    )


class SimilarParams(RepositoryParams):
    entity_id: Annotated[str, Field(min_length=1, max_length=8192)] = Field(
        description="Of an entity, or what a source has for one: `docs/api.md#errors`."
    )
    top_k: TopK = 5


class SearchResult(Model):
    sources: list[RagSource] = Field(description="The most relevant first.")
    mode: SearchMode = Field(description="How they were looked for.")
    indexed_at: Maybe[str] = Field(
        None,
        description="When the index was last found to hold what the repository holds, in UTC; absent where somebody has"
        " just removed it.",
    )
    stale: bool = Field(description="Files may have changed since; looking at them takes longer than a search waits.")
    retrieval_time_ms: float


class QueryParams(_Within):
    query: Question
    config: Maybe[ProviderConfig] = None
    stream: bool = True


class Citation(Model):
    """A place in the answer that names a source."""

    source_index: Annotated[int, Field(ge=0)] = Field(description="Of the source in `sources`, from 0.")
    start: Annotated[int, Field(ge=0)] = Field(
        description="Where the mark (`[1]`) begins in the answer, in UTF-16 code units as JavaScript counts them."
    )
    end: Annotated[int, Field(ge=0)] = Field(description="The place behind it.")


class QueryMetadata(Model):
    """What it took."""

    retrieval_time_ms: float
    generation_time_ms: float
    model: str
    provider: ProviderName
    usage: Usage
    finish_reason: FinishReason
    mode: SearchMode
    stale: bool = Field(description="The index did not hold the latest changes of the repository.")


class QueryResult(Model):
    answer: str = Field(
        description="All that was streamed. `citations` are its marks: `[1]` is `sources[0]`. Brackets that are none of them, in"
        " code and links, are the model's own."
    )
    answered: bool = Field(description="Whether it cites a source; where not, the repository doesn't hold the answer.")
    sources: list[RagSource] = Field(description="All that the model was given, the most relevant first.")
    citations: list[Citation] = Field(description="The marks, in the order of the answer.")
    metadata: QueryMetadata


class ClearIndexResult(Model):
    cleared: bool = Field(description="Whether there was one.")
    freed_bytes: int


INDEX = Request(
    "rag/index",
    IndexParams,
    IndexCounts,
    "Bring the index of the repository up to date, with vectors where a provider of embeddings is set.",
    errors=(REPOSITORY_NOT_FOUND, STORAGE_FAILED, *PROVIDER_KINDS),
    emits=(stream.PROGRESS,),
)
SEARCH = Request(
    "rag/search",
    SearchParams,
    SearchResult,
    "Find entities, documents and source code by words, by meaning, by links and by id. Where there is no index yet, it is"
    " made first; what takes longer than ten seconds goes on, and is `indexNotReady` until then.",
    errors=(REPOSITORY_NOT_FOUND, STORAGE_FAILED, INDEX_NOT_READY, *PROVIDER_KINDS),
    emits=(stream.PROGRESS,),
)
SIMILAR = Request(
    "rag/similar",
    SimilarParams,
    SearchResult,
    "Find what is most like an entity.",
    errors=(REPOSITORY_NOT_FOUND, ENTITY_NOT_FOUND, STORAGE_FAILED, INDEX_NOT_READY),
    emits=(stream.PROGRESS,),
)
QUERY = Request(
    "rag/query",
    QueryParams,
    QueryResult,
    "Answer a question from the repository, naming the sources.",
    errors=(REPOSITORY_NOT_FOUND, STORAGE_FAILED, INDEX_NOT_READY, *PROVIDER_KINDS),
    emits=(stream.SOURCE, stream.TOKEN, stream.REASONING, stream.PROGRESS, stream.USAGE),
)
STATUS = Request(
    "rag/status",
    RepositoryParams,
    IndexStatus,
    "What the index holds, and whether the repository still does.",
    errors=(REPOSITORY_NOT_FOUND, STORAGE_FAILED),
)
CLEAR = Request(
    "rag/clear",
    RepositoryParams,
    ClearIndexResult,
    "Remove the index of the repository.",
    errors=(REPOSITORY_NOT_FOUND, STORAGE_FAILED),
)
