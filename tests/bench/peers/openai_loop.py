"""The `openai` SDK used directly: a loop over stdin, its own stream objects, one flushed write per token.

usage: openai_loop.py URL, where URL is that of the API
"""

import asyncio
import json
import sys
from typing import Any

from openai import AsyncOpenAI

client = AsyncOpenAI(base_url=sys.argv[1], api_key="bench", max_retries=0)


def send(message: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    sys.stdout.buffer.flush()


async def chat(request_id: int, text: str) -> None:
    stream = await client.chat.completions.create(
        model="bench-model", messages=[{"role": "user", "content": text}], stream=True
    )
    index = 0
    async for chunk in stream:
        if chunk.choices and (token := chunk.choices[0].delta.content):
            params = {"requestId": request_id, "seq": index, "token": token, "tokenIndex": index}
            send({"jsonrpc": "2.0", "method": "stream/token", "params": params})
            index += 1
    send({"jsonrpc": "2.0", "id": request_id, "result": {"tokens": index}})


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    running: set[asyncio.Task[Any]] = set()
    async for line in reader:
        message = json.loads(line)
        if message["method"] == "chat":
            task = asyncio.create_task(chat(message["id"], message["params"]["text"]))
            running.add(task)
            task.add_done_callback(running.discard)
        else:
            send({"jsonrpc": "2.0", "id": message["id"], "result": {}})


if __name__ == "__main__":
    asyncio.run(main())
