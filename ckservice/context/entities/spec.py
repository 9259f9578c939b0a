"""Specs: how something is to be built."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class SpecRelated(OpenPart):
    """What a spec is about."""

    features: Maybe[list[str]] = None
    services: Maybe[list[str]] = None
    packages: Maybe[list[str]] = None


class Spec(OpenPart):
    """How something is to be built."""

    id: Annotated[str, Field(pattern=r"^SPEC-[0-9]{3,}$")]
    title: str
    type: Maybe[Literal["technical", "api", "ui", "data"]] = None
    related: Maybe[SpecRelated] = None
    content: Maybe[str] = Field(None, description="Markdown.")


SPEC = Kind(
    Spec,
    "spec",
    name="spec",
    folder="specs",
    prefix="SPEC-",
    title="title",
    links=(
        Link("related.features", "belongs-to", ("feature",), inverse="specs"),
        Link("related.services", "relates-to", ("service",)),
        Link("related.packages", "relates-to", ("package",)),
    ),
)
