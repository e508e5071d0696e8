"""Calls to Stripe: forms out, JSON in, and what its errors mean to us."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import structlog
from pydantic import SecretStr

from haat.domains.money.payments.api import ProviderAway
from haat.domains.money.payments.providers.port import CALL_S, ProviderRefused
from haat.engines.http.client import BUSY, HttpClient
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

VERSION = "2026-10-28.endive"
Form = dict[str, str]

_log: Any = structlog.get_logger(__name__)
_CONFLICT = 409  # another request with the same key, or on the same object, is still at work
_CODE_MAX = 60


@dataclass(frozen=True, slots=True)
class Reply:
    """`doc` is the object, or with a status of 400 and more `{"error": …}`. `replayed`: it is
    what Stripe answered the first time, not how things stand now."""

    status: int
    doc: dict[str, Any]
    replayed: bool
    request_id: str

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error(self) -> dict[str, Any]:
        found = self.doc.get("error")
        return found if isinstance(found, dict) else {}

    def refused(self) -> ProviderRefused:
        """The most exact code it gives. Its sentence stays out: it may repeat what a person typed,
        and can be found at Stripe by the request's id."""
        error = self.error
        code = next((error[k] for k in ("decline_code", "code", "type") if error.get(k)), None)
        detail = " ".join(str(p) for p in (error.get("param"), self.request_id) if p)
        return ProviderRefused(str(code or self.status)[:_CODE_MAX], detail[:200])

    def done(self) -> dict[str, Any]:
        """The object; raises ProviderRefused."""
        if not self.ok:
            raise self.refused()
        return self.doc


def path_of(folder: str, ref: str, *verb: str) -> str:
    """/v1/folder/ref/verb. References come from outside and are quoted."""
    return "/".join(["/v1", folder, quote(ref, safe=""), *verb])


class StripeApi:
    """One account's API. The key is in no log and no exception."""

    def __init__(self, url: str, key: SecretStr, http: HttpClient) -> None:
        self._url = url.rstrip("/")
        self._key = key
        self._http = http

    async def get(self, ctx: Context, path: str, params: Mapping[str, str] | None = None) -> Reply:
        return await self._send(ctx, "GET", path, params=params)

    async def post(
        self,
        ctx: Context,
        path: str,
        form: Form,
        *,
        key: str | None = None,
        timeout_s: float = CALL_S,
    ) -> Reply:
        """`key` is the Idempotency-Key. Without one the call must be harmless when repeated, as
        capturing or cancelling one intent is: there a kept answer would only hide what has
        happened since, and Stripe keeps even its own failures for a day."""
        return await self._send(ctx, "POST", path, form=form, key=key, timeout_s=timeout_s)

    async def _send(
        self,
        ctx: Context,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Form | None = None,
        key: str | None = None,
        timeout_s: float = CALL_S,
    ) -> Reply:
        headers = {
            "authorization": f"Bearer {self._key.get_secret_value()}",
            "stripe-version": VERSION,
        }
        if form is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
        if key is not None:
            headers["idempotency-key"] = key
        try:
            answer = await self._http.request(
                ctx,
                method,
                self._url + path,
                content=None if form is None else urlencode(form).encode(),
                params=params,
                headers=headers,
                idempotent=True,
                timeout_s=timeout_s,
                busy=BUSY | {_CONFLICT},
            )
        except Unavailable as error:
            raise ProviderAway from error
        request_id = answer.headers.get("request-id", "")
        if answer.status >= 500 or answer.status in (401, _CONFLICT, 429):
            _log.error("provider_away", provider="stripe", status=answer.status, request=request_id)
            raise ProviderAway
        replayed = answer.headers.get("idempotent-replayed") == "true"
        return Reply(answer.status, _decoded(answer.body), replayed, request_id)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        doc = json.loads(body)
    except (ValueError, RecursionError):
        doc = None
    if not isinstance(doc, dict):
        raise ProviderAway("The provider's answer cannot be read.")
    return doc
