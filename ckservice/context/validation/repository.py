"""Everything that is wrong with a repository."""

from collections import Counter
from collections.abc import Sequence
from time import perf_counter

from ckservice.context.finding import Finding
from ckservice.context.snapshot import Snapshot
from ckservice.context.types import ENTITY_TYPES
from ckservice.context.validation.checking import check, listed_exceptions
from ckservice.context.validation.model import AppliedException, Report, ValidationStats


def validate(snapshot: Snapshot, *, today: str, others: Sequence[Finding] = ()) -> Report:
    """Check every file, entity, link and rule.

    Args:
        snapshot: of the repository.
        today: in ISO 8601, for exceptions that expire.
        others: what is wrong with files that hold neither entities nor schemas.
    """
    began = perf_counter()
    checked = check(snapshot, today=today, others=others)
    types = Counter(entity.type for file in snapshot.files.values() for entity in file.entities)
    stats = ValidationStats(
        files=len(snapshot.files),
        entities=types.total(),
        by_type={entity_type: types[entity_type] for entity_type in ENTITY_TYPES},
        rules=checked.enforcement.rules,
        errors=checked.counts["error"],
        warnings=checked.counts["warning"],
        exceptions=[
            AppliedException(
                exception_id=exception.id,
                rule_id=exception.rule_id,
                entity_id=entity_id,
                expires_on=exception.expires_on,
            )
            for exception, entity_id in listed_exceptions(checked.enforcement)
        ],
        duration_ms=(perf_counter() - began) * 1000,
    )
    return Report(ok=not checked.counts["error"], stats=stats, errors=checked.findings)
