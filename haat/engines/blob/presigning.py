"""Requests that somebody else may send to an S3 store, signed with our key.

AWS Signature Version 4 in the query ("Authenticating Requests: Using Query Parameters"), with
headers signed too: only so does a signature bind how long a body is and what it is called. obstore
signs the address alone.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"
TTL_MAX_S = 7 * 24 * 3600  # S3 takes no longer ones


@dataclass(frozen=True, slots=True)
class Credentials:
    key_id: str
    secret: str
    session_token: str | None = None  # of temporary credentials


@dataclass(frozen=True, slots=True)
class Presigner:
    """Signs for one store in one region."""

    credentials: Credentials
    region: str

    def sign(
        self, method: str, url: str, headers: Mapping[str, str], *, now: datetime, ttl_s: int
    ) -> str:
        """The signed address: good from `now` for `ttl_s` with exactly these headers. `url` has
        no query; its path is encoded already."""
        assert 1 <= ttl_s <= TTL_MAX_S
        parts = urlsplit(url)
        stamp = now.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{stamp[:8]}/{self.region}/s3/aws4_request"
        signed = {"host": parts.netloc, **{n.lower(): v.strip() for n, v in headers.items()}}
        names = ";".join(sorted(signed))
        query = {
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{self.credentials.key_id}/{scope}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(ttl_s),
            "X-Amz-SignedHeaders": names,
        }
        if self.credentials.session_token:
            query["X-Amz-Security-Token"] = self.credentials.session_token
        asked = "&".join(f"{_escaped(n)}={_escaped(query[n])}" for n in sorted(query))
        request = "\n".join(
            (
                method,
                parts.path,
                asked,
                *(f"{name}:{signed[name]}" for name in sorted(signed)),
                "",
                names,
                "UNSIGNED-PAYLOAD",
            )
        )
        text = "\n".join((_ALGORITHM, stamp, scope, sha256(request.encode()).hexdigest()))
        signature = hmac.new(self._key(stamp[:8]), text.encode(), sha256).hexdigest()
        return f"{url}?{asked}&X-Amz-Signature={signature}"

    def _key(self, day: str) -> bytes:
        key = b"AWS4" + self.credentials.secret.encode()
        for part in (day, self.region, "s3", "aws4_request"):
            key = hmac.digest(key, part.encode(), sha256)
        return key


def _escaped(text: str) -> str:
    return quote(text, safe="-_.~")
