"""Whether entities fit the schema that is in force for them."""

from typing import TYPE_CHECKING, Any

from ckservice.context.schemas import Schema
from ckservice.context.validation.fitting import Fit, certain_fit
from ckservice.context.validation.issue import MAX_MESSAGE, Issue, shortened

if TYPE_CHECKING:
    from ckservice.json_schema import Checker

_MAX_SECONDS = 1.0
"""For one entity; the usual one takes a thousandth."""


_MAX_WASTED_SECONDS = 5.0
"""For all entities of a type that can't be decided: then it is the schema that is to blame."""

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
        self.seconds_left = _MAX_WASTED_SECONDS
        self._schema = schema
        self._checker: Checker | None = None

    def checker(self) -> "Checker":
        from ckservice.json_schema import Checker  # noqa: PLC0415 - takes 70 ms: only where something is wrong

        if self._checker is None:
            self._checker = Checker(self._schema.document, self._schema.related)
        return self._checker


_kept: dict[tuple[str, str], _Compiled] = {}


def schema_issues(data: Any, schema: Schema, *, worded: int) -> list[Issue]:
    """What about an entity does not fit, in the order of the paths; one issue for each wrong place.

    Args:
        data: the entity.
        schema: that it is held to.
        worded: how many of the issues need a message; it takes longer than all the rest.

    Raises:
        BrokenSchema: the schema can't be applied to this entity, nor to any other.
    """
    compiled = _compiled(schema)
    if compiled.fits(data):
        return []
    from ckservice.context.validation.violations import violations  # noqa: PLC0415 - as above
    from ckservice.context.validation.wording import issue_of  # noqa: PLC0415 - as above
    from ckservice.json_schema import Undecidable  # noqa: PLC0415 - as above

    if compiled.seconds_left <= 0:
        raise BrokenSchema("it takes too long to find out whether anything fits it")
    try:
        errors = compiled.checker().errors(data, max_seconds=_MAX_SECONDS)
    except Undecidable as undecidable:
        if undecidable.in_schema:
            raise BrokenSchema(undecidable.message) from None
        compiled.seconds_left -= _MAX_SECONDS
        message = f"It can't be said whether the entity fits its schema: {undecidable.message}"
        return [Issue("schema", "error", (), shortened(message, MAX_MESSAGE))]
    found = violations(errors)
    return [
        *(issue_of(violation) for violation in found[:worded]),
        *(Issue("schema", "error", violation.path, "") for violation in found[worded:]),
    ]


def _compiled(schema: Schema) -> _Compiled:
    compiled = _kept.get((schema.type, schema.version))
    if compiled is None:
        if len(_kept) >= _MAX_KEPT:
            _kept.clear()
        compiled = _kept[schema.type, schema.version] = _Compiled(schema)
    return compiled
