"""Ask a model."""

import os
from contextlib import aclosing
from datetime import UTC, datetime
from time import perf_counter

from ckservice.app import Service
from ckservice.errors import InvalidArguments
from ckservice.jsonrpc.call import Call
from ckservice.llm.structured import asking
from ckservice.protocol import stream
from ckservice.protocol.chat import CompleteParams, CompleteResult
from ckservice.settings import ProviderConfig
from ckservice.types import ChatRequest, NamedTool, Progress, ReasoningDelta, TextDelta


async def complete(service: Service, call: Call, params: CompleteParams) -> CompleteResult:
    config = service.gateway.resolve(params.config, model=params.model)
    request = _to_request(params, config)
    for place, tool in enumerate(request.tools):
        await asking.check_schema(tool.parameters, f"tools[{place}].parameters")
    if request.response_format is not None:
        await asking.check_schema(request.response_format.schema_, "responseFormat.schema")
    created_at, started = datetime.now(UTC), perf_counter()
    first_token_ms = answer = None
    async with aclosing(service.gateway.stream(request, config, params.cache)) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                if first_token_ms is None:
                    first_token_ms = _milliseconds_since(started)
                await call.send_text(stream.TOKEN, event.text)
            elif isinstance(event, ReasoningDelta):
                await call.send_text(stream.REASONING, event.text)
            elif isinstance(event, Progress):
                await call.send(stream.PROGRESS, phase=event.phase, message=event.message)
            else:
                answer = event
                await call.send(stream.USAGE, usage=event.usage)
    assert answer is not None, "a gateway's stream ends with an answer or an error"
    return CompleteResult(
        id=f"chat-{os.urandom(8).hex()}",
        content=answer.content,
        parsed=answer.parsed,
        model=answer.model,
        provider=answer.provider,
        finish_reason=answer.finish_reason,
        tool_calls=list(answer.tool_calls),
        usage=answer.usage,
        created_at=created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_ms=_milliseconds_since(started),
        first_token_ms=first_token_ms,
        cached=answer.cached,
        attempts=answer.attempts,
    )


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
        temperature=params.temperature,
        max_tokens=params.max_tokens,
        stop=tuple(params.stop or ()),
        tools=tools,
        tool_choice=choice,
        response_format=params.response_format,
    )


def _milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 2)
