"""Services: programs that run."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class ServiceApi(OpenPart):
    """The interface of a service."""

    spec: Maybe[str] = None
    version: Maybe[str] = None


class ServiceEntity(OpenPart):
    """A program that runs."""

    id: str
    name: str
    type: Literal["backend", "frontend", "infrastructure"]
    repository: Maybe[Annotated[str, Field(json_schema_extra={"format": "uri"})]] = None
    api: Maybe[ServiceApi] = None
    dependencies: Maybe[list[str]] = Field(None, description="Ids of services and packages, as `id` or `id@range`.")
    consumers: Maybe[list[str]] = Field(None, description="Ids of services and packages that use it.")


SERVICE = Kind(
    ServiceEntity,
    "service",
    name="service",
    folder="services",
    prefix="svc-",
    title="name",
    links=(
        Link("dependencies", "depends-on", ("service", "package"), has_range=True),
        Link("consumers", "uses", ("service", "package"), is_reversed=True, inverse="uses.services"),
    ),
    is_numbered=False,
)
