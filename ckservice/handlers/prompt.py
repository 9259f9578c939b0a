"""Prompts for other AIs."""

from functools import partial

from ckservice.app import Service
from ckservice.context.git.repository import Git
from ckservice.context.prompts.rendering import render as render_prompt
from ckservice.jsonrpc.call import Call
from ckservice.llm.estimate import estimate_tokens
from ckservice.protocol.prompt import RenderPromptParams, RenderPromptResult
from ckservice.types import ChatRequest, Message


async def render(service: Service, _call: Call, params: RenderPromptParams) -> RenderPromptResult:
    repository = await service.repositories.find(params.repo_path)
    ignored = await Git(repository.root).ignored(["contexts", ".context-kit"])
    work = partial(render_prompt, entity_id=params.entity_id, kind=params.kind, ignored=ignored)
    rendered = await service.repositories.read(repository, work)
    tokens = estimate_tokens(ChatRequest(messages=(Message(role="user", content=rendered.prompt),), model=""))
    return RenderPromptResult(
        prompt=rendered.prompt, checklist=rendered.checklist, references=rendered.references, tokens=tokens
    )
