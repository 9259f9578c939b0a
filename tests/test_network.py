"""The way to a provider: certificates, proxies, names that nobody knows."""

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.providers.ollama import answering, last, piece, sending
from tests.providers.server import Reply, Request, Server, closed_port
from tests.sidecar import Sidecar, question

HELLO = answering(piece("Hello"), last())
SOMEWHERE = "model.invalid"
"""A name that no resolver knows, https://www.rfc-editor.org/rfc/rfc6761."""

Start = Callable[..., Sidecar]
Serve = Callable[..., Server]


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


def ask(sidecar: Sidecar, endpoint: str, **settings: Any) -> Any:
    sidecar.call("settings/update", {"limits": {"maxAttempts": 1}, **settings})
    return sidecar.call(
        "chat/complete", question(config={"provider": "ollama", "endpoint": endpoint, "model": "test-model"})
    )


# Certificates


def test_a_certificate_that_nobody_vouches_for(start: Start, serve: Serve, tls: ssl.SSLContext) -> None:
    server = serve(HELLO, tls)
    sidecar = start()
    sidecar.call("settings/update", {"limits": {"maxAttempts": 3}})
    data = ask(sidecar, server.url)["data"]
    assert (data["kind"], server.requests) == ("providerUnavailable", [])
    assert "certificate" in data["userMessage"]
    assert "CKSERVICE_CA_FILE" in data["userMessage"]
    sidecar.assert_alive()


def test_a_file_of_further_certificates(start: Start, serve: Serve, tls: ssl.SSLContext, ca_file: str) -> None:
    server = serve(HELLO, tls)
    assert ask(start(), server.url, network={"caFile": ca_file})["content"] == "Hello"
    assert ask(start(env={"CKSERVICE_CA_FILE": ca_file}), server.url)["content"] == "Hello"


def test_the_name_in_a_certificate_has_to_be_right(
    start: Start, serve: Serve, ca_file: str, authority: trustme.CA
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    data = ask(start(), serve(HELLO, context).url, network={"caFile": ca_file})["data"]
    assert (data["kind"], "certificate" in data["userMessage"]) == ("providerUnavailable", True)


def test_a_file_that_holds_no_certificates(
    start: Start, serve: Serve, tls: ssl.SSLContext, ca_file: str, tmp_path: Path
) -> None:
    server, plain, sidecar = serve(HELLO, tls), serve(HELLO), start()
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense", encoding="ascii")
    for path in (nonsense, tmp_path / "missing.pem"):
        data = ask(sidecar, server.url, network={"caFile": str(path)})["data"]
        assert data["kind"] == "providerNotConfigured"
        assert "CKSERVICE_CA_FILE" in data["userMessage"]
        assert ask(sidecar, plain.url)["content"] == "Hello", "plain HTTP needs none"
    assert ask(sidecar, server.url, network={"caFile": ca_file})["content"] == "Hello"


# Proxies


def test_the_world_is_reached_through_the_proxy_of_the_settings(start: Start, serve: Serve) -> None:
    proxy = serve(HELLO)
    answer = ask(start(), f"http://{SOMEWHERE}", network={"proxy": proxy.url})
    assert answer["content"] == "Hello"
    assert proxy.requests[0].path == f"http://{SOMEWHERE}/api/chat"


def test_the_environment_may_name_the_proxy(start: Start, serve: Serve) -> None:
    proxy, other = serve(HELLO), serve(HELLO)
    sidecar = start(env={"HTTP_PROXY": proxy.url, "http_proxy": proxy.url, "NO_PROXY": "", "no_proxy": ""})
    assert ask(sidecar, f"http://{SOMEWHERE}")["content"] == "Hello"
    assert ask(sidecar, f"http://{SOMEWHERE}", network={"proxy": other.url})["content"] == "Hello"
    assert (len(proxy.requests), len(other.requests)) == (1, 1)


def test_a_proxy_that_wants_a_password_gets_it(start: Start, serve: Serve) -> None:
    proxy = serve(HELLO)
    address = proxy.url.replace("//", "//user:pass-word@")
    sidecar = start()
    assert ask(sidecar, f"http://{SOMEWHERE}", network={"proxy": address})["content"] == "Hello"
    assert proxy.requests[0].headers["proxy-authorization"].startswith("Basic ")
    assert sidecar.call("settings/get")["network"]["proxy"] == proxy.url


@pytest.mark.parametrize("status", [403, 407, 502])
def test_a_proxy_that_refuses(start: Start, serve: Serve, status: int) -> None:
    proxy = serve(sending(status, {}))
    data = ask(start(), f"https://{SOMEWHERE}", network={"proxy": proxy.url})["data"]
    assert (data["kind"], "proxy" in data["userMessage"]) == ("providerUnavailable", True)
    assert (proxy.requests[0].method, proxy.requests[0].path) == ("CONNECT", f"{SOMEWHERE}:443")


def test_a_proxy_that_wants_to_know_who_asks(start: Start, serve: Serve) -> None:
    proxy = serve(sending(407, {}))
    data = ask(start(), f"http://{SOMEWHERE}", network={"proxy": proxy.url})["data"]
    assert (data["kind"], "proxy" in data["userMessage"]) == ("providerUnavailable", True)


def test_a_proxy_that_is_not_there(start: Start) -> None:
    sidecar = start()
    data = ask(sidecar, f"http://{SOMEWHERE}", network={"proxy": f"http://127.0.0.1:{closed_port()}"})["data"]
    assert data["kind"] == "providerUnavailable"
    assert "proxy" in data["userMessage"]


@pytest.mark.parametrize("proxy", ["nonsense", "ftp://127.0.0.1", "http://", "http://[::1", "socks5://127.0.0.1:1"])
def test_a_proxy_that_makes_no_sense(start: Start, serve: Serve, proxy: str) -> None:
    server, sidecar = serve(HELLO), start()
    data = ask(sidecar, f"http://{SOMEWHERE}", network={"proxy": proxy})["data"]
    assert (data["kind"], "proxy" in data["userMessage"]) == ("providerNotConfigured", True)
    assert ask(sidecar, server.url)["content"] == "Hello", "this machine is reached without"


# Names and ports


def test_a_host_that_nobody_knows(start: Start) -> None:
    data = ask(start(), f"https://{SOMEWHERE}")["data"]
    assert data["kind"] == "providerUnavailable"
    assert SOMEWHERE in data["userMessage"]


def test_a_port_where_nobody_listens_is_tried_once(start: Start) -> None:
    sidecar = start()
    endpoint = f"http://127.0.0.1:{closed_port()}"
    config = {"provider": "ollama", "endpoint": endpoint, "model": "test-model"}
    data = sidecar.call("chat/complete", question(config=config), request_id=1)["data"]
    assert (data["kind"], sidecar.notifications(1, "stream/progress")) == ("providerUnavailable", [])
    assert "start Ollama" in data["userMessage"]
    assert endpoint in data["userMessage"]


def test_the_trace_of_a_request_reaches_the_provider(start: Start, serve: Serve) -> None:
    server, sidecar = serve(HELLO), start()
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    config = {"provider": "ollama", "endpoint": server.url, "model": "test-model"}
    for meta in ({"traceparent": trace}, {"traceparent": "a\r\nb: c"}, {}):
        assert sidecar.call("chat/complete", question(config=config, _meta=meta))["content"] == "Hello"
    sent = [request.headers.get("traceparent") for request in server.requests]
    assert sent == [trace, None, None]


async def _hold(_request: Request, reply: Reply) -> None:
    await reply.hold()


def test_a_proxy_that_says_nothing_does_not_outlive_a_cancel(start: Start, serve: Serve) -> None:
    proxy, sidecar = serve(_hold), start()
    sidecar.call("settings/update", {"network": {"proxy": proxy.url}})
    config = {"provider": "ollama", "endpoint": f"https://{SOMEWHERE}", "model": "test-model"}
    sidecar.request(1, "chat/complete", question(config=config))
    connection = proxy.request().connection
    sidecar.notify("$/cancelRequest", {"id": 1})
    assert sidecar.response(1)["error"]["data"]["kind"] == "cancelled"
    assert connection.closed.wait(1), "the connection is still open"
