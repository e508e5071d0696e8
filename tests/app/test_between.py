"""TLS between the processes of a market: both sides show a certificate of its own authority."""

import asyncio
import json
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography import x509

from haat.app.authority import RENEWED_BEFORE, SPAN, certify
from haat.app.between import Between, between, shows_to_peers
from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.engines.http.client import AnswerLost, HttpClient, Unreached
from haat.kernel.context import Context
from tests.app.test_splitting import OPEN_WITHIN_S, run_plainly, write
from tests.journeys.fleet import write_split

NOW = datetime.now(UTC)
HOSTS = ["127.0.0.1", "trade"]
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def shown(folder: Path, name: str) -> Between:
    return Between(folder / "ca.pem", folder / f"{name}.pem", folder / f"{name}.key")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("trade", "web"):
        assert certify(tmp_path / "tls", name, HOSTS, NOW)
    return tmp_path / "tls"


@asynccontextmanager
async def answering(folder: Path, heard: list[str]) -> AsyncIterator[int]:
    """A process that takes calls as `haat.app.serving` does: from whom it believes alone."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(folder / "trade.pem", folder / "trade.key")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            shown = writer.get_extra_info("peercert")
            heard.append(dict(part[0] for part in shown["subject"])["commonName"])
            writer.write(ANSWER)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=context)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_both_sides_are_checked(folder: Path, tmp_path: Path) -> None:
    heard: list[str] = []
    certify(tmp_path / "other", "web", HOSTS, NOW)
    stranger = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    stranger.load_verify_locations(folder / "ca.pem")
    async with answering(folder, heard) as port:
        url = f"https://127.0.0.1:{port}/rpc/orders/seen"
        async with HttpClient(tls=shown(folder, "web").context, retries=0) as http:
            assert (await http.request(Context(), "POST", url, content=b"{}")).body == b"ok"
            plain = url.replace("https", "http")
            for params in (None, {"a": "b"}):  # by either of the client's ways
                with pytest.raises(Unreached):
                    await http.request(Context(), "GET", plain, params=params)
            with pytest.raises(Unreached):  # a name that the certificate is not for
                await http.request(Context(), "GET", url.replace("127.0.0.1", "localhost"))
        for context, failure in (
            (shown(tmp_path / "other", "web").context, Unreached),  # another market's
            (stranger, AnswerLost),  # who shows nothing is cut off
        ):
            async with HttpClient(tls=context, retries=0) as http:
                with pytest.raises(failure):
                    await http.request(Context(), "POST", url, content=b"{}")
    assert heard == ["web"]


async def test_a_renewed_certificate_is_shown(folder: Path) -> None:
    heard: list[str] = []
    mine = shown(folder, "web")
    assert not mine.renew()
    later = NOW + SPAN - RENEWED_BEFORE + timedelta(hours=1)
    before = (folder / "web.pem").read_bytes()
    assert not certify(folder, "web", HOSTS, NOW + timedelta(days=1)), "it is good for long"
    assert certify(folder, "web", HOSTS, later)
    assert (folder / "web.pem").read_bytes() != before
    good = (folder / "web.key").read_bytes()
    (folder / "web.key").write_bytes((folder / "trade.key").read_bytes())
    assert not mine.renew(), "they do not belong together"
    (folder / "web.key").write_bytes(good)
    assert mine.renew()
    certify(folder, "web", HOSTS, NOW)
    assert not certify(folder, "web", HOSTS, later), "nothing is new"
    assert certify(folder, "web", [*HOSTS, "more"], later), "it was for fewer names"
    assert heard == []


def test_what_the_certificates_say(folder: Path) -> None:
    authority, mine = (
        x509.load_pem_x509_certificate((folder / name).read_bytes())
        for name in ("ca.pem", "trade.pem")
    )
    mine.verify_directly_issued_by(authority)
    limits = mine.extensions.get_extension_for_class(x509.BasicConstraints).value
    assert not limits.ca
    assert mine.not_valid_after_utc - NOW <= SPAN
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path.name


def settings_with(folder: Path, url: str) -> AppSettings:
    return AppSettings(
        rpc_ca=folder / "ca.pem", rpc_cert=folder / "web.pem", rpc_key=folder / "web.key"
    ).model_copy(update={"public_url": url})


def test_there_is_no_falling_back(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_with(folder, "")
    with pytest.raises(CannotStart, match="orders is reached by https"):
        between(settings, ["orders"])  # by its name: http://orders:4004
    monkeypatch.setenv("HAAT_RPC_URL_ORDERS", "https://orders:4004")
    assert between(settings, ["orders"]) is not None
    assert between(AppSettings(), ["orders"]) is None
    (folder / "web.key").write_text("no key")
    with pytest.raises(CannotStart, match="cannot be used"):
        between(settings, ["orders"])
    with pytest.raises(ValueError, match="go together"):
        AppSettings(rpc_ca=folder / "ca.pem")


def test_who_answers_peers_alone(folder: Path) -> None:
    settings = settings_with(folder, "")
    assert shows_to_peers(settings, "trade")
    assert not shows_to_peers(settings, "web")
    assert not shows_to_peers(settings, "all")
    assert not shows_to_peers(AppSettings(), "trade")
    with pytest.raises(CannotStart):
        shows_to_peers(settings, "web,trade")


def test_a_split_has_certificates(tmp_path: Path) -> None:
    shared = write(tmp_path / "split", tls=True)
    urls = {value for name, value in shared.items() if name.startswith("HAAT_RPC_URL_")}
    assert {urlsplit(url).scheme for url in urls} == {"https"}
    assert shared["HAAT_RPC_CERT"].endswith("/web.pem")
    before = Path(shared["HAAT_RPC_CERT"]).read_bytes()
    assert write(tmp_path / "split", tls=True) == shared
    assert Path(shared["HAAT_RPC_CERT"]).read_bytes() == before


@pytest.mark.slow
def test_a_market_whose_processes_speak_tls(tmp_path: Path) -> None:
    """The site answers with what the process of the group `people` says, and nobody else is
    answered there."""
    folder = tmp_path / "split"
    shared = write_split(folder, "--tls")
    url = f"http://127.0.0.1:{shared['HAAT_PORT']}/api/v1/market"
    part = urlsplit(shared["HAAT_RPC_URL_PEOPLE"])
    with run_plainly(folder, "engines", "people", "web") as running:
        until = time.monotonic() + OPEN_WITHIN_S
        found = ""
        while found != "market_not_opened":
            said = {name: (folder / f"{name}.out").read_text() for name in running}
            assert all(process.poll() is None for process in running.values()), said
            assert time.monotonic() < until, (found, said)
            time.sleep(0.2)
            try:
                urllib.request.urlopen(url, timeout=20)
            except urllib.error.HTTPError as answer:
                found = json.load(answer)["code"]
            except OSError as error:
                found = str(error)
        with pytest.raises((OSError, HTTPException)):
            urllib.request.urlopen(f"http://{part.netloc}/health/live", timeout=20)
        nobody = ssl.create_default_context(cafile=shared["HAAT_RPC_CA"])
        with pytest.raises(OSError, match=r"(?i)certificate|alert|reset|closed"):
            urllib.request.urlopen(f"{part.geturl()}/health/live", timeout=20, context=nobody)
        nobody.load_cert_chain(shared["HAAT_RPC_CERT"], shared["HAAT_RPC_KEY"])
        seen = urllib.request.urlopen(f"{part.geturl()}/health/live", timeout=20, context=nobody)
        assert seen.status == 200
