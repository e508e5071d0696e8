"""Calls to addresses that somebody outside named: where they may lead, what is heard of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as some

from haat.engines.http.addresses import may_be_called, networks
from haat.engines.http.outward import CallFailed, Outward, UrlRefused

HERE = networks("127.0.0.0/8, ::1")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

INSIDE = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 100.127.255.255 127.0.0.1 127.8.8.8
    168.63.129.16 169.254.169.254 169.254.170.2 172.16.0.1 172.31.255.255 192.0.0.192 192.0.2.1
    192.88.99.1 192.168.0.1 198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1
    239.255.255.255 240.0.0.1 255.255.255.255
    :: ::1 ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe
    ::ffff:0:169.254.169.254 64:ff9b::127.0.0.1 64:ff9b::a9fe:a9fe 64:ff9b:1::1 100::1
    2001::1 2001:0:7f00:1:: 2001:10::1 2001:db8::1 2002:7f00:1:: 2002:a9fe:a9fe::1 3fff::1
    5f00::1 fc00::1 fd00:ec2::254 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 2606:4700::1%1
""".split()
OUTSIDE = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 168.63.129.17 172.15.0.1
    172.32.0.1 192.0.1.1 192.169.0.1 198.17.0.1 198.20.0.1 223.255.255.255
    2606:4700:4700::1111 2a00:1450:4001::1 ::ffff:8.8.8.8 64:ff9b::808:808
""".split()


@pytest.mark.parametrize("text", INSIDE)
def test_what_is_not_public_may_not_be_called(text: str) -> None:
    assert not may_be_called(ip_address(text))


@pytest.mark.parametrize("text", OUTSIDE)
def test_what_is_public_may(text: str) -> None:
    assert may_be_called(ip_address(text))


def test_named_networks_may() -> None:
    allowed = networks("10.1.0.0/16, ::1 ")
    for text, may in (("10.1.2.3", True), ("10.2.0.1", False), ("::1", True), ("::2", False)):
        assert may_be_called(ip_address(text), allowed) is may
    assert may_be_called(ip_address("::ffff:10.1.0.9"), allowed), "the same host"
    with pytest.raises(ValueError):
        networks("10.1.0.1/16")


@given(some.integers(0, 2**32 - 1))
def test_an_ipv4_address_is_the_same_in_every_dress(number: int) -> None:
    bare = IPv4Address(number)
    for dressed in (f"::ffff:{bare}", f"64:ff9b::{bare}"):
        assert may_be_called(ip_address(dressed)) == may_be_called(bare)
    assert not may_be_called(bare) or bare.is_global


REFUSED = [
    "",
    "https://",
    "https:///path",
    "https://?q",
    "http://example.com/",  # without TLS
    "ftp://example.com/",
    "gopher://example.com/",
    "file:///etc/passwd",
    "javascript:alert(1)",
    "//example.com/",
    "example.com",
    "https:example.com",
    "https:/example.com",
    # user names, and what looks like one
    "https://user@example.com/",
    "https://user:word@example.com/",
    "https://example.com@169.254.169.254/",
    "https://169.254.169.254@example.com/",
    "https://example.com\\@169.254.169.254/",
    "https://example.com%40169.254.169.254/",
    "https://@example.com/",
    # what some programs take for an address
    "https://2130706433/",
    "https://017700000001/",
    "https://0x7f000001/",
    "https://0x7f.0.0.1/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://127.0.1/",
    "https://0/",
    "https://1.1/",
    "https://127.0.0.1./",
    "https://127.0.0.01/",
    "https://example.0x7f/",
    "https://256.256.256.256/",
    "https://１２７.0.0.1/",
    "https://127。0。0。1/",
    "https://ⓔxample.com/",
    # addresses that are not public
    "https://127.0.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:a9fe:a9fe]/",
    "https://[fe80::1%25eth0]/",
    "https://[fe80::1]/",
    "https://[fd00:ec2::254]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[127.0.0.1]/",
    "https://[v1.a]/",
    "https://[::1/",
    "https://::1/",
    "https://localhost/",
    "https://LOCALHOST./",
    "https://a.localhost/",
    # ports
    "https://example.com:22/",
    "https://example.com:25/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:x/",
    "https://example.com:-1/",
    # what would mean something else to somebody else
    "https://example.com/ x",
    "https://example.com/\r\nX-Evil: 1",
    "https://example.com/\t",
    "https://exa mple.com/",
    "https://example.com\x00.evil.example/",
    "https://example.com/#fragment",
    "https://example.com/#",
    "https://exam_ple-.com/",
    "https://-example.com/",
    "https://.example.com/",
    "https://example..com/",
    "https://" + "a" * 64 + ".com/",
    "https://example.com/" + "a" * 2000,
    "https://%31%32%37.0.0.1/",
]


@pytest.mark.parametrize("url", REFUSED)
def test_addresses_that_are_refused_as_they_stand(url: str) -> None:
    with pytest.raises(UrlRefused) as raised:
        Outward().target(url)
    assert [one.path for one in raised.value.fields] == ["url"]


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://example.com", "example.com", "/"),
        ("HTTPS://Example.COM:443/a?b=c%20d", "example.com", "/a?b=c%20d"),
        ("https://hooks.example.com:8443/x/", "hooks.example.com:8443", "/x/"),
        ("https://example.com?x=1", "example.com", "/?x=1"),
        ("https://example.com/a@b", "example.com", "/a@b"),
        ("https://8.8.8.8/", "8.8.8.8", "/"),
        ("https://[2606:4700:4700::1111]:8443/", "[2606:4700:4700::1111]:8443", "/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "/"),
    ],
)
def test_addresses_that_are_taken(url: str, authority: str, path: str) -> None:
    target = Outward().target(url)
    assert (target.authority, target.path) == (authority, path)


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on this machine that does with a connection what it likes."""

    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(quietly, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def answering(answer: bytes, heard: list[bytes]) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        heard.append(head + await reader.readexactly(length))
        writer.write(answer)
        await writer.drain()

    return handle


async def test_a_message_goes_out_and_the_answer_comes_back() -> None:
    heard: list[bytes] = []
    async with serving(answering(OK, heard)) as port:
        client = Outward(allowed=HERE, plain=True)
        reply = await client.post(
            f"http://127.0.0.1:{port}/in?x=1", headers={"webhook-id": "m"}, content=b"{}"
        )
    assert (reply.status, reply.body, reply.headers["content-length"]) == (200, b"hi", "2")
    [said] = heard
    assert said.startswith(b"POST /in?x=1 HTTP/1.1\r\n")
    lines = said.lower().split(b"\r\n")
    assert {b"webhook-id: m", b"connection: close", f"host: 127.0.0.1:{port}".encode()} <= {*lines}
    assert said.endswith(b"\r\n\r\n{}")


async def test_a_name_is_looked_up_once_and_all_its_addresses_are_checked() -> None:
    """DNS rebinding: the second answer, which leads inside, is never asked for; and one inside
    address among public ones is enough to be refused."""
    answers: list[Sequence[str]] = [["93.184.215.14", "10.0.0.1"], ["127.0.0.1"], []]
    asked: list[str] = []

    async def resolve(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    heard: list[bytes] = []
    async with serving(answering(OK, heard)) as port:
        client = Outward(plain=True, resolve=resolve)
        for times in (1, 2, 3):
            with pytest.raises(CallFailed) as raised:
                await client.post(f"http://rebind.example:{port}/", headers={}, content=b"")
            assert raised.value.reason == "address"
            assert len(asked) == times
    assert heard == []


async def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    """The name leads here when it is checked and elsewhere afterwards: only the first counts."""
    turns = iter([["127.0.0.1"], ["127.0.0.2"]])

    async def resolve(host: str, port: int) -> Sequence[str]:
        return next(turns)

    heard: list[bytes] = []
    async with serving(answering(OK, heard)) as port:
        client = Outward(allowed=networks("127.0.0.1"), plain=True, resolve=resolve)
        url = f"http://turning.example:{port}/"
        assert (await client.post(url, headers={}, content=b"")).status == 200
        with pytest.raises(CallFailed) as raised:
            await client.post(url, headers={}, content=b"")
    assert raised.value.reason == "address"
    [said] = heard
    assert f"host: turning.example:{port}".encode() in said.lower()


async def test_names_whose_server_fails() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    client = Outward(resolve=resolve)
    with pytest.raises(CallFailed) as raised:
        await client.post("https://nowhere.example/", headers={}, content=b"")
    assert (raised.value.reason, raised.value.detail) == (
        "address",
        "The host has no public address.",
    )
    real = Outward()
    with pytest.raises(CallFailed):
        await real.post("https://nowhere.invalid/", headers={}, content=b"")
    await real.aclose()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_not_followed(status: int) -> None:
    heard: list[bytes] = []
    to = f"HTTP/1.1 {status} Moved\r\nlocation: http://169.254.169.254/latest/\r\n"
    async with serving(answering(to.encode() + b"content-length: 0\r\n\r\n", heard)) as port:
        client = Outward(allowed=HERE, plain=True)
        reply = await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"x")
    assert (reply.status, len(heard)) == (status, 1)


async def test_answers_are_heard_only_to_their_first_kilobyte() -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
            await writer.drain()

    async with serving(endless) as port:
        client = Outward(allowed=HERE, plain=True, timeout_s=60)
        reply = await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"")
    assert (reply.status, reply.body) == (200, b"x" * 1024)


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000,
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * 4_000,
        b"HTTP/1.1 2",
    ],
)
async def test_what_is_no_answer(said: bytes) -> None:
    async with serving(answering(said, [])) as port:
        client = Outward(allowed=HERE, plain=True, timeout_s=60)
        with pytest.raises(CallFailed) as raised:
            await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"")
    assert raised.value.reason == "no_answer"


async def test_who_does_not_answer_in_time() -> None:
    waiting = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await waiting.wait()

    async with serving(silent) as port:
        client = Outward(allowed=HERE, plain=True, timeout_s=0.2)
        with pytest.raises(CallFailed) as raised:
            await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"")
        waiting.set()
    assert raised.value.reason == "timeout"


async def test_a_status_counts_though_the_rest_never_comes() -> None:
    waiting = asyncio.Event()

    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 9\r\n\r\nhal")
        await waiting.wait()

    async with serving(half) as port:
        client = Outward(allowed=HERE, plain=True, timeout_s=60)
        reply = await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"")
        waiting.set()
    assert (reply.status, reply.body) == (202, b"hal")


async def test_nobody_there() -> None:
    async with serving(answering(OK, [])) as port:
        pass
    client = Outward(allowed=HERE, plain=True)
    with pytest.raises(CallFailed) as raised:
        await client.post(f"http://127.0.0.1:{port}/", headers={}, content=b"")
    assert raised.value.reason == "connect"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of hooks.example, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hooks.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("hooks.example")]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "hooks.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


async def test_tls_is_checked_for_the_name_though_an_address_is_called(certificate: Path) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async with serving(answering(OK, []), server) as port:
        client = Outward(allowed=HERE, resolve=resolve, tls=trusting)
        url = f"https://hooks.example:{port}/"
        assert (await client.post(url, headers={}, content=b"")).status == 200
        wrong = [
            (client, f"https://other.example:{port}/"),
            (client, f"https://127.0.0.1:{port}/"),
            (Outward(allowed=HERE, resolve=resolve), url),  # whom nobody vouches for
        ]
        for one, address in wrong:
            with pytest.raises(CallFailed) as raised:
                await one.post(address, headers={}, content=b"")
            assert raised.value.reason == "tls", address
            assert raised.value.detail.startswith("TLS: ")
