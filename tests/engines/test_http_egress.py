"""The list of hosts that may be called, and what is refused before anything is looked up."""

from typing import Any

import httpx
import pytest

from haat.app.installation import CannotStart
from haat.app.outside import egress_of
from haat.app.settings import AppSettings
from haat.engines.http.client import HttpClient
from haat.engines.http.egress import Egress, EgressRefused, entries_of, hosts_of
from haat.engines.http.outward import Outward, UrlRefused
from haat.kernel.context import Context

LIST = "api.stripe.com, *.PayPal.com,10.0.3.7, ::1"


@pytest.mark.parametrize(
    ("host", "permitted"),
    [
        ("api.stripe.com", True),
        ("API.stripe.com.", True),
        ("www.paypal.com", True),
        ("a.b.paypal.com", True),
        ("10.0.3.7", True),
        ("::1", True),
        ("paypal.com", False),
        ("evilpaypal.com", False),
        ("stripe.com", False),
        ("api.stripe.com.evil.example", False),
        ("x.api.stripe.com", False),
        ("10.0.3.70", False),
        ("", False),
    ],
)
def test_hosts_of_the_list(host: str, permitted: bool) -> None:
    assert Egress(LIST).permits(host) is permitted
    assert Egress().permits(host)


def test_names_that_start_a_list_only() -> None:
    assert not Egress("api.stripe.com").permits("")
    assert Egress("api.stripe.com", ["trade"]).permits("trade")


@pytest.mark.parametrize("text", ["https://a.example", "a.example/x", "*", "*.", "a b", "a..@b"])
def test_what_is_no_host_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="is no name of a host"):
        entries_of(text)
    with pytest.raises(ValueError, match="is no name of a host"):
        AppSettings(egress_allow=text)


async def test_others_are_not_called() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.host)
        return httpx.Response(200)

    transport = httpx.MockTransport(answer)
    async with HttpClient(egress=Egress("api.stripe.com"), transport=transport) as http:
        await http.request(Context(), "GET", "https://api.stripe.com/v1")
        for url in ("https://evil.example/", "http://169.254.169.254/latest", "http://evil/"):
            with pytest.raises(EgressRefused):
                await http.request(Context(), "GET", url)
    assert asked == ["api.stripe.com"]


def test_what_vendors_name_is_on_the_list_or_webhooks_are() -> None:
    url = "https://hooks.example/in"
    with pytest.raises(UrlRefused):
        Outward(egress=Egress("api.stripe.com")).target(url)
    for text in ("", "api.stripe.com,webhooks", "hooks.example"):
        assert Outward(egress=Egress(text)).target(url).host == "hooks.example"
    with pytest.raises(UrlRefused):  # and is still no way inside
        Outward(egress=Egress("10.0.0.1")).target("https://10.0.0.1/")


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("postgresql://u:p@db.internal:5432/haat", ["db.internal"]),
        ("postgresql:///haat?host=/run/postgresql", []),
        ("nats://a.internal:4222,b.internal:4222", ["a.internal", "b.internal"]),
        ("s3://bucket?endpoint=https://s3.internal:9000", ["s3.internal"]),
        ("s3://bucket", ["s3.amazonaws.com"]),
        ("/var/lib/haat/blobs", []),
        ("file:///var/mail", []),
        ("none://", []),
    ],
)
def test_where_engines_are(url: str, hosts: list[str]) -> None:
    assert hosts_of(url) == hosts


def test_an_engine_elsewhere_is_not_started() -> None:
    given: dict[str, Any] = {"egress_allow": "db.internal"}
    given["sql_url"] = "postgresql://db.internal/haat"
    egress = egress_of(AppSettings(**given), ["orders"])
    assert egress.permits("orders"), "where other processes answer"
    with pytest.raises(CannotStart, match="HAAT_MAIL_URL"):
        egress_of(AppSettings(**given | {"mail_url": "smtp://mail.example"}), ["orders"])
