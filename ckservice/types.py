"""Shared vocabulary: messages, tools, usage, and what a provider's stream is made of."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ckservice.model import Input, ListOf, Maybe, Model
from ckservice.nesting import is_deeper

ProviderName = Literal["azure-openai", "openai", "anthropic", "ollama", "offline"]
FinishReason = Literal["stop", "length", "toolCalls", "contentFilter"]


_MAX_DEPTH = 128


def _check_depth(value: dict[str, Any]) -> dict[str, Any]:
    """Refuse what no serializer on the way to a provider would take."""
    if is_deeper(value, _MAX_DEPTH - 1):
        raise ValueError(f"is nested more than {_MAX_DEPTH} levels deep")
    return value


JsonObject = Annotated[dict[str, Any], AfterValidator(_check_depth)]


class ToolCall(Input):
    """A model's wish to have a tool run."""

    id: str
    name: str
    arguments: JsonObject = Field(description="The arguments as the model gave them, parsed; check them before use.")


class Message(Input):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    name: Maybe[str] = Field(None, description="Who speaks, where several share a role.")
    tool_call_id: Maybe[str] = Field(None, description="In a message of role `tool`: the call that it answers.")
    tool_calls: Maybe[ListOf[ToolCall]] = Field(
        None, description="In a message of role `assistant`: the calls it made."
    )


class ToolDefinition(Input):
    """A tool that a model may call."""

    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    description: str
    parameters: JsonObject = Field(description="JSON Schema of the arguments.")


class ResponseFormat(Input):
    """A form that the answer must have."""

    type: Literal["json_schema"]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    schema_: JsonObject = Field(
        alias="schema",
        description="JSON Schema (draft 2020-12 unless it names another) that the answer is validated against.",
    )


class NamedTool(Input):
    """The one tool that must be called."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


class Usage(Model):
    """Tokens as the provider counts them, and what they cost."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: Maybe[int] = Field(None, description="Prompt tokens that the provider had cached.")
    cache_write_tokens: Maybe[int] = Field(None, description="Prompt tokens that the provider put into its cache.")
    reasoning_tokens: Maybe[int] = Field(None, description="Completion tokens that were spent on reasoning.")
    cost_usd: float | None = Field(description="US dollars; null when the price is unknown.")

    def __add__(self, other: "Usage") -> "Usage":
        """What two answers took together; what either does not know is unknown, but for details that one lacks."""
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            total_tokens=self.total_tokens + other.total_tokens,
            cached_tokens=_sum(self.cached_tokens, other.cached_tokens),
            cache_write_tokens=_sum(self.cache_write_tokens, other.cache_write_tokens),
            reasoning_tokens=_sum(self.reasoning_tokens, other.reasoning_tokens),
            cost_usd=None if self.cost_usd is None or other.cost_usd is None else self.cost_usd + other.cost_usd,
        )


def _sum(one: int | None, other: int | None) -> int | None:
    return (one or 0) + (other or 0) if one is not None or other is not None else None


class ModelInfo(Model):
    """A model that a provider offers."""

    id: str
    name: str
    provider: ProviderName
    context_window: Maybe[int] = Field(None, description="Tokens of prompt and answer together.")
    max_output_tokens: Maybe[int] = None
    supports_streaming: bool
    supports_tools: Maybe[bool] = None
    supports_structured_output: Maybe[bool] = None
    input_price_per_m_tok: Maybe[float] = Field(
        None, alias="inputPricePerMTok", description="US dollars for a million prompt tokens."
    )
    output_price_per_m_tok: Maybe[float] = Field(
        None, alias="outputPricePerMTok", description="US dollars for a million completion tokens."
    )


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a provider is asked. Nothing in it is a wire model of one provider.

    Attributes:
        strict: whether the provider is to enforce `response_format`, whose schema is then in its own dialect.
    """

    messages: tuple[Message, ...]
    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: ToolChoice = "auto"
    response_format: ResponseFormat | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A piece of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """A piece of the model's reasoning."""

    text: str


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a stream that ended well."""

    finish_reason: FinishReason
    usage: Usage
    tool_calls: tuple[ToolCall, ...] = field(default=())


StreamEvent = TextDelta | ReasoningDelta | Done
"""What a provider's stream is made of."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that takes a while: `retry`, `fallback`, `repair`, `waiting`, `scanning`, `indexing`, `embedding`."""

    phase: str
    message: str
    completed: int | None = None
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The whole answer, as the last event of a gateway's stream.

    Attributes:
        content: the text; where repairs were needed, that of the last try alone.
        parsed: with `response_format`, the content as JSON, validated.
        usage: of all tries together.
        provider: who answered in the end, which may be a fallback.
        attempts: how many times a provider was asked; 0 for an answer from the cache.
    """

    content: str
    parsed: Any
    finish_reason: FinishReason
    usage: Usage
    tool_calls: tuple[ToolCall, ...]
    provider: ProviderName
    model: str
    attempts: int
    cached: bool = False


AnswerEvent = TextDelta | ReasoningDelta | Progress | Answer
"""What a gateway's stream is made of."""


@dataclass(frozen=True, slots=True)
class Embedding:
    """Vectors of the texts that were given, in their order."""

    vectors: list[list[float]]
    usage: Usage
