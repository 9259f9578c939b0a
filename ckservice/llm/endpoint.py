"""What is learned of one account at one endpoint, for as long as the process lives."""

import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio

from ckservice import errors
from ckservice.llm.failures import retry_after, title
from ckservice.llm.pacing import seconds_to_wait
from ckservice.llm.structured.dialects import Rung
from ckservice.types import ProviderName

log = logging.getLogger(__name__)

_FAILURES_TO_OPEN = 5
_OPEN_SECONDS = 10
"""Short, since it is a person who waits, and who may just have plugged the cable back in."""

_MAX_TURNS = 1024


class Endpoint:
    """One account at one endpoint: how many ask it, when it may be asked again, what it can't do.

    Attributes:
        refused: parameters by model that it has refused; they are left out from then on.
        rungs: by model, how a schema for the answer is best asked for.
        turns: by the id of a tool call, what the provider wants to see of the turn that made it, verbatim.
    """

    def __init__(self, provider: ProviderName) -> None:
        self.provider = provider
        self.refused: dict[str, set[str]] = {}
        self.rungs: dict[str, Rung] = {}
        self.turns: OrderedDict[str, Any] = OrderedDict()
        self._limiter = anyio.CapacityLimiter(1)
        self._not_before = 0.0
        self._failures = 0
        self._last_failure: errors.ProviderUnavailable | None = None
        self._closed_until = 0.0

    def refuse(self, model: str, parameter: str) -> None:
        """Remember that a model takes a parameter no more."""
        if parameter not in self.refused.setdefault(model, set()):
            self.refused[model].add(parameter)
            log.warning("parameter left out", extra={"provider": self.provider, "model": model, "parameter": parameter})

    def remember_turn(self, call_ids: list[str], turn: Any) -> None:
        """Keep a turn until its tool calls are answered; the oldest are forgotten."""
        for call_id in call_ids:
            self.turns[call_id] = turn
        while len(self.turns) > _MAX_TURNS:
            self.turns.popitem(last=False)

    @asynccontextmanager
    async def place(self, capacity: int) -> AsyncIterator[None]:
        """Hold one of the places of those who ask at one time; waits for one in the order of arrival."""
        self._limiter.total_tokens = capacity
        holder = object()
        await self._limiter.acquire_on_behalf_of(holder)
        try:
            yield
        finally:
            self._limiter.release_on_behalf_of(holder)

    def pause(self) -> float:
        """Seconds until the provider may be asked again, by what it said of its limits."""
        return max(0.0, self._not_before - anyio.current_time())

    def note_limits(self, headers: Mapping[str, str]) -> None:
        """Take in the rate-limit headers of an answer.

        They tell when a limit is restored in full; where the answer says when to ask again, that comes sooner.
        """
        if retry_after(headers) is None:
            self.hold(seconds_to_wait(headers))

    def hold(self, seconds: float) -> None:
        """Ask nothing for a time."""
        self._not_before = max(self._not_before, anyio.current_time() + seconds)

    def check(self) -> None:
        """Fail at once while the endpoint is known to be down.

        Raises:
            ProviderUnavailable: it failed several times in a row, a moment ago.
        """
        left = self._closed_until - anyio.current_time()
        if left > 0:
            raise errors.ProviderUnavailable(
                f"{title(self.provider)} has failed {self._failures} times in a row and is left alone for a moment.",
                provider=self.provider,
                user_message=self._last_failure.user_message if self._last_failure is not None else None,
                retry_after=left,
                is_transient=False,
            )

    def succeeded(self) -> None:
        """It answered."""
        self._failures = 0
        self._closed_until = 0.0

    def failed(self, error: errors.ProviderError) -> None:
        """Count a failure; after several in a row nobody else has to wait for the next one.

        When the time is up the next request is let through, and the first failure shuts the door again.
        """
        if isinstance(error, errors.RateLimited):
            self.hold(error.retry_after or 0)
        if isinstance(error, errors.ProviderUnavailable):
            if not error.is_transient:
                return  # it failed at once, or after a wait as long as the settings allow: nothing to be spared
            self._last_failure = error
            self._failures += 1
            if self._failures >= _FAILURES_TO_OPEN:
                self._closed_until = anyio.current_time() + _OPEN_SECONDS
                log.warning("endpoint left alone", extra={"provider": self.provider, "seconds": _OPEN_SECONDS})
        else:
            self.succeeded()  # it is there, and answers
