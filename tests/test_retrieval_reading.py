"""How bytes become text that is indexed: encodings, line numbers, what is no text, and that no secret is in it."""

import re
import secrets
from collections.abc import Callable
from pathlib import Path
from time import thread_time

import pytest

from ckservice.context.secrets import mask, mask_lines
from ckservice.retrieval.files.reading import decode, is_generated
from tests.indexed_repository import IndexedRepository
from tests.meaning import Embedding
from tests.providers.server import Script, Server
from tests.sidecar import Sidecar

Start = Callable[..., Sidecar]
Serve = Callable[[Script], Server]

KEY = "-----BEGIN RSA PRIVATE KEY-----\n{0}\n{0}\n-----END RSA PRIVATE KEY-----"


def lines(text: str) -> int:
    return len(re.split("\r\n?|\n", text))


@pytest.fixture
def repository(tmp_path: Path, environment: dict[str, str]) -> IndexedRepository:
    return IndexedRepository(tmp_path / "repository", environment["CKSERVICE_DATA_DIR"])


# Encodings, and what is no text


@pytest.mark.source
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        ("größe".encode(), "größe"),
        (b"\xef\xbb\xbfx", "x"),
        ("größe 🙂".encode("utf-16"), "größe 🙂"),
        (b"\xfe\xff" + "größe".encode("utf-16-be"), "größe"),
        ("Größe, naïve".encode("latin-1"), "Größe, naïve"),
        (b"price: 5 \x80 \x81", "price: 5 € \ufffd"),
        ("größe ".encode() + b"\xff\xfe", "größe \ufffd\ufffd"),
        (b"\xff\xfe\x00\xd8x\x00", "\ufffdx"),
        (b"a\r\nb\rc\fd\x0b\x1b[31m", "a\r\nb\rc\fd\x0b\x1b[31m"),
        (b"one stray \x07" + b"." * 100, "one stray \x07" + "." * 100),
        (b"text\0", None),
        (b"x" * 500_000 + b"\0", None),
        ("größe\0".encode("utf-16"), None),
        ("größe".encode("utf-32"), None),
        (bytes(range(1, 256)) * 10, None),
    ],
)
def test_bytes_are_text_in_some_encoding_or_none(data: bytes, text: str | None) -> None:
    assert decode(data) == text


@pytest.mark.source
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", False),
        ("var first=1,second=2;" * 200, True),
        ("// licence\n" * 20 + "!function(e,t){return e(t)}(x,y);" * 200, True),
        ("A paragraph without any break, as editors of today like them. " * 200, False),
        ("段落は長くても読むためのものです。" * 500, False),
        ("const data = 'x';\n" * 500 + "const image = '" + "A" * 3000 + "'\n", False),
        ("one,two,three\n" * 5000, False),
        ("a b c d\r" * 5000, False),
    ],
)
def test_what_machines_have_written_for_machines_is_no_text(text: str, expected: bool) -> None:
    assert is_generated(text) is expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "latin-1"])
def test_lines_have_the_numbers_that_editors_show(sidecar: Sidecar, tmp_path: Path, end: str, encoding: str) -> None:
    key = KEY.format("MIIEpAIBAAKCAQEA").replace("\n", end)
    text = end.join(
        ["# Grüße", "", "token: abcdefgh", key, "", '"password": "a\fb\x0bc"', "", "# Tomatoes", "", "Water them."]
    )
    (tmp_path / "plants.md").write_bytes(text.encode(encoding))
    (source,) = sidecar.call("rag/search", {"query": "tomatoes", "topK": 1, "repoPath": str(tmp_path)})["sources"]
    assert (source["entityId"], source["startLine"], source["endLine"]) == ("plants.md#tomatoes", 11, 13)


# Secrets


class Canaries:
    """Secrets that occur nowhere else, in all shapes; files that hold them have words that are found, too."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def new(self, length: int = 32) -> str:
        self.parts.append("".join(secrets.choice("ABCDEFGHJKLMNPQRSTUVWXYZ234567") for _ in range(length)))
        return self.parts[-1]

    def texts(self) -> dict[str, str]:
        key = KEY.format(self.new(64))
        return {
            "known.md": f"sk-{self.new()} and ghp_{self.new()} and AKIA{self.new(16)} and xoxb-{self.new()}",
            "others.md": f"AIza{self.new(35)} sk_live_{self.new()} glpat-{self.new()} hf_{self.new(34)} npm_{self.new(36)}",
            "jwt.ts": f"const session = 'eyJhbGciOiJIUzI1NiJ9.{self.new()}.{self.new()}'",
            "url.md": f"git clone https://user:{self.new()}@example.org/x.git",
            "header.md": f"curl -H 'Authorization: Bearer {self.new()}' -H 'Authorization: Basic {self.new()}'",
            "settings.yaml": f"password: {self.new()}\ndb_passphrase: '{self.new()}'\n\nclient_secret:   {self.new()}  # old\n",
            "settings.json": f'{{"apiKey": "{self.new()}",\n "client_secret":\n  "{self.new()} {self.new()}"}}',
            "deploy.yaml": f"env:\n  - name: API_TOKEN\n    value: {self.new()}\n",
            "run.sh": f"export DB_PASSWORD={self.new()}\nexport ACCESS_KEY='{self.new()}'\n",
            "storage.ini": f"connection = DefaultEndpointsProtocol=https;AccountKey={self.new(64)}==;EndpointSuffix=x",
            "deep/key.md": f"Before\n\n{key}\n\nAfter",
            "windows.md": key.replace("\n", "\r\n"),
            "inline.py": repr(key),
            "no_end.md": f"-----BEGIN PRIVATE KEY-----\n{self.new(64)}\n{self.new(64)}\n",
            "pgp.txt": f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{self.new(64)}\n-----END PGP PRIVATE KEY BLOCK-----",
            "contexts/tasks/T-001.yaml": f"id: T-001\ntitle: Rotate\nstatus: todo\nadmin_password: {self.new()}\n",
            ".env.production": f"X={self.new()}",
            "certs/server.key": self.new(),
            "credentials.md": self.new(),
        }

    def found_in(self, data: bytes) -> list[str]:
        return [part for part in self.parts if part.encode() in data or part.lower().encode() in data]


def test_no_secret_reaches_the_index_or_a_provider(start: Start, serve: Serve, repository: IndexedRepository) -> None:
    canaries = Canaries()
    texts = canaries.texts()
    for path, text in texts.items():
        repository.write(path, f"Marigold\n{text}\nMarigold\n" if not path.endswith((".json", ".yaml")) else text)
    known = secrets.token_hex(16)
    canaries.parts.append(known)
    repository.write("notes.md", f"Marigold {known}\n")
    server = serve(Embedding())
    sidecar = start()
    config = {"provider": "ollama", "endpoint": server.url, "model": "embedder", "apiKey": known}
    sidecar.call("settings/update", {"embedding": config})
    counts = sidecar.call("rag/index", {**repository.place, "embed": "always"})
    assert counts["added"] == len(texts) + 1 - 3
    assert counts["embedded"] > 0
    found = sidecar.call("rag/search", {**repository.place, "query": "marigold", "topK": 100})["sources"]
    assert {"jwt.ts", "notes.md", "deep/key.md", "inline.py"} <= {source["filePath"] for source in found}
    assert sidecar.end() == 0
    stored = b"".join(file.read_bytes() for file in repository.folder.parent.rglob("*") if file.is_file())
    assert b"arigold" in stored
    assert canaries.found_in(stored) == []
    sent = b"".join(request.body for request in server.requests)
    assert b"arigold" in sent
    assert canaries.found_in(sent) == []
    assert canaries.found_in(b"".join(sidecar.raw) + "".join(sidecar.log).encode()) == []


@pytest.mark.source
def test_lines_are_masked_as_texts_are() -> None:
    for text in (
        *Canaries().texts().values(),
        "nothing to hide\n\n",
        "",
        "token",
        "İ token: abcdefgh\nx",
        "a://b@c\n://",
    ):
        assert "".join(mask_lines(text).split()) == "".join(mask(text).split()) or "PRIVATE KEY" in text
        for end in ("\n", "\r\n", "\r"):
            assert lines(mask_lines(text.replace("\r", "").replace("\n", end))) == lines(text)


@pytest.mark.source
@pytest.mark.parametrize(
    "line",
    [
        "token = self.read_token()",
        "token = readToken(this.stream);",
        "  password: string;",
        "token: str = settings.token",
        "const apiKey = process.env.API_KEY;",
        "secret = None  # none yet",
        "https://example.org/a?b=c me@example.org",
    ],
)
def test_code_that_handles_secrets_stays(line: str) -> None:
    assert mask_lines(line) == line


@pytest.mark.source
def test_what_only_speaks_of_keys_stays() -> None:
    text = 'if "-----BEGIN PRIVATE KEY-----" in text:\n    rotate()\n# a key, a token, and a password\nkeyboard = 1\n'
    assert mask_lines(text) == text.replace("-----BEGIN PRIVATE KEY-----", "[redacted]")


@pytest.mark.source
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "token",
            "token\n",
            "token: ",
            "password=x",
            "key",
            "api_key",
            "://",
            "://a",
            "a@",
            "://@\n",
            '"',
            '"token": "',
            "eyJ",
        ),
        *(
            "-----BEGIN PRIVATE KEY-----",
            "-----BEGIN ",
            "-----END ",
            "-----BEGIN A PRIVATE KEY-----\nAA\n-----END A-----",
        ),
        *(
            "sk-",
            "a.",
            "name: token,\nvalue: ",
            "AccountKey=",
            "a=\xe9=",
            "?token=a",
            "<token>a",
            "\n",
            "\r",
            "İ",
            "AIza",
            "x" * 1999 + "\n",
        ),
    ],
)
def test_no_text_takes_long_to_read(piece: str) -> None:
    """While a regular expression is matched, the whole process waits."""
    text = "token=" + piece * (200_000 // len(piece)) + '"x'
    began = thread_time()
    assert lines(mask_lines(text)) == lines(text)
    is_generated(text)
    decode(text.encode())
    assert thread_time() - began < 2
