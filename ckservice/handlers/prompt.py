"""Prompts for other AIs."""

from ckservice.app import Service
from ckservice.context.prompts.model import RenderedPrompt
from ckservice.context.snapshot import Snapshot
from ckservice.jsonrpc.call import Call
from ckservice.llm.estimate import estimate_tokens
from ckservice.protocol.prompt import RenderPromptParams, RenderPromptResult
from ckservice.types import ChatRequest, Message


async def render(service: Service, _call: Call, params: RenderPromptParams) -> RenderPromptResult:
    repository = await service.repositories.find(params.repo_path)

    def work(snapshot: Snapshot) -> RenderedPrompt:
        from ckservice.context.prompts.rendering import render as render_prompt  # noqa: PLC0415 - takes 10 ms

        return render_prompt(snapshot, params.entity_id, params.kind)

    rendered = await service.repositories.read(repository, work)
    tokens = estimate_tokens(ChatRequest(messages=(Message(role="user", content=rendered.prompt),), model=""))
    return RenderPromptResult(
        prompt=rendered.prompt, checklist=rendered.checklist, references=rendered.references, tokens=tokens
    )
