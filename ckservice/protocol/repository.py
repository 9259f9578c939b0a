"""The context repository as a whole: check it, draw it, see what is missing and what a change means."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.graph.model import Graph
from ckservice.context.impact.model import Impact
from ckservice.context.inspection.model import Inspection
from ckservice.context.validation.model import Report
from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Params
from ckservice.protocol.errors import ENTITY_NOT_FOUND, REPOSITORY_NOT_FOUND, TOOL_FAILED


class RepositoryParams(Params):
    """What every request about a repository has."""

    repo_path: Maybe[Annotated[str, Field(min_length=1, max_length=4096)]] = Field(
        None, description="Absolute path of the repository; optional where `initialize` or the settings give one."
    )


class GraphParams(RepositoryParams):
    format: Literal["json", "mermaid", "dot"] = "json"
    focus: Maybe[str] = Field(
        None,
        description="Id of an entity: only what is near it. A graph of more than 8 MiB is only to be had in parts.",
    )
    depth: Maybe[Annotated[int, Field(ge=0, le=100)]] = Field(
        None, description="Links to go from `focus`, in either direction; 2 where left out."
    )


class ImpactParams(RepositoryParams):
    entity_ids: Maybe[Annotated[ListOf[str], Field(max_length=1000)]] = Field(
        None, description="Take these as changed; where left out, the work tree is compared with `base`."
    )
    base: Annotated[str, Field(min_length=1, max_length=256)] = Field("HEAD", description="A Git revision.")
    depth: Annotated[int, Field(ge=1, le=100)] = Field(3, description="Links to follow from what has changed.")


INSPECT = Request(
    "repository/inspect",
    RepositoryParams,
    Inspection,
    "What is in the repository, what is missing, and what to do about it.",
    errors=(REPOSITORY_NOT_FOUND,),
)
VALIDATE = Request(
    "repository/validate",
    RepositoryParams,
    Report,
    "Check every file, entity, link and governance rule; each finding has its line.",
    errors=(REPOSITORY_NOT_FOUND,),
)
GRAPH = Request(
    "repository/graph",
    GraphParams,
    Graph,
    "Entities and their links, as data or drawn as Mermaid or DOT.",
    errors=(REPOSITORY_NOT_FOUND, ENTITY_NOT_FOUND),
)
IMPACT = Request(
    "repository/impact",
    ImpactParams,
    Impact,
    "What has changed since a Git revision, and what must be looked at again because of it.",
    errors=(REPOSITORY_NOT_FOUND, ENTITY_NOT_FOUND, TOOL_FAILED),
)
