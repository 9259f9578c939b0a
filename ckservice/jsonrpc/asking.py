"""Requests from the service to the host, and its answers."""

from asyncio import Future, get_running_loop
from itertools import count
from typing import Any, TypeVar

from pydantic import BaseModel

from ckservice.jsonrpc.errors import HostError, HostGone
from ckservice.jsonrpc.messages import Id, encode, encode_request
from ckservice.jsonrpc.method import Request
from ckservice.jsonrpc.outbox import Outbox

R = TypeVar("R", bound=BaseModel)


class Asking:
    """Asks the host things, any number at a time. Ids are strings, so that ours look like nobody else's."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._ids = (f"ckservice-{number}" for number in count(1))
        self._open: dict[Id, Future[Any]] = {}
        self._is_closed = False

    async def ask(self, request: Request[Any, R], params: BaseModel) -> R:
        """Ask, and wait for the answer. Cancelling the wait tells the host that it is over.

        Raises:
            HostError: the host answered with an error.
            HostGone: the connection ended first.
            pydantic.ValidationError: the answer does not fit the declared result.
        """
        if self._is_closed:
            raise HostGone("The host has closed the connection.")
        request_id = next(self._ids)
        answer: Future[Any] = get_running_loop().create_future()
        self._open[request_id] = answer
        self._outbox.send(encode_request(request_id, request.name, params))
        try:
            result = await answer
        finally:
            if self._open.pop(request_id, None) is not None and not self._is_closed:
                self._outbox.send(
                    encode({"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": request_id}}) + b"\n"
                )
        return request.result.model_validate(result, extra="ignore")

    def take_answer(self, request_id: Id, result: Any, error: dict[str, Any] | None) -> None:
        """Match an answer with its question. One that nobody waits for is ignored."""
        answer = self._open.pop(request_id, None)
        if answer is None or answer.done():
            return
        if error is None:
            answer.set_result(result)
        else:
            code, message = error.get("code"), error.get("message")
            answer.set_exception(HostError(code if isinstance(code, int) else 0, str(message)))

    def close(self) -> None:
        """Nobody will answer any more."""
        self._is_closed = True
        for answer in self._open.values():
            if not answer.done():
                answer.set_exception(HostGone("The host has closed the connection."))
        self._open.clear()
