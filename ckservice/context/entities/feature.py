"""Features: what the product is to do, and everything that hangs on it."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class FeaturePrompts(OpenPart):
    """What an AI is told when it works on the feature."""

    instructions: Maybe[list[str]] = None
    context_refs: Maybe[list[str]] = None


class Feature(OpenPart):
    """Something that the product is to do."""

    id: Annotated[str, Field(pattern=r"^FEAT-[0-9]{3,}$")]
    title: str
    status: Literal["proposed", "in-progress", "done", "blocked"]
    domain: Maybe[str] = None
    owners: Maybe[list[str]] = None
    objective: Maybe[str] = None
    acceptance: Maybe[list[str]] = None
    requires: Maybe[list[str]] = Field(None, description="Ids of services and packages that it needs.")
    produces: Maybe[list[str]] = Field(None, description="Ids of packages that come out of it.")
    user_stories: Maybe[list[str]] = Field(None, description="Ids of its user stories.")
    specs: Maybe[list[str]] = Field(None, description="Ids of its specs.")
    tasks: Maybe[list[str]] = Field(None, description="Ids of its tasks.")
    prompts: Maybe[FeaturePrompts] = None


FEATURE = Kind(
    Feature,
    "feature",
    name="feature",
    folder="features",
    prefix="FEAT-",
    title="title",
    links=(
        Link("userStories", "has-story", ("userstory",), inverse="feature"),
        Link("specs", "has-spec", ("spec",), inverse="related.features"),
        Link("tasks", "has-task", ("task",), inverse="related.feature"),
        Link("requires", "requires", ("service", "package")),
        Link("produces", "produces", ("service", "package")),
    ),
)
