"""What the servers of all adapters say, each in words of its own."""

import json
from typing import Any, ClassVar

from tests.providers import anthropic, chat_completions, ollama, openai
from tests.providers.speech import MODEL, Call, Packets, Refusal


def _halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


class _OpenAI:
    """What both of OpenAI's APIs have."""

    silence: ClassVar[bytes] = b": keep-alive\n\n"
    refusals: ClassVar[dict[str, Refusal]] = {
        "modelNotFound": (404, openai.refusing("model_not_found", message="The model `test-model` does not exist.")),
        "contextWindowExceeded": (400, openai.refusing("context_length_exceeded", param="input")),
        "quotaExceeded": (429, openai.refusing("insufficient_quota", "insufficient_quota")),
        "contentFiltered": (400, openai.refusing("content_filter", param="prompt")),
        "providerRejected": (400, openai.refusing("invalid_value", param="input")),
        "form": (400, openai.refusing(None, param="response_format", message="Invalid schema for response_format")),
    }
    models: ClassVar[dict[str, Any]] = {"object": "list", "data": [{"id": MODEL, "object": "model"}]}
    ready: ClassVar[dict[str, Any]] = models
    _codes: ClassVar[dict[int, str]] = {401: "invalid_api_key", 429: "rate_limit_exceeded", 500: "server_error"}

    def refusal(self, status: int) -> Any:
        return openai.refusing(self._codes.get(status))

    def vectors(self, *vectors: list[float]) -> dict[str, Any] | None:
        data = [{"object": "embedding", "index": place, "embedding": vector} for place, vector in enumerate(vectors)]
        return {"object": "list", "data": data, "usage": {"prompt_tokens": 2, "total_tokens": 2}}


class Responses(_OpenAI):
    headers: ClassVar[dict[str, str]] = openai.SSE
    usage: ClassVar[dict[str, Any]] = openai.USAGE
    begin: ClassVar[Packets] = [openai.sse(event) for event in openai.begin()]
    breaks: ClassVar[Packets] = [openai.sse(openai.failed("server_error"))]
    refuses: ClassVar[Packets | None] = [
        openai.sse({"type": "response.refusal.delta", "delta": "I can't"}),
        openai.sse(openai.completed()),
    ]
    count: ClassVar[dict[str, Any] | None] = {"object": "response.input_tokens", "input_tokens": 42}

    def text(self, *pieces: str) -> Packets:
        return [openai.sse(event) for event in openai.text(*pieces)]

    def unfinished(self, *pieces: str) -> Packets:
        return self.text(*pieces)[:-3]

    def reasoning(self, *pieces: str) -> Packets:
        return [openai.sse(event) for event in openai.thinking("".join(pieces))]

    def calls(self, *calls: Call) -> Packets:
        return [
            openai.sse(event)
            for place, (call_id, name, arguments) in enumerate(calls)
            for event in openai.tool_call(call_id, name, *_halves(json.dumps(arguments)), index=place)
        ]

    def end(self, reason: str = "stop") -> Packets:
        why = {"length": "max_output_tokens", "contentFilter": "content_filter"}
        return [openai.sse(openai.incomplete(why[reason]) if reason in why else openai.completed())]

    def asked_form(self, body: Any) -> Any:
        return body.get("text", {}).get("format", {}).get("schema")

    def told_calls(self, body: Any) -> list[Call]:
        items = [item for item in body["input"] if item.get("type") == "function_call"]
        return [(item["call_id"], item["name"], json.loads(item["arguments"])) for item in items]

    def told_results(self, body: Any) -> list[tuple[str, str]]:
        items = [item for item in body["input"] if item.get("type") == "function_call_output"]
        return [(item["call_id"], item["output"]) for item in items]


class ChatCompletions(_OpenAI):
    headers: ClassVar[dict[str, str]] = chat_completions.SSE
    usage: ClassVar[dict[str, Any]] = chat_completions.USAGE
    begin: ClassVar[Packets] = [chat_completions.events(chat_completions.chunk("", role="assistant"))]
    breaks: ClassVar[Packets] = [chat_completions.events(openai.refusing("server_error", "server_error"))]
    refuses: ClassVar[Packets | None] = [
        chat_completions.events(item)
        for item in (chat_completions.chunk(refusal="I can't"), chat_completions.chunk(finish="stop"))
    ]
    count: ClassVar[dict[str, Any] | None] = None

    def text(self, *pieces: str) -> Packets:
        return [chat_completions.events(chat_completions.chunk(piece)) for piece in pieces]

    def unfinished(self, *pieces: str) -> Packets:
        return self.text(*pieces)

    def reasoning(self, *pieces: str) -> Packets:
        return [chat_completions.events(chat_completions.chunk(reasoning_content=piece)) for piece in pieces]

    def calls(self, *calls: Call) -> Packets:
        """All have begun before one goes on."""
        heads = [chat_completions.call(place, call[0], call[1], "") for place, call in enumerate(calls)]
        halves = [_halves(json.dumps(arguments)) for _, _, arguments in calls]
        parts = [chat_completions.call(place, text=half[at]) for at in (0, 1) for place, half in enumerate(halves)]
        return [chat_completions.events(chat_completions.chunk(tool_calls=[part])) for part in (*heads, *parts)]

    def end(self, reason: str = "stop") -> Packets:
        told = {"toolCalls": "tool_calls", "contentFilter": "content_filter"}.get(reason, reason)
        end = (chat_completions.chunk(finish=told), chat_completions.usage(), chat_completions.DONE)
        return [chat_completions.events(item) for item in end]

    def asked_form(self, body: Any) -> Any:
        return body.get("response_format", {}).get("json_schema", {}).get("schema")

    def told_calls(self, body: Any) -> list[Call]:
        calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
        functions = [call["function"] for call in calls]
        return [
            (call["id"], function["name"], json.loads(function["arguments"]))
            for call, function in zip(calls, functions, strict=True)
        ]

    def told_results(self, body: Any) -> list[tuple[str, str]]:
        told = [message for message in body["messages"] if message["role"] == "tool"]
        return [(message["tool_call_id"], message["content"]) for message in told]


class AzureChatCompletions(ChatCompletions):
    """Its first chunk tells what the filter thinks of the prompt."""

    begin: ClassVar[Packets] = [
        chat_completions.events(chat_completions.with_choices(prompt_filter_results=[])),
        *ChatCompletions.begin,
    ]


class Messages:
    """Anthropic. What the model thinks is block 0 here, text 1, and calls follow."""

    headers: ClassVar[dict[str, str]] = anthropic.SSE
    usage: ClassVar[dict[str, Any]] = anthropic.USAGE
    begin: ClassVar[Packets] = [anthropic.sse(anthropic.begin())]
    silence: ClassVar[bytes] = anthropic.sse({"type": "ping"})
    breaks: ClassVar[Packets] = [anthropic.sse(anthropic.failing("overloaded_error"))]
    refuses: ClassVar[Packets | None] = [anthropic.sse(*anthropic.stop("refusal"))]
    refusals: ClassVar[dict[str, Refusal]] = {
        "modelNotFound": (404, anthropic.failing("not_found_error", "model: test-model")),
        "contextWindowExceeded": (
            400,
            anthropic.failing("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
        ),
        "quotaExceeded": (400, anthropic.failing("invalid_request_error", "Your credit balance is too low")),
        "contentFiltered": (
            400,
            anthropic.failing("invalid_request_error", "Output blocked by content filtering policy"),
        ),
        "providerRejected": (400, anthropic.failing("invalid_request_error", "messages: roles must alternate")),
        "form": (400, anthropic.failing("invalid_request_error", "output_config.format.schema: is too complex")),
    }
    models: ClassVar[dict[str, Any]] = {
        "data": [{"type": "model", "id": MODEL, "display_name": MODEL}],
        "has_more": False,
    }
    ready: ClassVar[dict[str, Any]] = models
    count: ClassVar[dict[str, Any] | None] = {"input_tokens": 42}
    _types: ClassVar[dict[int, str]] = {
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        408: "timeout_error",
        413: "request_too_large",
        429: "rate_limit_error",
        500: "api_error",
        529: "overloaded_error",
    }

    def text(self, *pieces: str) -> Packets:
        return [anthropic.sse(event) for event in anthropic.text(*pieces, index=1)]

    def unfinished(self, *pieces: str) -> Packets:
        return self.text(*pieces)[:-1]

    def reasoning(self, *pieces: str) -> Packets:
        return [anthropic.sse(event) for event in anthropic.thinking(*pieces)]

    def calls(self, *calls: Call) -> Packets:
        return [
            anthropic.sse(event)
            for index, (call_id, name, arguments) in enumerate(calls, 2)
            for event in anthropic.tool_use(call_id, name, *_halves(json.dumps(arguments)), index=index)
        ]

    def end(self, reason: str = "stop") -> Packets:
        told = {"stop": "end_turn", "length": "max_tokens", "toolCalls": "tool_use", "contentFilter": "refusal"}
        return [anthropic.sse(event) for event in anthropic.stop(told[reason])]

    def refusal(self, status: int) -> Any:
        return anthropic.failing(self._types.get(status, "invalid_request_error"))

    def asked_form(self, body: Any) -> Any:
        return body.get("output_config", {}).get("format", {}).get("schema")

    def told_calls(self, body: Any) -> list[Call]:
        return [(block["id"], block["name"], block["input"]) for block in _blocks(body, "tool_use")]

    def told_results(self, body: Any) -> list[tuple[str, str]]:
        results = _blocks(body, "tool_result")
        return [(block["tool_use_id"], "".join(part["text"] for part in block["content"])) for block in results]

    def vectors(self, *vectors: list[float]) -> dict[str, Any] | None:  # noqa: ARG002 - there are none
        return None


def _blocks(body: Any, kind: str) -> list[Any]:
    blocks = [block for message in body["messages"] for block in message["content"]]
    return [block for block in blocks if block["type"] == kind]


class Ollama:
    headers: ClassVar[dict[str, str]] = ollama.NDJSON
    usage: ClassVar[dict[str, Any]] = ollama.USAGE
    begin: ClassVar[Packets] = []
    silence: ClassVar[bytes] = b"\n"
    breaks: ClassVar[Packets] = [ollama.lines({"error": "an error was encountered while running the model"})]
    refuses: ClassVar[Packets | None] = None
    refusals: ClassVar[dict[str, Refusal]] = {
        "modelNotFound": (404, {"error": "model 'test-model' not found"}),
        "contextWindowExceeded": (400, {"error": "the input length exceeds the context length"}),
        "quotaExceeded": (429, {"error": "you have reached your weekly usage limit"}),
        "providerRejected": (400, {"error": "invalid message role"}),
        "form": (500, {"error": "invalid JSON schema in format"}),
    }
    models: ClassVar[dict[str, Any]] = {"models": [{"name": MODEL, "model": MODEL, "details": {}}]}
    ready: ClassVar[dict[str, Any]] = {"version": "0.12.6"}
    count: ClassVar[dict[str, Any] | None] = None

    def text(self, *pieces: str) -> Packets:
        return [ollama.lines(ollama.piece(piece)) for piece in pieces]

    def unfinished(self, *pieces: str) -> Packets:
        return self.text(*pieces)

    def reasoning(self, *pieces: str) -> Packets:
        return [ollama.lines(ollama.piece(thinking=piece)) for piece in pieces]

    def calls(self, *calls: Call) -> Packets:
        functions = [(call_id, {"name": name, "arguments": arguments}) for call_id, name, arguments in calls]
        told = [{"id": call_id, "function": function} for call_id, function in functions]
        return [ollama.lines(ollama.piece(tool_calls=told))]

    def end(self, reason: str = "stop") -> Packets:
        return [ollama.lines(ollama.last("length" if reason == "length" else "stop"))]

    def refusal(self, status: int) -> Any:
        return {"error": f"status {status}"}

    def asked_form(self, body: Any) -> Any:
        return body.get("format")

    def told_calls(self, body: Any) -> list[Call]:
        calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
        return [(call["id"], call["function"]["name"], call["function"]["arguments"]) for call in calls]

    def told_results(self, body: Any) -> list[tuple[str, str]]:
        told = [message for message in body["messages"] if message["role"] == "tool"]
        return [(message["tool_call_id"], message["content"]) for message in told]

    def vectors(self, *vectors: list[float]) -> dict[str, Any] | None:
        return {"model": MODEL, "embeddings": list(vectors), "prompt_eval_count": 2}
