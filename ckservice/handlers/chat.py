"""Ask a model."""

import os
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from ckservice.app import Service
from ckservice.errors import InvalidArguments
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.text import Text
from ckservice.llm import structured
from ckservice.protocol import stream
from ckservice.protocol.chat import CompleteParams, CompleteResult
from ckservice.settings import ProviderConfig
from ckservice.types import ChatRequest, Done, NamedTool, ProviderName, ReasoningDelta, TextDelta


async def complete(service: Service, call: Call, params: CompleteParams) -> CompleteResult:
    config = service.gateway.resolve(params.config, model=params.model)
    request = _to_request(params, config)
    for place, tool in enumerate(request.tools):
        await structured.check_schema(tool.parameters, f"tools[{place}].parameters")
    if request.response_format is not None:
        await structured.check_schema(request.response_format.schema_, "responseFormat.schema")
    answer = _Answer(request)
    async with aclosing(service.gateway.stream(request, config)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                answer.add(event.text)
                await call.send_text(stream.TOKEN, event.text)
            elif isinstance(event, ReasoningDelta):
                await call.send_text(stream.REASONING, event.text)
            else:
                answer.end = event
                await call.send(stream.USAGE, usage=event.usage)
    return await answer.to_result(config.provider or "offline")


def _to_request(params: CompleteParams, config: ProviderConfig) -> ChatRequest:
    tools = tuple(params.tools or ())
    choice = params.tool_choice or "auto"
    if isinstance(choice, NamedTool) and choice.name not in {tool.name for tool in tools}:
        raise InvalidArguments([{"path": "toolChoice.name", "message": "is not the name of one of the tools"}])
    if choice == "required" and not tools:
        raise InvalidArguments([{"path": "toolChoice", "message": "needs at least one tool"}])
    return ChatRequest(
        messages=tuple(params.messages),
        model=config.model or "",
        temperature=params.temperature if params.temperature is not None else config.temperature,
        max_tokens=params.max_tokens or config.max_tokens,
        stop=tuple(params.stop or ()),
        tools=tools,
        tool_choice=choice,
        response_format=params.response_format,
    )


@dataclass(slots=True)
class _Answer:
    """Gathers a stream into the result of the call."""

    request: ChatRequest
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at: float = field(default_factory=perf_counter)
    first_at: float | None = None
    text: Text = field(default_factory=Text)
    end: Done | None = None

    def add(self, text: str) -> None:
        if self.first_at is None:
            self.first_at = perf_counter()
        self.text.add(text)

    async def to_result(self, provider: ProviderName) -> CompleteResult:
        assert self.end is not None, "a provider's stream ends with Done or an error"
        content = str(self.text)
        return CompleteResult(
            id=f"chat-{os.urandom(8).hex()}",
            content=content,
            parsed=await self._parse(content),
            model=self.request.model,
            provider=provider,
            finish_reason=self.end.finish_reason,
            tool_calls=list(self.end.tool_calls),
            usage=self.end.usage,
            created_at=self.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            duration_ms=_milliseconds(perf_counter() - self.started_at),
            first_token_ms=None if self.first_at is None else _milliseconds(self.first_at - self.started_at),
            cached=False,
            attempts=1,
        )

    async def _parse(self, content: str) -> Any:
        """The content as JSON where that was asked for; what was cut short or filtered is left as it is."""
        response_format = self.request.response_format
        if response_format is None or self.end is None or self.end.finish_reason != "stop":
            return None
        return await structured.parse(content, response_format.schema_)


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
