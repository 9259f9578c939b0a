"""pygls, the language server framework, on stdio (Content-Length framing): custom methods as its documentation shows.

https://pygls.readthedocs.io/en/latest/servers/howto/implement-custom-features.html
"""

import asyncio
from typing import Any

from pygls.lsp.server import LanguageServer

server = LanguageServer("bench", "1")


@server.feature("bench/ping")
def ping(_params: Any) -> dict[str, Any]:
    return {}


@server.feature("bench/stream")
async def stream(params: Any) -> dict[str, int]:
    """Streams `text` back, one word per notification, `delayMs` apart (0: as fast as it goes)."""
    words = params.text.split()
    for index, word in enumerate(words):
        server.protocol.notify("stream/token", {"seq": index, "token": word, "tokenIndex": index})
        if params.delayMs:
            await asyncio.sleep(params.delayMs / 1000)
    return {"tokens": len(words)}


if __name__ == "__main__":
    server.start_io()
