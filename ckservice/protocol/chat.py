"""Ask a model; text is streamed as it comes."""

from typing import Annotated, Any, Literal

from pydantic import Field

from ckservice.jsonrpc.method import Request
from ckservice.model import ListOf, Maybe, Model, Params
from ckservice.protocol import stream
from ckservice.protocol.errors import INVALID_OUTPUT, PROVIDER_KINDS
from ckservice.settings import ProviderConfig
from ckservice.types import FinishReason, Message, ResponseFormat, ToolCall, ToolChoice, ToolDefinition, Usage


class CompleteParams(Params):
    messages: Annotated[ListOf[Message], Field(min_length=1)]
    config: Maybe[ProviderConfig] = None
    model: Maybe[str] = Field(
        None, description="Goes before `config.model`. Where nothing names a provider, it is inferred from this name."
    )
    temperature: Maybe[Annotated[float, Field(ge=0, le=2)]] = None
    max_tokens: Maybe[Annotated[int, Field(ge=1)]] = None
    stop: Maybe[Annotated[ListOf[Annotated[str, Field(min_length=1)]], Field(max_length=8)]] = Field(
        None, description="The answer ends before the first of these."
    )
    tools: Maybe[ListOf[ToolDefinition]] = None
    tool_choice: Maybe[ToolChoice] = None
    response_format: Maybe[ResponseFormat] = None
    stream: bool = Field(True, description="Send `stream/*` notifications before the response.")
    cache: Maybe[Literal["off", "use", "refresh"]] = Field(
        None,
        description="Use of the response cache. Answers of the offline provider are made anew each time, never cached.",
    )


class CompleteResult(Model):
    """The whole answer, also where it was streamed."""

    id: str
    content: str
    parsed: Maybe[Any] = Field(None, description="With `responseFormat`: the content as JSON, validated.")
    model: str
    provider: str
    finish_reason: FinishReason
    tool_calls: list[ToolCall]
    usage: Usage
    created_at: str = Field(description="ISO 8601 in UTC.")
    duration_ms: float
    first_token_ms: float | None = Field(
        description="From the request to the first piece of text; null when there was none."
    )
    cached: bool
    attempts: int = Field(description="How many times a provider was asked.")


COMPLETE = Request(
    "chat/complete",
    CompleteParams,
    CompleteResult,
    "Answer a conversation; text is streamed as it comes.",
    errors=(*PROVIDER_KINDS, INVALID_OUTPUT),
    emits=(stream.TOKEN, stream.REASONING, stream.PROGRESS, stream.USAGE),
)
