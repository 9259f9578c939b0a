"""The types of entities.

A new one is a file here, a line in this one, a name in `types.EntityType`, a shape in `graph.drawing` and a piece of advice in
`generation.prompting`.
"""

from ckservice.context.entities.feature import FEATURE
from ckservice.context.entities.governance import GOVERNANCE
from ckservice.context.entities.kind import Kind, Link
from ckservice.context.entities.package import PACKAGE
from ckservice.context.entities.service import SERVICE
from ckservice.context.entities.spec import SPEC
from ckservice.context.entities.task import TASK
from ckservice.context.entities.userstory import USER_STORY
from ckservice.context.types import EntityType

KINDS: dict[EntityType, Kind] = {
    kind.type: kind for kind in (FEATURE, USER_STORY, SPEC, TASK, SERVICE, PACKAGE, GOVERNANCE)
}
"""In the order in which they are shown and generated."""

NUMBERED_ID = rf"(?:{'|'.join(kind.prefix for kind in KINDS.values() if kind.is_numbered)})[0-9]{{3,}}(?![0-9])"
"""Pattern of the ids that have a number, as names of files begin with them."""

__all__ = ["KINDS", "NUMBERED_ID", "Kind", "Link"]
