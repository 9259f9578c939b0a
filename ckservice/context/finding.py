"""What is wrong with a repository, and where."""

from typing import Literal

from pydantic import Field

from ckservice.model import Maybe, Model

FindingKind = Literal["schema", "reference", "duplicate", "cycle", "constitution", "yaml"]
FindingSeverity = Literal["error", "warning", "info"]


class Finding(Model):
    """One thing that is wrong."""

    kind: FindingKind
    entity_id: Maybe[str] = None
    file: str = Field(description="Relative to the repository, with `/`.")
    line: int = Field(description="From 1.")
    column: int = Field(description="From 1.")
    message: str = Field(description="Names what was found and what was expected.")
    severity: FindingSeverity
