"""The keys that no config holds, and where each may be sent.

Looked for in this order: what the host has set for the endpoint, what it has set for the provider as a whole,
what it answers when it is asked, the environment. All of them are in memory only.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

import anyio
from pydantic import SecretStr

from ckservice.logs import remember_secret
from ckservice.types import ProviderName
from ckservice.urls import is_loopback, without_password

Ask = Callable[[ProviderName, str | None], Awaitable[SecretStr | None]]
"""Asks the host for the key of a provider at an endpoint; `None` where it has none, or can't answer."""

_Account = tuple[ProviderName, str | None]
"""A provider at an endpoint; without one, at its own address or at any."""

_ANSWER_SECONDS = 60
"""A person may have to unlock a keychain."""

_REST_SECONDS = 15
"""After a host had no key: long enough that a burst of requests does not ask again and again, short enough for
somebody who then stores one."""

_OWN_ADDRESSES: dict[ProviderName, re.Pattern[str]] = {
    "openai": re.compile(r"https://([a-z0-9-]+\.)?api\.openai\.com(:443)?(/.*)?", re.IGNORECASE),
    "anthropic": re.compile(r"https://api\.anthropic\.com(:443)?(/.*)?", re.IGNORECASE),
    "azure-openai": re.compile(
        r"https://[a-z0-9-]+(\.openai\.azure\.(com|us|cn)|(\.cognitiveservices|\.services\.ai)\.azure\.(com|us|cn))"
        r"(:443)?(/.*)?",
        re.IGNORECASE,
    ),
}
"""Where nobody but the provider listens. Not API Management (`azure-api.net`): there any customer does."""


class Credentials:
    """Finds the key for a provider at an endpoint.

    A key of the environment was not meant for whatever endpoint a config may name. It is sent to the provider's own
    address over TLS, to an endpoint that the environment itself names, and to this very machine, where developers
    run gateways of their own; to no other.

    Attributes:
        ask: how the host is asked, once it has said that it can be.

    Args:
        environment: the keys that the environment holds.
        endpoints: those that the environment names.
    """

    def __init__(self, environment: Mapping[ProviderName, SecretStr], endpoints: Collection[str] = ()) -> None:
        self.ask: Ask | None = None
        self._environment = dict(environment)
        self._endpoints = frozenset(map(_address, endpoints))
        self._set: dict[_Account, SecretStr] = {}
        self._answered: dict[_Account, SecretStr] = {}
        self._questions: dict[_Account, _Question] = {}
        self._rests_until: dict[_Account, float] = {}
        for key in environment.values():
            remember_secret(key.get_secret_value())

    def set(self, provider: ProviderName, endpoint: str | None, key: SecretStr) -> None:
        """Keep a key for a provider at an endpoint or, without one, wherever no other is set."""
        remember_secret(key.get_secret_value())
        self._forget(provider, endpoint)
        self._set[_account(provider, endpoint)] = key

    def clear(self, provider: ProviderName, endpoint: str | None) -> None:
        """Forget what the host has set or answered; without an endpoint, for all of the provider's."""
        self._forget(provider, endpoint)
        for account in self._covered(self._set, provider, endpoint):
            del self._set[account]

    async def find(self, provider: ProviderName, endpoint: str | None) -> SecretStr | None:
        """The key to use; `None` where there is none.

        It may wait for the host to answer, a minute at most. Requests that need the same key share one question,
        which outlives them: a request that is cancelled takes it back from nobody.
        """
        if provider == "offline":
            return None
        account = _account(provider, endpoint)
        key = self._known(account)
        if key is None and (question := self._question(account)) is not None:
            await question.answered.wait()
            key = self._known(account)
        return key or self._of_environment(provider, endpoint)

    def refused(self, provider: ProviderName, key: SecretStr | None) -> None:
        """The provider has refused a key; one that the host answered with is asked for again next time."""
        for account, answer in list(self._answered.items()):
            if account[0] == provider and answer == key:
                del self._answered[account]

    def _known(self, account: _Account) -> SecretStr | None:
        provider, _ = account
        return self._set.get(account) or self._set.get((provider, None)) or self._answered.get(account)

    def _question(self, account: _Account) -> "_Question | None":
        """The open question for a key, opened if need be; `None` where the host is not asked."""
        if account in self._questions:
            return self._questions[account]
        provider, endpoint = account
        needs_none = provider == "ollama" and (endpoint is None or is_loopback(endpoint))
        if self.ask is None or needs_none or anyio.current_time() < self._rests_until.get(account, 0):
            return None
        answered = anyio.Event()
        task = asyncio.create_task(self._ask_host(self.ask, account, answered))
        self._questions[account] = _Question(answered, task)
        return self._questions[account]

    async def _ask_host(self, ask: Ask, account: _Account, answered: anyio.Event) -> None:
        key = None
        try:
            with anyio.move_on_after(_ANSWER_SECONDS):
                key = await ask(*account)
        finally:
            if not answered.is_set():  # else it has been withdrawn
                self._take_answer(account, key)
                answered.set()

    def _take_answer(self, account: _Account, key: SecretStr | None) -> None:
        del self._questions[account]
        if key:
            remember_secret(key.get_secret_value())
            self._answered[account] = key
        else:
            self._rests_until[account] = anyio.current_time() + _REST_SECONDS

    def _forget(self, provider: ProviderName, endpoint: str | None) -> None:
        """Forget what the host has answered, or is about to."""
        for account in self._covered(self._questions, provider, endpoint):
            question = self._questions.pop(account)
            question.task.cancel()  # which tells the host that it is over
            question.answered.set()
        for known in (self._answered, self._rests_until):
            for account in self._covered(known, provider, endpoint):
                del known[account]

    @staticmethod
    def _covered(accounts: Collection[_Account], provider: ProviderName, endpoint: str | None) -> list[_Account]:
        wanted = _account(provider, endpoint)
        return [account for account in accounts if account == wanted or (endpoint is None and account[0] == provider)]

    def _of_environment(self, provider: ProviderName, endpoint: str | None) -> SecretStr | None:
        is_meant = (
            endpoint is None
            or is_loopback(endpoint)
            or _address(endpoint) in self._endpoints
            or (provider in _OWN_ADDRESSES and _OWN_ADDRESSES[provider].fullmatch(endpoint))
        )
        return self._environment.get(provider) if is_meant else None


class _Question(NamedTuple):
    """A question that the host has not answered yet.

    Attributes:
        answered: set when it is over, whichever way.
        task: waits for the answer. It is nobody's: the request that asks first may be cancelled while others wait.
    """

    answered: anyio.Event
    task: asyncio.Task[None]


def _account(provider: ProviderName, endpoint: str | None) -> _Account:
    return provider, _address(endpoint) if endpoint is not None else None


def _address(endpoint: str) -> str:
    """An endpoint as accounts are told apart by it: without user and password, and without a slash at its end."""
    return (without_password(endpoint) or "").rstrip("/")
