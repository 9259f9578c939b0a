"""The limit for a Python server: a loop over stdin, the standard library's json, one flushed write per message."""

import json
import sys


def send(message: dict[str, object]) -> None:
    sys.stdout.buffer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")
    sys.stdout.buffer.flush()


def stream(request_id: int, text: str) -> dict[str, int]:
    words = text.split()
    for index, word in enumerate(words):
        params = {"requestId": request_id, "seq": index, "token": word, "tokenIndex": index}
        send({"jsonrpc": "2.0", "method": "stream/token", "params": params})
    return {"tokens": len(words)}


def main() -> None:
    for line in sys.stdin.buffer:
        message = json.loads(line)
        result: dict[str, object] = {}
        if message["method"] == "initialize":
            result = {"protocolVersion": 1, "serverInfo": {"name": "bare", "version": "1"}}
        elif message["method"] == "stream":
            result = stream(message["id"], message["params"]["text"])
        send({"jsonrpc": "2.0", "id": message["id"], "result": result})


if __name__ == "__main__":
    main()
