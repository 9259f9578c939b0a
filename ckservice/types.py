"""Shared vocabulary: messages, tools, usage, and what a provider's stream is made of."""

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from ckservice.model import Input, ListOf, Maybe, Model

ProviderName = Literal["azure-openai", "openai", "anthropic", "ollama", "offline"]
FinishReason = Literal["stop", "length", "toolCalls", "contentFilter"]


class ToolCall(Input):
    """A model's wish to have a tool run."""

    id: str
    name: str
    arguments: dict[str, Any] = Field(
        description="The arguments as the model gave them, parsed; check them before use."
    )


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
    parameters: dict[str, Any] = Field(description="JSON Schema of the arguments.")


class ResponseFormat(Input):
    """A form that the answer must have."""

    type: Literal["json_schema"]
    name: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
    schema_: dict[str, Any] = Field(
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
    reasoning_tokens: Maybe[int] = Field(None, description="Completion tokens that were spent on reasoning.")
    cost_usd: float | None = Field(description="US dollars; null when the price is unknown.")


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
    """What a provider is asked. Nothing in it is a wire model of one provider."""

    messages: tuple[Message, ...]
    model: str
    temperature: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    tool_choice: ToolChoice = "auto"
    response_format: ResponseFormat | None = None


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
