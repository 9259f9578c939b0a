"""Which types can be linked at all: a rule about any others never applies."""

from collections.abc import Collection

from ckservice.context.entities import KINDS
from ckservice.context.types import EntityType


def can_reach(entities: Collection[EntityType], types: Collection[EntityType], relation: str | None) -> bool:
    """Whether a link may lead from one of some types to one of others.

    Args:
        entities: at the one end.
        types: at the other.
        relation: of the link, or the field that states it; where left out, both may also be linked to one feature.
    """
    pairs = {
        pair
        for kind in KINDS.values()
        for link in kind.links
        for target in link.targets
        for pair in ((kind.type, target), (target, kind.type))
        if relation in (None, link.relation, link.field)
    }
    if relation is not None:
        return any((one, other) in pairs for one in entities for other in types)
    linked = {one for one, _ in pairs}
    return not linked.isdisjoint(entities) and not linked.isdisjoint(types)
