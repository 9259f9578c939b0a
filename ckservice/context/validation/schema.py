"""Whether entities fit the schema that is in force for them."""

from time import thread_time
from typing import TYPE_CHECKING, Any

from ckservice.context.schemas import Schema
from ckservice.context.types import EntityType
from ckservice.context.validation.fitting import Fit, certain_fit
from ckservice.context.validation.issue import MAX_MESSAGE, Issue, shortened

if TYPE_CHECKING:
    from ckservice.json_schema import Checker

_MAX_SECONDS = 1.0
"""Of work for one entity; the usual one takes a thousandth."""

_SECONDS_IN_RESERVE = 2.0
_SECONDS_EACH = 0.02
"""Of work for all entities of a type: if it takes longer, it is the schema that is to blame."""

_MANY_VALUES = 5000
"""Entities have a hundred; one that has so many may itself be what takes long."""

_TOO_SLOW = "it takes too long to find out whether anything fits it"

_MAX_KEPT = 100
"""Compiled schemas: those of more repositories than anybody has open."""


class BrokenSchema(Exception):
    """A schema that can't be applied to anything; `message` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class _Compiled:
    """A schema, ready for many entities. What explains misfits is built when there is the first."""

    def __init__(self, schema: Schema) -> None:
        self.fits: Fit = certain_fit(schema.document)
        self.is_too_slow = False
        self._schema = schema
        self._checker: Checker | None = None

    def checker(self) -> "Checker":
        from ckservice.json_schema import Checker  # noqa: PLC0415 - takes 70 ms: only where something is wrong

        if self._checker is None:
            self._checker = Checker(self._schema.document, self._schema.related)
        return self._checker


_kept: dict[tuple[str, str], _Compiled] = {}


class Allowance:
    """The time that one run may take with each schema: one that takes for ever does so with every entity."""

    def __init__(self) -> None:
        self._left: dict[EntityType, float] = {}

    def is_spent(self, schema: Schema) -> bool:
        return self._left.get(schema.type, 0) < 0

    def spend(self, schema: Schema, seconds: float) -> None:
        """Take note of the time that one entity took. What is built in is fast, and has no limit."""
        if schema.file is not None:
            self._left[schema.type] = self._left.get(schema.type, _SECONDS_IN_RESERVE) + _SECONDS_EACH - seconds


def schema_issues(data: Any, schema: Schema, *, worded: int, allowance: Allowance | None = None) -> list[Issue]:
    """What about an entity does not fit, in the order of the paths; one issue for each wrong place.

    Args:
        data: the entity.
        schema: that it is held to.
        worded: how many of the issues need a message; it takes longer than all the rest.
        allowance: of the run that this is part of.

    Raises:
        BrokenSchema: the schema can't be applied to this entity, nor to any other, or not in time.
    """
    compiled = _compiled(schema)
    allowance = allowance or Allowance()
    if compiled.is_too_slow or allowance.is_spent(schema):
        raise BrokenSchema(_TOO_SLOW)
    began = thread_time()
    try:
        return [] if compiled.fits(data) else _misfits(data, compiled, worded)
    except TimeoutError:
        if schema.file is None or _has_many_values(data):
            message = "It can't be said whether the entity fits its schema: it takes too long to find out"
            return [Issue("schema", "error", (), message)]
        compiled.is_too_slow = True
        raise BrokenSchema(_TOO_SLOW) from None
    finally:
        allowance.spend(schema, thread_time() - began)


def _misfits(data: Any, compiled: _Compiled, worded: int) -> list[Issue]:
    from ckservice.context.validation.violations import violations  # noqa: PLC0415 - as above
    from ckservice.context.validation.wording import issue_of  # noqa: PLC0415 - as above
    from ckservice.json_schema import TooSlow, Undecidable  # noqa: PLC0415 - as above

    try:
        errors = compiled.checker().errors(data, max_seconds=_MAX_SECONDS)
    except TooSlow:
        raise TimeoutError from None
    except Undecidable as undecidable:
        if undecidable.in_schema:
            raise BrokenSchema(undecidable.message) from None
        message = f"It can't be said whether the entity fits its schema: {undecidable.message}"
        return [Issue("schema", "error", (), shortened(message, MAX_MESSAGE))]
    found = violations(errors)
    return [
        *(issue_of(violation) for violation in found[:worded]),
        *(Issue("schema", "error", violation.path, "") for violation in found[worded:]),
    ]


def _has_many_values(data: Any) -> bool:
    waiting, seen = [data], 0
    while waiting and seen <= _MANY_VALUES:
        value = waiting.pop()
        seen += 1
        if isinstance(value, dict | list):
            waiting += value.values() if isinstance(value, dict) else value
    return seen > _MANY_VALUES


def _compiled(schema: Schema) -> _Compiled:
    compiled = _kept.get((schema.type, schema.version))
    if compiled is None:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        compiled = _kept[schema.type, schema.version] = _Compiled(schema)
    return compiled
