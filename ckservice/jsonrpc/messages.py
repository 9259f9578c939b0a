"""Lines to messages and messages to lines.

Reading is strict (UTF-8, no NaN, no lone surrogate, bounded depth: what orjson refuses is refused).
Writing is ASCII only, so that no code page and no line reader that splits on U+2028 can hurt a message.
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii
from typing import Any

import orjson
from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from ckservice.jsonrpc.errors import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR, RpcError
from ckservice.jsonrpc.framing import HEAD_BYTES

Id = str | int

_MAX_ID_LENGTH = 256
_MAX_SAFE_INTEGER = 2**53
"""Integers beyond this are not exact in JavaScript, so they can't be told apart there."""


@dataclass(slots=True)
class RequestMessage:
    id: Id
    method: str
    params: dict[str, Any]


@dataclass(slots=True)
class NotificationMessage:
    method: str
    params: dict[str, Any]


@dataclass(slots=True)
class ResponseMessage:
    id: Id
    result: Any
    error: dict[str, Any] | None


@dataclass(slots=True)
class InvalidMessage:
    """Something that is owed an error; `id` is `None` where it could not be read."""

    id: Id | None
    error: RpcError


Message = RequestMessage | NotificationMessage | ResponseMessage | InvalidMessage


def parse(line: bytes) -> Message | list[Message]:
    """Tell what a line is; a list stands for a JSON-RPC batch."""
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        error = RpcError(PARSE_ERROR, "The line is not valid JSON in UTF-8.")
        return InvalidMessage(salvage_id(line), error)
    if isinstance(value, list) and value:
        return [_classify(item) for item in value]
    return _classify(value)


def _classify(value: Any) -> Message:
    if not isinstance(value, dict):
        return _invalid(None, "A message must be a JSON object or a batch of them.")
    message_id: Id | None = value["id"] if is_id(value.get("id")) else None
    if value.get("jsonrpc") != "2.0":
        return _invalid(message_id, 'The member "jsonrpc" must be "2.0".')
    method = value.get("method")
    if isinstance(method, str):
        return _classify_call(message_id, method, value)
    if message_id is not None and "method" not in value and ("result" in value or isinstance(value.get("error"), dict)):
        return ResponseMessage(message_id, value.get("result"), value.get("error"))
    return _invalid(message_id, 'The member "method" must be a string.')


def _classify_call(message_id: Id | None, method: str, value: dict[str, Any]) -> Message:
    params = value.get("params", {})
    if "id" not in value:
        return NotificationMessage(method, params if isinstance(params, dict) else {})
    if message_id is None:
        return _invalid(None, 'The member "id" must be a string of 1 to 256 characters or an integer below 2^53.')
    if not isinstance(params, dict):
        return InvalidMessage(message_id, RpcError(INVALID_PARAMS, "Parameters go by name: params must be an object."))
    return RequestMessage(message_id, method, params)


def _invalid(message_id: Id | None, reason: str) -> InvalidMessage:
    return InvalidMessage(message_id, RpcError(INVALID_REQUEST, reason))


def is_id(value: Any) -> bool:
    """Whether a value may stand as a request id."""
    if isinstance(value, str):
        return 1 <= len(value) <= _MAX_ID_LENGTH
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < _MAX_SAFE_INTEGER


_LEADING_ID = re.compile(
    rb"""\s*\{(?:\s*"(?:jsonrpc|method)"\s*:\s*"[^"\\]*"\s*,)*\s*"id"\s*:\s*(?:(-?(?:0|[1-9]\d{0,15}))|"([^"\\]{1,256})")\s*[,}]"""
)


def salvage_id(line: bytes) -> Id | None:
    """Read the id of a broken or cut line, where only `jsonrpc` and `method` come before it.

    Anything further in could be the id of something else, and answering the wrong request is worse
    than answering none.
    """
    match = _LEADING_ID.match(line, 0, HEAD_BYTES)
    if match is None:
        return None
    number, text = match.groups()
    try:
        value: Id = int(number) if number is not None else text.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return value if is_id(value) else None


def _escape(error: UnicodeError) -> tuple[str, int]:
    # The run holds no ASCII, hence no quote and no backslash: escaping it by itself is exact.
    assert isinstance(error, UnicodeEncodeError)
    return encode_basestring_ascii(error.object[error.start : error.end])[1:-1], error.end


codecs.register_error("ckservice.json-escape", _escape)


def encode(value: Any) -> bytes:
    r"""JSON in ASCII, without a newline; what is not ASCII becomes `\uXXXX`. NaN and infinity become null."""
    try:
        data = orjson.dumps(value)
    except TypeError:
        # A lone surrogate (an undecodable file name, a model's broken output) has no UTF-8.
        data = orjson.dumps(_replace_surrogates(value))
    return data if data.isascii() else data.decode("utf-8").encode("ascii", "ckservice.json-escape")


def encode_notification(method: str, params: BaseModel) -> bytes:
    """A notification as a line."""
    return b'{"jsonrpc":"2.0","method":"%b","params":%b}\n' % (method.encode("ascii"), encode_model(params))


def encode_request(request_id: Id, method: str, params: BaseModel) -> bytes:
    """A request to the host as a line."""
    members = encode(request_id), method.encode("ascii"), encode_model(params)
    return b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":%b}\n' % members


def encode_result(request_id: Id, result: BaseModel) -> bytes:
    """A response as a line."""
    return b'{"jsonrpc":"2.0","id":%b,"result":%b}\n' % (encode(request_id), encode_model(result))


def encode_error(request_id: Id | None, error: RpcError) -> bytes:
    """An error response as a line."""
    return b'{"jsonrpc":"2.0","id":%b,"error":%b}\n' % (encode(request_id), encode(error.to_json()))


def encode_model(model: BaseModel) -> bytes:
    """A model as JSON in ASCII, in one pass."""
    try:
        return model.model_dump_json(ensure_ascii=True).encode("ascii")
    except PydanticSerializationError:
        return encode(model.model_dump(mode="json", by_alias=True))  # a lone surrogate, as in `encode`


def encode_text(text: str) -> str:
    """A JSON string in ASCII, quotes included."""
    if text.isascii():
        return encode_basestring_ascii(text)
    return encode_basestring_ascii(text.encode("utf-8", "replace").decode("utf-8"))


def _replace_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {_replace_surrogates(key): _replace_surrogates(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_replace_surrogates(item) for item in value]
    return value
