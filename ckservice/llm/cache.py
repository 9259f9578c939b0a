"""Answers to questions that are asked again, word for word.

A question that is to be answered without chance (temperature 0), or whose request says so, is looked up
first, and its answer kept. What is found is replayed as the stream that it was. Two who ask the same at the
same time both ask the provider: the second to end replaces what the first has kept.
"""

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import orjson
from pydantic import BaseModel

from ckservice.errors import StorageFailed
from ckservice.llm.attempts import Ask
from ckservice.llm.replay import Recorder, Recording
from ckservice.metrics import Metrics
from ckservice.settings import CacheSettings, FallbackConfig, ProviderConfig, Settings
from ckservice.store.answers import Answers, AnswersOnDisk, Stats
from ckservice.store.redis_answers import AnswersOnRedis
from ckservice.types import Answer, AnswerEvent, ChatRequest

log = logging.getLogger(__name__)

CacheMode = Literal["off", "use", "refresh"]
"""What a request says of the cache; `refresh` asks anew and keeps the answer."""

_FILE = "cache.sqlite3"

_FORMAT = 1
"""Of keys and recordings. It is part of each key, so that no version reads what another has written."""

_MOST_BYTES = 4 * 1024 * 1024
_SHARE = 4
"""An answer that takes more than one part in so many of the space isn't kept."""

_REST_SECONDS = 30
"""A store that failed is left alone for so long: else each request would wait for it again."""


class Cached:
    """Answers from a store where it can, and asks where it can't; a store that fails is passed over.

    The store is a file in the data directory, or the Redis server that the settings name.
    """

    def __init__(self, settings: Callable[[], Settings], data_directory: str, metrics: Metrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._stores: dict[str | None, _Store] = {None: _Store(AnswersOnDisk(Path(data_directory, _FILE)))}

    def stream(
        self, ask: Ask, request: ChatRequest, config: ProviderConfig, mode: CacheMode | None
    ) -> AsyncGenerator[AnswerEvent]:
        """Answer a request; the last event is an `Answer`.

        Args:
            ask: answers what isn't in the store.
            request: with all that `config` says of it.
            config: resolved, with the key that is used.
            mode: `None`: the temperature decides.

        Raises:
            ProviderError: of `ask`.
            InvalidOutput: of `ask`.
        """
        key = _key(request, config) if self._is_used(request, config, mode) else None
        return ask(request) if key is None else self._stream(ask, request, key, is_looked_up=mode != "refresh")

    async def stats(self) -> Stats:
        """What is in the store.

        Raises:
            StorageFailed: it can't be read.
        """
        store = self._store()
        stats = await store.answers.stats(ttl=self._settings().cache.ttl_seconds)
        store.rested()
        return stats

    async def clear(self) -> int:
        """Remove all answers, and say how many there were.

        Raises:
            StorageFailed: the store can't be written.
        """
        store = self._store()
        removed = await store.answers.clear()
        store.rested()
        return removed

    def _is_used(self, request: ChatRequest, config: ProviderConfig, mode: CacheMode | None) -> bool:
        if self._settings().cache.mode == "off" or mode == "off" or config.provider in (None, "offline"):
            return False
        return mode is not None or request.temperature == 0

    def _store(self) -> "_Store":
        url = self._settings().cache.url
        if url is not None and url not in self._stores:
            self._stores[url] = _Store(AnswersOnRedis(url))
        return self._stores[url]

    async def _stream(
        self, ask: Ask, request: ChatRequest, key: str, *, is_looked_up: bool
    ) -> AsyncGenerator[AnswerEvent]:
        if is_looked_up:
            recording = await self._store().find(key, self._settings().cache)
            if recording is not None:
                self._metrics.cache_hits += 1
                for event in recording.events():
                    yield event
                return
            self._metrics.cache_misses += 1
        recorder = Recorder()
        async with aclosing(ask(request)) as events:
            async for event in events:
                if not isinstance(event, Answer):
                    recorder.take(event)
                elif _is_complete(event) and not recorder.is_of_a_fallback:
                    await self._store().keep(key, recorder.recording(event), self._settings().cache)
                yield event


@dataclass(slots=True)
class _Store:
    """A place for answers that is passed over while it fails; each problem is logged once."""

    answers: Answers
    reads_from: float = 0
    writes_from: float = 0
    told: set[str] = field(default_factory=set)

    async def find(self, key: str, settings: CacheSettings) -> Recording | None:
        if monotonic() < self.reads_from:
            return None
        try:
            data = await self.answers.get(key, ttl=settings.ttl_seconds)
        except StorageFailed as error:
            self._tell(error)
            self.reads_from = self.writes_from = monotonic() + _REST_SECONDS
            return None
        return None if data is None else Recording.from_json(data)

    async def keep(self, key: str, recording: Recording, settings: CacheSettings) -> None:
        data = None if monotonic() < self.writes_from else recording.to_json()
        if data is None or len(data) > min(_MOST_BYTES, settings.max_bytes // _SHARE):
            return
        try:
            await self.answers.put(key, data, ttl=settings.ttl_seconds, max_bytes=settings.max_bytes)
        except StorageFailed as error:
            self._tell(error)
            self.writes_from = monotonic() + _REST_SECONDS

    def rested(self) -> None:
        """It works: nothing is to be passed over."""
        self.reads_from = self.writes_from = 0

    def _tell(self, error: StorageFailed) -> None:
        if error.message not in self.told:
            self.told.add(error.message)
            log.warning("the response cache is passed over", extra={"reason": error.message})


def _is_complete(answer: Answer) -> bool:
    return answer.finish_reason in ("stop", "toolCalls") and bool(answer.content or answer.tool_calls)


def _key(request: ChatRequest, config: FallbackConfig) -> str | None:
    """A hash of all that an answer depends on: what is asked, of whom, on whose account.

    `None` if JSON can't hold the question.
    """
    asked = {
        "format": _FORMAT,
        "request": request,
        "provider": config.provider,
        "endpoint": config.endpoint,
        "apiVersion": config.api_version,
        "api": config.api,
        "baseModel": config.base_model,
        "account": _account(config),
    }
    try:
        return sha256(orjson.dumps(asked, _plain, orjson.OPT_SORT_KEYS)).hexdigest()
    except orjson.JSONEncodeError:
        return None


def _account(config: FallbackConfig) -> str:
    key = None if config.api_key is None else config.api_key.get_secret_value()
    return sha256(orjson.dumps([key, config.headers], option=orjson.OPT_SORT_KEYS)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError
