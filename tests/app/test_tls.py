"""https with a certificate of our own: from its start to its renewal, seen from outside."""

import http.client
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.app.tls import Certificate, check_certificate
from tests.app.market import RunningMarket, ended
from tests.gateways.ledger_door.certificates import Certificates
from tests.journeys.box import free_port


class SecureMarket(RunningMarket):
    """Speaks https; `trust` is the authority its certificate comes from."""

    trust: Path

    def ask(self, path: str = "/health/ready", **more: str) -> tuple[int, dict[str, str], str]:
        """Status, headers, and the certificate's serial number of one request."""
        context = ssl.create_default_context(cafile=str(self.trust))
        line = http.client.HTTPSConnection("localhost", self.port, timeout=30, context=context)
        try:
            line.request("GET", path, headers={"accept": "text/html", **more})
            assert isinstance(line.sock, ssl.SSLSocket)
            assert line.sock.version() == "TLSv1.3"
            seen = line.sock.getpeercert() or {}
            answer = line.getresponse()
            answer.read()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, headers, str(seen["serialNumber"])
        finally:
            line.close()

    def is_ready(self) -> bool:
        assert self.process.poll() is None, "\n".join(self.lines)
        try:
            return self.ask()[0] == 200
        except OSError:
            return False


@pytest.fixture
def made(tmp_path: Path) -> Certificates:
    folder = tmp_path / "tls"
    folder.mkdir()
    return Certificates(folder)


@pytest.fixture
def market(tmp_path: Path, made: Certificates) -> Iterator[SecureMarket]:
    files = {"HAAT_TLS_CERT": str(made.server_cert), "HAAT_TLS_KEY": str(made.server_key)}
    port = free_port()
    with ended(
        SecureMarket(tmp_path / "data", port, HAAT_HOST="localhost", HAAT_TEST_CARDS="0", **files)
    ) as one:
        assert isinstance(one, SecureMarket)
        one.trust = made.authority
        one.start()
        yield one


def test_https_and_a_new_certificate(market: SecureMarket, made: Certificates) -> None:
    status, headers, first = market.ask("/sign-in")
    assert status in (200, 303)
    # A browser would insist on https for whatever else is tried on this machine.
    assert "strict-transport-security" not in headers
    assert any(f"https://localhost:{market.port}" in line for line in market.lines)
    cookies = market.ask("/search?currency=EUR")[1].get("set-cookie", "")
    assert "Secure" in cookies or not cookies
    # What the server behind it hands on is bounded as a whole market's: by us, with a document.
    assert market.ask(f"/search?q={'x' * 9_000}")[0] == 414
    assert market.ask(cookie="x" * 40_000)[0] == 431
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")  # it would speak it
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    line = http.client.HTTPSConnection("localhost", market.port, timeout=30, context=old)
    with pytest.raises(OSError):
        line.request("GET", "/health/live")
    # A renewal writes both files anew: everybody is answered all the while.
    renewed = made.renewed()
    made.server_key.write_bytes(renewed[1])
    made.server_cert.write_bytes(renewed[0])
    market.until(lambda: market.ask()[2] != first, 240, "the new certificate is in force")
    assert market.process.poll() is None


def settings(cert: Path, key: Path) -> AppSettings:
    return AppSettings(tls_cert=cert, tls_key=key)


def test_files_that_cannot_be_used(tmp_path: Path, made: Certificates) -> None:
    check_certificate(settings(made.server_cert, made.server_key))
    for cert, key in (
        (made.server_cert, made.client_key),
        (made.server_cert, tmp_path / "none"),
        (made.server_key, made.server_cert),
    ):
        with pytest.raises(CannotStart, match="HAAT_TLS_CERT and HAAT_TLS_KEY"):
            check_certificate(settings(cert, key))
    with pytest.raises(ValueError, match="go together"):
        AppSettings(tls_cert=made.server_cert)


def test_a_renewal_that_is_half_done_waits(made: Certificates) -> None:
    watched = Certificate(settings(made.server_cert, made.server_key))
    assert not watched.is_new(0.0)
    certificate, key = made.renewed()
    made.server_cert.write_bytes(certificate)
    assert not watched.is_new(100.0)
    assert watched.fault
    made.server_key.write_bytes(key)
    assert not watched.is_new(101.0)  # looked at a moment ago
    assert watched.is_new(200.0)
    assert not watched.is_new(300.0)
