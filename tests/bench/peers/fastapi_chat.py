"""FastAPI in front of a provider, with server-sent events: the design of the service before ckservice.

The provider is asked through LangChain, as that service did, or through the `openai` SDK alone.
Events go out as in fastapi_server.py.

usage: fastapi_chat.py LIBRARY URL PORT, where LIBRARY is langchain-openai, langchain-anthropic or openai
"""

import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

LIBRARY, URL, PORT = sys.argv[1:]

if LIBRARY == "openai":
    from openai import AsyncOpenAI

    client = AsyncOpenAI(base_url=URL, api_key="bench", max_retries=0)

    async def tokens(text: str) -> AsyncIterator[str]:
        stream = await client.chat.completions.create(
            model="bench-model", messages=[{"role": "user", "content": text}], stream=True
        )
        async for chunk in stream:
            if chunk.choices and (token := chunk.choices[0].delta.content):
                yield token

else:
    from langchain_core.messages import HumanMessage

    if LIBRARY == "langchain-openai":
        from langchain_openai import ChatOpenAI

        model = ChatOpenAI(model="bench-model", base_url=URL, api_key="bench", max_retries=0)
    else:
        from langchain_anthropic import ChatAnthropic

        model = ChatAnthropic(model="bench-model", base_url=URL, api_key="bench", max_retries=0)

    async def tokens(text: str) -> AsyncIterator[str]:
        async for chunk in model.astream([HumanMessage(text)]):
            if chunk.text:
                yield chunk.text


app = FastAPI()


class ChatRequest(BaseModel):
    text: str


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/chat")
async def chat(request: ChatRequest) -> StreamingResponse:
    """Streams the model's answer, one event per token."""

    async def events() -> AsyncIterator[str]:
        index = 0
        async for token in tokens(request.text):
            yield f"event: token\ndata: {json.dumps({'seq': index, 'token': token, 'tokenIndex': index})}\n\n"
            index += 1
        yield "event: done\ndata: {}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(PORT), log_level="warning", access_log=False)
