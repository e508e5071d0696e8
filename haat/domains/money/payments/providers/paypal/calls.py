"""Calls to PayPal's REST API, with a token that is kept until shortly before it expires."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import CALL_S, ProviderRefused
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.http.client import Answer, HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

_log: Any = structlog.get_logger(__name__)
_UNAUTHENTICATED = 401
_GONE = 404
# 409: an earlier call with the same id is still under way; what comes of it is asked later.
_LATER = frozenset({401, 408, 409, 429})
_MARGIN = timedelta(seconds=60)

Document = dict[str, Any]


class Refusal(ProviderRefused):
    """PayPal's no, with the document that says why."""

    def __init__(self, code: str, document: Document) -> None:
        super().__init__(code, str(document.get("message", ""))[:200])
        self.document = document


class Calls:
    """Bearer-token calls. Raises ProviderAway when no answer came, Refusal when it was no."""

    def __init__(self, settings: PaymentsSettings, http: HttpClient) -> None:
        self._url = settings.paypal_url.rstrip("/")
        self._id = settings.paypal_client_id
        self._secret = settings.paypal_client_secret
        self._http = http
        self._token: tuple[str, datetime] | None = None

    async def get(
        self, ctx: Context, path: str, params: Mapping[str, str] | None = None
    ) -> Document | None:
        """None when it is not there."""
        answer = await self._send(ctx, "GET", path, None, {}, params)
        return None if answer.status == _GONE else _document(answer)

    async def post(
        self, ctx: Context, path: str, body: Document | bytes, request_id: str | None = None
    ) -> Document:
        """`request_id` names the same call again: PayPal answers with what became of it. Every
        call made here is harmless when repeated, with it or by its nature."""
        headers = {"prefer": "return=representation"}
        if request_id is not None:
            headers["paypal-request-id"] = request_id
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return _document(await self._send(ctx, "POST", path, content, headers, None))

    async def _send(
        self,
        ctx: Context,
        method: str,
        path: str,
        content: bytes | None,
        headers: dict[str, str],
        params: Mapping[str, str] | None,
    ) -> Answer:
        headers = {**headers, "content-type": "application/json", "accept": "application/json"}
        answer = await self._once(ctx, method, path, content, headers, params)
        if answer.status == _UNAUTHENTICATED:
            self._token = None  # it was withdrawn before its time
            answer = await self._once(ctx, method, path, content, headers, params)
        if answer.status >= 500 or answer.status in _LATER:
            debug = answer.headers.get("paypal-debug-id", "")
            _log.error("provider_away", provider="paypal", status=answer.status, debug_id=debug)
            raise ProviderAway
        return answer

    async def _once(
        self,
        ctx: Context,
        method: str,
        path: str,
        content: bytes | None,
        headers: dict[str, str],
        params: Mapping[str, str] | None,
    ) -> Answer:
        bearer = {**headers, "authorization": f"Bearer {await self._bearer(ctx)}"}
        try:
            return await self._http.request(
                ctx,
                method,
                self._url + path,
                content=content,
                params=params,
                headers=bearer,
                idempotent=True,
                timeout_s=CALL_S,
            )
        except Unavailable as error:
            raise ProviderAway from error

    async def _bearer(self, ctx: Context) -> str:
        if self._token is not None and ctx.now() < self._token[1]:
            return self._token[0]
        basic = base64.b64encode(f"{self._id}:{self._secret.get_secret_value()}".encode()).decode()
        try:
            answer = await self._http.request(
                ctx,
                "POST",
                self._url + "/v1/oauth2/token",
                content=b"grant_type=client_credentials",
                headers={
                    "authorization": f"Basic {basic}",
                    "content-type": "application/x-www-form-urlencoded",
                    "accept": "application/json",
                },
                idempotent=True,
                timeout_s=CALL_S,
            )
        except Unavailable as error:
            raise ProviderAway from error
        if not answer.ok:
            _log.error("provider_token_refused", provider="paypal", status=answer.status)
            raise ProviderAway("PayPal gives no access token.")
        try:
            found = json.loads(answer.body)
            token, seconds = str(found["access_token"]), int(found["expires_in"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ProviderAway("The provider's answer cannot be read.") from None
        self._token = (token, ctx.now() + timedelta(seconds=max(seconds, 0)) - _MARGIN)
        return token


def _document(answer: Answer) -> Document:
    if answer.ok and not answer.body:
        return {}
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ProviderAway("The provider's answer cannot be read.") from None
    if not isinstance(found, dict):
        raise ProviderAway("The provider's answer cannot be read.")
    if answer.ok:
        return found
    raise Refusal(_code(found) or str(answer.status), found)


def _code(document: Document) -> str:
    """The issue of its first detail, such as INSTRUMENT_DECLINED, or else the error's name."""
    details = document.get("details")
    if isinstance(details, list) and details and isinstance(details[0], dict):
        issue = details[0].get("issue")
        if isinstance(issue, str) and issue:
            return issue[:60]
    return str(document.get("name", ""))[:60]
