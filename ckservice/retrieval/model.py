"""What is told of an index and of what is found in it."""

from typing import Annotated

from pydantic import Field

from ckservice.model import Maybe, Model
from ckservice.retrieval.types import LeftOut, MatchedBy, SourceType

Line = Annotated[int, Field(ge=1)]


class RagSource(Model):
    """A place in the repository that was found."""

    entity_id: str = Field(
        description="Of an entity, its id; else the path, followed by `#` and the heading or definition."
    )
    entity_type: SourceType = Field(description="Prose is a `document`, everything else that is no entity `source`.")
    title: str
    file_path: str = Field(description="Relative to the repository, with `/`.")
    start_line: Line = Field(description="From 1.")
    end_line: Line = Field(description="The last one that belongs to it.")
    relevance_score: Annotated[float, Field(ge=0, le=1)] = Field(
        description="How much of the question is in it; it means the same in every mode, and falls from source to source."
    )
    excerpt: str = Field(description="The lines that show why it was found; at most 300 characters.")
    matched_by: list[MatchedBy] = Field(description="How it was found; `links`: what links to it or from it was.")


class IndexCounts(Model):
    """What bringing an index up to date came to; of files, where nothing else is said."""

    added: int
    updated: int
    removed: int
    unchanged: int
    chunks: int = Field(description="Parts of files that can be found, now.")
    embedded: int = Field(description="Texts that were turned into vectors.")
    duration_ms: float
    embedding_model: Maybe[str] = Field(None, description="Whose vectors the index has, as `provider/model`.")
    embedding_problem: Maybe[str] = Field(
        None, description="Why not every text has a vector; what has none is found by its words."
    )


class EmbeddingStatus(Model):
    """What there is of vectors."""

    model: Maybe[str] = Field(None, description="As `provider/model`; absent where no provider of embeddings is set.")
    embedded: int = Field(description="Texts that have a vector of this model.")
    missing: int = Field(description="Texts that have none yet.")
    problem: Maybe[str] = Field(None, description="Why the last attempt came to nothing.")


class IndexStatus(Model):
    """What an index holds, and whether the repository still does."""

    exists: bool
    building: bool = Field(description="It is being brought up to date at this moment, by this process.")
    stale: bool = Field(description="Files have changed that are not in it yet.")
    indexed_at: Maybe[str] = Field(
        None, description="When it was last found to hold what the repository holds, in UTC."
    )
    files: int
    left_out: dict[LeftOut, int] = Field(description="Files and folders that are not in it, by reason.")
    chunks: int
    links: int
    size_bytes: int
    embeddings: EmbeddingStatus
