"""`ckservice call METHOD PARAMS`: one request, answered by a service of its own."""

import json
import sys
from pathlib import Path
from typing import Any

from ckservice.commands.child import Child, own_command
from ckservice.commands.terminal import StatusLine, show_cited, show_sources
from ckservice.process import EXIT_USAGE

_TOLD_BY_MESSAGE = ("invalidParams", "invalidRequest", "methodNotFound", "parseError")
"""What the person at the terminal got wrong; what an app's user is to be told of it is no help here."""

_INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


def run(*, method: str, params: str | None, follow: bool, quiet: bool) -> int:
    """Print the result: text as it comes on a terminal, one line of JSON on a pipe.

    Args:
        method: the method to call.
        params: a JSON object, `@FILE` or `-`.
        follow: print each notification as a line of JSON.
        quiet: have the service log errors only.

    Returns:
        0; 1 where the answer is an error; 2 where `params` can't be read; what the service exits with
        where it does not answer.
    """
    try:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": _read_params(params)}
    except (OSError, ValueError) as error:
        print(f"ckservice call: PARAMS must be a JSON object, @FILE or -; {error}.", file=sys.stderr)
        return EXIT_USAGE
    environment = {"CKSERVICE_LOG_FORMAT": "console", **({"CKSERVICE_LOG_LEVEL": "error"} if quiet else {})}
    try:
        with Child(own_command(), environment) as child:
            child.write(json.dumps(request).encode("ascii"))
            child.close_input()
            return _follow(child, follow)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _read_params(text: str | None) -> dict[str, Any]:
    if text is None:
        return {}
    if text == "-":
        text = sys.stdin.read()
    elif text.startswith("@"):
        text = Path(text[1:]).read_text(encoding="utf-8")
    value = json.loads(text)
    if not isinstance(value, dict):
        raise ValueError("it is JSON of another kind")  # noqa: TRY004 - reported like text that is no JSON
    return value


def _follow(child: Child, follow: bool) -> int:
    as_text = sys.stdout.isatty() and not follow
    status_line = StatusLine(is_shown=sys.stderr.isatty() and not follow)
    has_text = False
    while (message := child.read()) is not None:
        status_line.clear()
        if message.get("method") == "stream/token" and as_text:
            print(message["params"]["token"], end="", flush=True)
            has_text = True
        elif "method" in message:
            if follow:
                print(json.dumps(message), flush=True)
            elif message["method"] == "stream/progress" and not has_text:
                status_line.show(message["params"])
        else:
            print("\n" if has_text else "", end="")
            return _finish(message, as_text=as_text, is_shown=has_text)
    return child.wait()


def _finish(response: dict[str, Any], *, as_text: bool, is_shown: bool) -> int:
    if "error" in response:
        error = response["error"]
        kind = error["data"]["kind"]
        print(f"ckservice: {error['message']} ({kind})", file=sys.stderr)
        if kind not in _TOLD_BY_MESSAGE:
            print(error["data"]["userMessage"], file=sys.stderr)
        for detail in error["data"].get("errors", []):
            print(f"  {detail['path']}: {detail['message']}", file=sys.stderr)
        return 1
    result = response["result"]
    if is_shown:
        show_cited(result)
    elif as_text and "retrievalTimeMs" in result:
        show_sources(result)
    else:
        print(json.dumps(result, indent=2 if sys.stdout.isatty() else None))
    return 0
