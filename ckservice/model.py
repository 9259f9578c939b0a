"""The base of everything that crosses the wire: camelCase outside, snake_case inside, frozen, strict."""

from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.alias_generators import to_camel
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticUseDefault, core_schema

T = TypeVar("T")


def _is_none(value: Any) -> bool:
    return value is None


class _WithoutNull:
    """Keeps null out of the JSON Schema: an absent member is left out, though null is understood."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        members = schema.pop("anyOf", None)
        if members is None:
            return schema
        rest = [member for member in members if member != {"type": "null"}]
        return {**schema, **(rest[0] if len(rest) == 1 else {"anyOf": rest})}


Maybe = Annotated[T | None, Field(exclude_if=_is_none), _WithoutNull()]
"""A member that may be absent: `name: Maybe[str] = None` is `name?: string` in TypeScript."""


ListOf = Annotated[list[T], Field(fail_fast=True)]
"""A list that is refused at its first wrong item: a million wrong ones would cost gigabytes to report."""


class _NullIsDefault:
    """Takes null for "the default", and says so in the schema of what is received."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_use_default_for_null, handler(source))

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        schema = handler(core)
        return {"anyOf": [schema, {"type": "null"}]} if handler.mode == "validation" else schema


def _use_default_for_null(value: Any) -> Any:
    if value is None:
        raise PydanticUseDefault
    return value


OrDefault = Annotated[T, _NullIsDefault()]
"""A setting that null takes back to its default: `level: OrDefault[int] = 3`."""


class Model(BaseModel):
    """What the service sends. Members may be added in later versions, so its schema is open.

    Models are built when first used (`defer_build`): most runs use few of them.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
        defer_build=True,
        frozen=True,
        strict=True,
    )


class Input(Model):
    """What the host sends. Unknown members are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class RequestMeta(Model):
    """What every request may carry beside its own parameters."""

    timeout_ms: Maybe[Annotated[int, Field(ge=1, le=86_400_000)]] = Field(
        None, description="Deadline of this request in milliseconds; passing it gives `deadlineExceeded`."
    )
    traceparent: Maybe[Annotated[str, Field(max_length=256)]] = Field(
        None, description="W3C trace context, repeated in the logs and passed to the provider."
    )


class Params(Input):
    """The parameters of a request."""

    meta: Maybe[RequestMeta] = Field(None, alias="_meta", description="Deadline and trace context of this request.")


class NoParams(Params):
    """No parameters."""


class Nothing(Model):
    """An empty result."""
