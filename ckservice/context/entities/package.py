"""Packages: libraries and programs that are published."""

from typing import Annotated, Literal

from pydantic import Field

from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.model import OpenPart
from ckservice.model import Maybe


class PackageUses(OpenPart):
    """What a package calls when it runs."""

    services: Maybe[list[str]] = None


class PackageEntity(OpenPart):
    """A library or program that is published."""

    id: str
    name: str
    version: str
    type: Literal["npm", "maven", "pypi", "gem", "nuget"]
    repository: Maybe[Annotated[str, Field(json_schema_extra={"format": "uri"})]] = None
    dependencies: Maybe[list[str]] = Field(None, description="Names in the registry, not ids of entities.")
    uses: Maybe[PackageUses] = None


PACKAGE = Kind(
    PackageEntity,
    "package",
    name="package",
    folder="packages",
    prefix="pkg-",
    title="name",
    links=(Link("uses.services", "uses", ("service",), inverse="consumers"),),
    is_numbered=False,
)
