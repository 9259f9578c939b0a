"""All adapters against aimock, a server that nobody here has written.

Where it is known not to speak as the provider does, the case is left out, with the reason beside it.
"""

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import pytest

from tests.aimock import Mock, serving
from tests.providers.adapters import ADAPTERS, Adapter, each_adapter, joined
from tests.providers.process import running
from tests.sidecar import Sidecar

TEXT = "The quick brown fox jumps over the lazy d\u00f6g \U0001f600 and sleeps."
CALLS = [("call_1", "find", {"q": "x", "deep": {"n": [1, None]}}), ("call_2", "look", {"at": 2})]
SCHEMA = {
    "type": "object",
    "properties": {"age": {"type": "integer"}},
    "required": ["age"],
    "additionalProperties": False,
}
TOOLS = [{"name": name, "description": name, "parameters": {"type": "object"}} for name in ("find", "look")]
STATUSES = {
    400: ("invalid_request_error", "providerRejected"),
    401: ("authentication_error", "authenticationFailed"),
    403: ("permission_error", "authenticationFailed"),
    413: ("request_too_large", "contextWindowExceeded"),
    429: ("rate_limit_error", "rateLimited"),
    500: ("api_error", "providerUnavailable"),
    503: ("api_error", "providerUnavailable"),
    529: ("overloaded_error", "providerUnavailable"),
}
"""With the type of the error, and what becomes of it."""

REASONS: dict[str, tuple[str, set[str]]] = {
    "length": ("length", {"ollama"}),
    "content_filter": ("contentFilter", {"openai", "azure-v1", "anthropic", "ollama"}),
    "refusal": ("contentFilter", {"openai", "compatible", "azure-v1", "azure-dated", "ollama"}),
}
"""With what becomes of it, and those adapters to whom aimock does not say it, or not as the provider would."""
FIRST_MS = 150

pytestmark = pytest.mark.node


def fixture(asked: str, response: dict[str, Any], **members: Any) -> dict[str, Any]:
    """What aimock answers to a question; `asked` is all of it or a part."""
    return {"match": {"userMessage": asked}, "response": response, **members}


def fixtures() -> list[dict[str, Any]]:
    counts = {"prompt_tokens": 11, "completion_tokens": 3, "input_tokens": 11, "output_tokens": 3}
    calls = [{"id": call_id, "name": name, "arguments": arguments} for call_id, name, arguments in CALLS]
    return [
        {"match": {"toolResultContains": "seen it"}, "response": {"content": "So it is."}},
        fixture("say the text", {"content": TEXT, "usage": counts}, chunkSize=7),
        fixture("say it slowly", {"content": TEXT}, chunkSize=30, streamingProfile={"ttft": FIRST_MS, "tps": 50}),
        fixture("think first", {"content": TEXT, "reasoning": "Let me see."}),
        fixture("call a tool", {"toolCalls": calls[:1]}),
        fixture("call two tools", {"content": "Wait.", "toolCalls": calls}, chunkSize=5),
        *(fixture(f"end with {reason}", {"content": TEXT, "finishReason": reason}) for reason in REASONS),
        fixture("tell the age", {"content": '{"age": 7}'}, chunkSize=3),
        fixture("cut it off", {"content": TEXT}, chunkSize=7, latency=20, truncateAfterChunks=7),
        fixture("hang up", {"content": TEXT}, chunkSize=4, latency=30, disconnectAfterMs=200),
        fixture("talk nonsense", {"content": TEXT}, chaos={"malformedRate": 1}),
        fixture("fall over", {"content": TEXT}, chaos={"dropRate": 1}),
        fixture("break the line", {"content": TEXT}, chaos={"disconnectRate": 1}),
        fixture("want a rest", {"content": TEXT}, chaos={"rateLimitRate": 1}),
        *(
            fixture(f"fail with {status}", {"error": {"message": "-", "type": kind}, "status": status})
            for status, (kind, _) in STATUSES.items()
        ),
    ]


@pytest.fixture(scope="module")
def mock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    with serving(fixtures(), tmp_path_factory.mktemp("aimock")) as running_mock:
        yield running_mock


@pytest.fixture(scope="module")
def sidecar(mock: Mock, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sidecar]:
    assert mock.url
    with running(request.config, tmp_path_factory.mktemp("data")) as process:
        yield process


Ask = Callable[..., Any]


@pytest.fixture
def ask(sidecar: Sidecar, mock: Mock) -> Ask:
    """Ask a provider whose server is aimock."""

    def _ask(adapter: Adapter, text: str, request_id: str | None = None, **params: Any) -> Any:
        account = {"headers": {"X-Account": text}}  # limits and failures of others don't matter
        return sidecar.call("chat/complete", adapter.ask(mock.url, text, config=account, **params), request_id)

    return _ask


# Answers


@each_adapter
def test_text(sidecar: Sidecar, ask: Ask, adapter: Adapter) -> None:
    result = ask(adapter, "say the text", f"text {adapter}")
    assert (result["content"], result["finishReason"], result["toolCalls"]) == (TEXT, "stop", [])
    assert joined(sidecar, f"text {adapter}") == TEXT
    assert len(sidecar.notifications(f"text {adapter}", "stream/token")) > 5
    usage = result["usage"]
    if adapter.name != "ollama":  # aimock gives its counts as 0
        assert (usage["promptTokens"], usage["completionTokens"], usage["totalTokens"]) == (11, 3, 14)


@each_adapter
def test_paced_text(ask: Ask, adapter: Adapter) -> None:
    result = ask(adapter, "say it slowly")
    assert result["content"] == TEXT
    assert result["firstTokenMs"] >= FIRST_MS * 0.9
    assert result["durationMs"] > result["firstTokenMs"]


@pytest.mark.parametrize("adapter", [adapter for adapter in ADAPTERS if adapter.name != "ollama"], ids=str)
def test_reasoning(sidecar: Sidecar, ask: Ask, adapter: Adapter) -> None:
    """Without Ollama: aimock calls its `thinking` otherwise."""
    result = ask(adapter, "think first", f"reasoning {adapter}")
    assert (result["content"], joined(sidecar, f"reasoning {adapter}", "stream/reasoning")) == (TEXT, "Let me see.")


@each_adapter
@pytest.mark.parametrize("count", [1, 2])
def test_tools(ask: Ask, adapter: Adapter, count: int) -> None:
    result = ask(adapter, "call a tool" if count == 1 else "call two tools", tools=TOOLS)
    assert result["finishReason"] == "toolCalls"
    assert result["content"] == ("" if count == 1 else "Wait.")
    called = [(call["name"], call["arguments"]) for call in result["toolCalls"]]
    assert called == [(name, arguments) for _, name, arguments in CALLS[:count]]
    ids = [call["id"] for call in result["toolCalls"]]
    if adapter.name == "ollama":  # aimock gives it none
        assert len({*ids} - {""}) == count
    else:
        assert ids == [call_id for call_id, _, _ in CALLS[:count]]


@each_adapter
def test_a_conversation_is_understood(sidecar: Sidecar, mock: Mock, ask: Ask, adapter: Adapter) -> None:
    calls = ask(adapter, "call two tools", tools=TOOLS)["toolCalls"]
    params = adapter.ask(mock.url, "call two tools", tools=TOOLS)
    params["messages"] = [
        {"role": "system", "content": "Be brief."},
        *params["messages"],
        {"role": "assistant", "content": "Wait.", "toolCalls": calls},
        *({"role": "tool", "toolCallId": call["id"], "content": f"{call['name']}: seen it"} for call in calls),
    ]
    assert sidecar.call("chat/complete", params)["content"] == "So it is."
    asked = mock.asked()
    roles = [role for role, _ in groupby(message["role"] for message in asked["messages"])]
    assert roles == ["system", "user", "assistant", "tool"]
    assert [tool["function"]["name"] for tool in asked["tools"]] == ["find", "look"]
    told = [call["function"] for message in asked["messages"] for call in message.get("tool_calls", ())]
    assert [(call["name"], json.loads(call["arguments"])) for call in told] == [call[1:] for call in CALLS]


@pytest.mark.parametrize(
    ("adapter", "told", "reason"),
    [
        pytest.param(adapter, told, reason, id=f"{told}-{adapter}")
        for told, (reason, without) in REASONS.items()
        for adapter in ADAPTERS
        if adapter.name not in without
    ],
)
def test_finish_reasons(ask: Ask, adapter: Adapter, told: str, reason: str) -> None:
    result = ask(adapter, f"end with {told}")
    assert (result["content"], result["finishReason"]) == (TEXT, reason)


@each_adapter
def test_a_form(ask: Ask, adapter: Adapter) -> None:
    form = {"type": "json_schema", "name": "form", "schema": SCHEMA}
    result = ask(adapter, "tell the age", responseFormat=form)
    assert (result["parsed"], result["attempts"]) == ({"age": 7}, 1)


# Failures


@each_adapter
@pytest.mark.parametrize("status", STATUSES)
def test_a_status(ask: Ask, adapter: Adapter, status: int) -> None:
    data = ask(adapter, f"fail with {status}")["data"]
    assert (data["kind"], data["httpStatus"], data["provider"]) == (STATUSES[status][1], status, adapter.provider)


@each_adapter
@pytest.mark.parametrize("text", ["cut it off", "hang up"])
def test_an_answer_that_is_cut(ask: Ask, adapter: Adapter, text: str) -> None:
    data = ask(adapter, text)["data"]
    assert (data["kind"], data["retryable"]) == ("streamInterrupted", True)
    assert TEXT.startswith(data.get("partial", ""))


@each_adapter
@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("talk nonsense", {"providerRejected"}),
        ("fall over", {"providerUnavailable"}),
        ("break the line", {"providerUnavailable", "streamInterrupted"}),
        ("want a rest", {"rateLimited"}),
    ],
)
def test_chaos(ask: Ask, adapter: Adapter, text: str, kinds: set[str]) -> None:
    assert ask(adapter, text)["data"]["kind"] in kinds


def test_a_rest_is_as_long_as_was_asked_for(sidecar: Sidecar, mock: Mock, ask: Ask) -> None:
    """A second, and not the six minutes until all limits are restored; of all adapters at one time."""
    for adapter in ADAPTERS:
        assert ask(adapter, "want a rest")["data"]["retryAfterMs"] == 1000
    account = {"headers": {"X-Account": "want a rest"}}
    for adapter in ADAPTERS:
        params = adapter.ask(mock.url, "say the text", config=account)
        sidecar.request(f"rested {adapter}", "chat/complete", params)
    for adapter in ADAPTERS:
        assert sidecar.response(f"rested {adapter}")["result"]["content"] == TEXT


@each_adapter
def test_a_question_that_it_does_not_know(ask: Ask, adapter: Adapter) -> None:
    """Answered with 404, which is said of a model or of a path: that is for the words to tell."""
    assert ask(adapter, "what else?")["data"]["kind"] in {"modelNotFound", "providerRejected"}


# Beside the answers


def test_models(sidecar: Sidecar, mock: Mock) -> None:
    """But for the dated API of Azure, whose list aimock doesn't have."""
    for adapter in ADAPTERS:
        if adapter.name != "azure-dated":
            sidecar.call("settings/update", {"config": None})
            sidecar.call("settings/update", {"config": adapter.config(mock.url, model=None)})
            result = sidecar.call("model/list", {"provider": adapter.provider})
            assert "gpt-4o" in [model["id"] for model in result["models"]], adapter
    sidecar.call("settings/update", {"config": None})


def test_vectors(sidecar: Sidecar, mock: Mock) -> None:
    """Not of Ollama: aimock gives one vector, under another name."""
    for adapter in ADAPTERS:
        params = {"input": ["one", "another"], "config": adapter.config(mock.url)}
        result = sidecar.call("embedding/create", params)
        if adapter.name == "ollama":
            assert result["data"]["kind"] == "providerRejected"
        elif adapter.name == "anthropic":
            assert result["data"]["kind"] == "providerNotConfigured"
        else:
            one, another = result["vectors"]
            assert len(one) == len(another) > 100
            assert one != another
