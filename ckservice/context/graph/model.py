"""The graph of a repository as it is shown."""

from pydantic import Field

from ckservice.context.types import EntityType, Relation
from ckservice.model import Maybe, Model


class GraphNode(Model):
    """An entity."""

    id: str
    type: EntityType
    title: str
    status: Maybe[str] = None
    file: str = Field(description="Relative to the repository, with `/`.")


class GraphEdge(Model):
    """A link between two entities; the two directions of one link are one edge."""

    from_: str = Field(alias="from")
    to: str
    relation: Relation


class DanglingLink(Model):
    """A link to what does not exist, or is of a type that this link can't have."""

    from_: str = Field(alias="from", description="The entity whose field it is.")
    to: str
    relation: Relation
    field: str = Field(description="Path in the entity, as `related.features[0]`.")
    file: str
    line: int = Field(description="From 1.")
    reason: str


class Graph(Model):
    """Entities and their links."""

    nodes: list[GraphNode]
    edges: list[GraphEdge]
    dangling: list[DanglingLink]
    cycles: list[list[str]] = Field(
        description="Ids along each cycle over depends-on, requires and uses, from the smallest one."
    )
    text: Maybe[str] = Field(None, description="The drawing, with `format` mermaid or dot.")
