"""Text messages over HTTP: `POST` of {"id", "to", "text"} to an address of the operator's.

What stands there hands them to whichever carrier there is. A repeated `id` is the same message; so
is its `Idempotency-Key`. Any 2xx is taken for sent.
"""

from haat.engines.http.client import HttpClient
from haat.engines.sms import SmsAway, Text
from haat.kernel.context import Context
from haat.kernel.errors import Unavailable

CALL_S = 8.0


class WebhookSms:
    """Fulfils `Sms`."""

    def __init__(self, url: str, *, token: str, http: HttpClient) -> None:
        self._url = url
        self._token = token
        self._http = http

    async def send(self, ctx: Context, text: Text) -> None:
        headers = {"idempotency-key": str(text.id)}
        if self._token:
            headers["authorization"] = f"Bearer {self._token}"
        try:
            answer = await self._http.request(
                ctx,
                "POST",
                self._url,
                json=text.model_dump(mode="json"),
                headers=headers,
                timeout_s=CALL_S,
            )
        except Unavailable as error:
            raise SmsAway from error
        if not answer.ok:
            raise SmsAway
