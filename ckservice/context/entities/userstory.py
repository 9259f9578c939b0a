"""User stories: who wants what, and why."""

from typing import Annotated

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class Impacts(OpenPart):
    """What a user story touches."""

    services: Maybe[list[str]] = None
    packages: Maybe[list[str]] = None


class UserStory(OpenPart):
    """What somebody wants to do, and to what end."""

    id: Annotated[str, Field(pattern=r"^US-[0-9]{3,}$")]
    feature: str = Field(description="Id of the feature that it belongs to.")
    as_a: str
    i_want: str
    so_that: str
    acceptance_criteria: Maybe[list[str]] = None
    impacts: Maybe[Impacts] = None


USER_STORY = Kind(
    UserStory,
    "userstory",
    name="user story",
    folder="userstories",
    prefix="US-",
    title="iWant",
    links=(
        Link("feature", "belongs-to", ("feature",), inverse="userStories"),
        Link("impacts.services", "impacts", ("service",)),
        Link("impacts.packages", "impacts", ("package",)),
    ),
)
