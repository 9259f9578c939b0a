"""`python -m tests.service_under_test`: the real process, with methods added that a test needs.

They do what a product method may do one day, on demand: ask the host, raise, print, hang, take turns.
"""

import _thread
import asyncio
import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterable
from functools import partial
from typing import Any

import anyio

from ckservice import environment
from ckservice.app import Service
from ckservice.errors import RateLimited
from ckservice.jsonrpc.call import Call
from ckservice.jsonrpc.errors import HostError
from ckservice.jsonrpc.method import Handler, Notification, Request, handler, inline
from ckservice.model import Model, Params
from ckservice.process import Options
from ckservice.protocol.stream import TOKEN, ProgressParams
from ckservice.serve import serve


class Text(Params):
    text: str = ""


class Turn(Params):
    key: str
    seconds: float = 0.0


class Echo(Model):
    text: str


class Question(Model):
    text: str


ASK_HOST = Request("host/ask", Question, Echo, "What the tests have the service ask its host.")
UNDECLARED = Notification("stream/undeclared", ProgressParams, "No method declares that it sends this.")


async def ask(call: Call, params: Text) -> Echo:
    try:
        return await call.connection.asking.ask(ASK_HOST, Question(text=params.text))
    except HostError as error:
        return Echo(text=f"the host answered {error.code}: {error}")


async def ask_in_turn(call: Call, params: Turn) -> Echo:
    return await call.connection.asking.ask(ASK_HOST, Question(text=params.key))


def raise_now(_call: Call, params: Text) -> Echo:
    raise RuntimeError(params.text)


async def raise_later(_call: Call, params: Text) -> Echo:
    await anyio.sleep(0)
    raise RuntimeError(params.text)


async def raise_undeclared(_call: Call, _params: Text) -> Echo:
    raise RateLimited("not declared", provider="offline")


async def send_undeclared(call: Call, _params: Text) -> Echo:
    await call.send(UNDECLARED, phase="", message="")
    return Echo(text="")


async def leave(_call: Call, _params: Text) -> Echo:
    sys.exit(3)


async def lose_cancellation(_call: Call, _params: Text) -> Echo:
    raise anyio.get_cancelled_exc_class()


def leave_now(_call: Call, _params: Text) -> Echo:
    sys.exit(3)


def print_text(_call: Call, params: Text) -> Echo:
    print(params.text, flush=True)
    os.write(1, params.text.encode() + b"\n")
    return Echo(text=params.text)


async def run_child(_call: Call, params: Text) -> Echo:
    """A child process that writes to what it takes for stdout, and reads what it takes for stdin."""
    program = "import os, sys; os.write(1, sys.argv[1].encode()); print(sys.stdin.read())"
    await anyio.run_process([sys.executable, "-c", program, params.text], stdin=None, stdout=None, stderr=None)
    return Echo(text=params.text)


async def list_open_files(_call: Call, _params: Text) -> Echo:
    """What the descriptors of a child process are that inherits all it can."""
    program = "import os\nfor fd in os.listdir('/proc/self/fd'): print(os.path.realpath('/proc/self/fd/' + fd))"
    child = [sys.executable, "-c", program]
    run = partial(subprocess.run, child, close_fds=False, stdout=subprocess.PIPE, text=True, check=True)
    return Echo(text=(await anyio.to_thread.run_sync(run)).stdout)


def list_environment(_call: Call, _params: Text) -> Echo:
    """The names in the environment, as libraries and child processes find it."""
    return Echo(text=" ".join(os.environ))


def warn(_call: Call, params: Text) -> Echo:
    warnings.warn(params.text, stacklevel=1)
    return Echo(text="")


def raise_in_thread(_call: Call, params: Text) -> Echo:
    def fail() -> None:
        raise RuntimeError(params.text)

    threading.Thread(target=fail).start()
    _thread.start_new_thread(fail, ())
    return Echo(text="")


async def take_turn(call: Call, params: Turn) -> Echo:
    await call.send_text(TOKEN, f"begin {params.key}")
    await anyio.sleep(params.seconds)
    await call.send_text(TOKEN, f"end {params.key}")
    return Echo(text=params.key)


async def hang(_call: Call, _params: Text) -> Echo:
    """A handler that does not unwind when it is cancelled."""
    with anyio.CancelScope(shield=True):
        await anyio.sleep(60)
    return Echo(text="")


def block(_call: Call, params: Turn) -> Echo:
    """Code that holds the event loop, as only a bug would."""
    print("blocking", flush=True)
    time.sleep(params.seconds)
    return Echo(text="")


async def crash(_call: Call, params: Text) -> Echo:
    """A bug outside of any request."""

    def fail() -> None:
        raise RuntimeError(params.text)

    asyncio.get_running_loop().call_soon(fail)
    await anyio.sleep(60)
    return Echo(text="")


def big(_call: Call, params: Text) -> Echo:
    return Echo(text="x" * int(params.text))


def surrogate(_call: Call, _params: Text) -> Echo:
    return Echo(text="lone \ud800 surrogate, caf\u00e9, \U0001f600, \u2028")


def more_handlers(_service: Service) -> Iterable[Handler]:
    def request(name: str, params: type[Params] = Text, **more: Any) -> Request[Any, Any]:
        return Request(name, params, Echo, "A method of the tests.", **more)

    return (
        handler(request("test/ask"), ask),
        handler(request("test/askInTurn", Turn, serialize_by=lambda params: params.key), ask_in_turn),
        inline(request("test/raise"), raise_now),
        handler(request("test/raiseLater"), raise_later),
        handler(request("test/raiseUndeclared"), raise_undeclared),
        handler(request("test/sendUndeclared"), send_undeclared),
        handler(request("test/exit"), leave),
        inline(request("test/exitNow"), leave_now),
        handler(request("test/loseCancellation"), lose_cancellation),
        inline(request("test/print"), print_text),
        handler(request("test/child"), run_child),
        handler(request("test/openFiles"), list_open_files),
        inline(request("test/environment"), list_environment),
        inline(request("test/warn"), warn),
        inline(request("test/raiseInThread"), raise_in_thread),
        handler(request("test/turn", Turn, emits=(TOKEN,), serialize_by=lambda params: params.key), take_turn),
        handler(request("test/hang"), hang),
        inline(request("test/block", Turn), block),
        handler(request("test/crash"), crash),
        inline(request("test/big"), big),
        inline(request("test/surrogate"), surrogate),
    )


if __name__ == "__main__":
    options = Options(
        settings=environment.settings(os.environ),
        log_format="json",
        data_directory=environment.data_directory(os.environ),
        endpoints=environment.endpoints(os.environ),
        keys=environment.keys(os.environ),
        strict=True,
    )
    environment.withhold(os.environ)
    serve(options, more_handlers)
