"""Azure OpenAI: the same APIs at other addresses. What is called a model here is the name of a deployment there.

https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle. An endpoint that ends in `/openai/v1` is
the current API, and the same as OpenAI's own. Any other is dated: there the deployment stands in the path, the version
in the query, the key in a header of its own, and Chat Completions is what all versions have.
"""

import re
from typing import TYPE_CHECKING, Literal

from ckservice import errors
from ckservice.llm import failures
from ckservice.llm.providers.openai import OpenAIProvider
from ckservice.types import ModelInfo, ProviderName

if TYPE_CHECKING:
    import httpx2
    import openai

DEFAULT_API_VERSION = "2024-12-01-preview"

_API_MANAGEMENT = re.compile(r"https?://[^/]*\bazure-api\.net(:\d+)?(/|$)", re.IGNORECASE)


class AzureOpenAIProvider(OpenAIProvider):
    """One Azure OpenAI resource, or a gateway in front of some."""

    name: ProviderName = "azure-openai"

    async def models(self) -> list[ModelInfo]:
        """The deployment in the config: those of a resource can't be listed with its key.

        Where none is configured, the models that could be deployed.
        """
        listed = await super().models()
        deployment = self._access.config.model
        if deployment is None:
            return listed
        name = self._access.config.base_model or deployment
        known = next((model for model in listed if model.id == name), None)
        info = known or ModelInfo(id=deployment, name=deployment, provider=self.name, supports_streaming=True)
        return [info.model_copy(update={"id": deployment, "name": deployment})]

    @property
    def url(self) -> str:
        if not self._access.config.endpoint:
            raise errors.ProviderNotConfigured(
                "There is no endpoint for Azure OpenAI.",
                provider=self.name,
                user_message="Azure OpenAI needs the endpoint of your resource; enter it in the settings, "
                "or set AZURE_OPENAI_ENDPOINT.",
            )
        return super().url

    @property
    def is_openai(self) -> bool:
        return True

    @property
    def api(self) -> Literal["responses", "chat"]:
        return self._access.config.api or ("responses" if self._is_v1 else "chat")

    @property
    def _is_v1(self) -> bool:
        return self.url.endswith("/openai/v1")

    def _check_key(self) -> None:
        if self._access.key is None and not self._signs("authorization", "api-key"):
            raise failures.no_key(self.name, "AZURE_OPENAI_API_KEY")

    def _create(self, http: "httpx2.AsyncClient", timeout: "httpx2.Timeout") -> "openai.AsyncOpenAI":
        import openai  # noqa: PLC0415 - `Connection.open` has imported it

        if self._is_v1:
            return super()._create(http, timeout)
        return openai.AsyncAzureOpenAI(
            api_key=self._access.key or "",
            admin_api_key="",
            azure_endpoint=self.url.removesuffix("/openai"),
            api_version=self._access.config.api_version or DEFAULT_API_VERSION,
            max_retries=0,
            http_client=http,
            timeout=timeout,
        )

    def _headers(self) -> dict[str, str]:
        key = self._access.key
        subscription = {"Ocp-Apim-Subscription-Key": key} if key and _API_MANAGEMENT.match(self.url) else {}
        return {**subscription, **super()._headers()}
