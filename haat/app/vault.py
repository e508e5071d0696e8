"""Secrets from HashiCorp Vault or OpenBao (KV version 2), read once when a command starts.

What stands there becomes this process's settings and its children's; the token that opened it does
not go on to them. Settings: docs/operate/secrets.md.
"""

import http.client
import json
import re
import ssl
from collections.abc import Mapping, MutableMapping
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, quote, urlsplit

from haat.app.installation import CannotStart
from haat.kernel.settings import PREFIX, given

URL, PATH, MOUNT = "HAAT_VAULT_URL", "HAAT_VAULT_PATH", "HAAT_VAULT_MOUNT"
TOKEN, ROLE_ID, SECRET_ID = "HAAT_VAULT_TOKEN", "HAAT_VAULT_ROLE_ID", "HAAT_VAULT_SECRET_ID"
NAMESPACE, CA_FILE, ROLE_MOUNT = (
    "HAAT_VAULT_NAMESPACE",
    "HAAT_VAULT_CA",
    "HAAT_VAULT_APPROLE_MOUNT",
)
READ = "HAAT_VAULT_READ"  # says to child processes that it was done
WAIT_S = 10.0
ANSWER_MAX_BYTES = 1 << 20
_NAME = re.compile(r"[A-Z][A-Z0-9_]{0,99}")


def settle_secrets(environment: MutableMapping[str, str]) -> None:
    """Adds what Vault holds to the environment; what is set there already stays. Nothing without
    HAAT_VAULT_URL, and nothing a second time. CannotStart."""
    url = environment.get(URL, "")
    if not url or environment.get(READ) == url:
        return
    for name, value in read_secrets(url, environment).items():
        if not environment.get(name) and not environment.get(f"{name}_FILE"):
            environment[name] = value
    environment[READ] = url
    for name in (TOKEN, ROLE_ID, SECRET_ID):
        environment.pop(name, None)
        environment.pop(f"{name}_FILE", None)


def read_secrets(url: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The secret at HAAT_VAULT_PATH as settings: `stripe_secret_key` and `HAAT_STRIPE_SECRET_KEY`
    mean the same. CannotStart."""
    vault = _Vault(url, environment)
    path = environment.get(PATH, "haat").strip("/")
    mount = environment.get(MOUNT, "secret").strip("/")
    answer = vault.ask("GET", f"{quote(mount)}/data/{quote(path)}", token=_token(vault))
    inner = answer.get("data")
    found = inner.get("data") if isinstance(inner, dict) else None
    if not isinstance(found, dict):
        raise CannotStart(f"Vault has no secret of version 2 at {mount}/{path}")
    settings = {}
    for key, value in found.items():
        name = PREFIX + str(key).upper().removeprefix(PREFIX)
        if not _NAME.fullmatch(name) or not isinstance(value, str | int):
            raise CannotStart(f"what Vault holds at {mount}/{path} is no list of settings")
        settings[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return settings


def _token(vault: "_Vault") -> str:
    """The token that is set, or one for the role (AppRole)."""
    if token := given(TOKEN):
        return token
    role, secret = given(ROLE_ID), given(SECRET_ID)
    if not role:
        raise CannotStart(f"{URL} needs {TOKEN}, or {ROLE_ID} and {SECRET_ID}")
    mount = vault.environment.get(ROLE_MOUNT, "approle").strip("/")
    body = {"role_id": role, "secret_id": secret}
    answer = vault.ask("POST", f"auth/{quote(mount)}/login", body=body)
    auth = answer.get("auth")
    if not isinstance(auth, dict) or not isinstance(auth.get("client_token"), str):
        raise CannotStart("Vault did not answer the role with a token")
    return str(auth["client_token"])


class _Vault:
    """Its API under /v1."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self.environment = environment
        self._where = _address(url)

    def ask(self, method: str, path: str, *, body: Any = None, token: str = "") -> dict[str, Any]:
        """The answer's JSON. CannotStart, which says what Vault said of it and nothing we sent."""
        headers = {"x-vault-request": "true", "accept": "application/json"}
        if token:
            headers["x-vault-token"] = token
        if namespace := self.environment.get(NAMESPACE):
            headers["x-vault-namespace"] = namespace
        sent = None if body is None else json.dumps(body)
        line = self._line()
        try:
            line.request(method, f"{self._where.path.rstrip('/')}/v1/{path}", sent, headers)
            reply = line.getresponse()
            status, raw = reply.status, reply.read(ANSWER_MAX_BYTES)
            answer = json.loads(raw or b"{}")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise CannotStart(
                f"Vault at {self._where.netloc} does not answer: {type(error).__name__}"
            ) from None
        finally:
            line.close()
        if status != 200 or not isinstance(answer, dict):
            said = answer.get("errors") if isinstance(answer, dict) else None
            why = "; ".join(map(str, said))[:200] if isinstance(said, list) and said else ""
            raise CannotStart(f"Vault refuses {path}: {status} {why or 'without a reason'}")
        return answer

    def _line(self) -> http.client.HTTPConnection:
        host, port = self._where.hostname or "", self._where.port
        if self._where.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=WAIT_S)
        try:
            trusted = ssl.create_default_context(cafile=self.environment.get(CA_FILE) or None)
        except OSError:
            raise CannotStart(f"{CA_FILE} cannot be read") from None
        return http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=trusted)


def _address(url: str) -> SplitResult:
    """https, or http to this machine: anywhere else the secrets would travel in the clear."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise CannotStart(f"{URL} is no address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.username:
        raise CannotStart(f"{URL} is no address: write https://vault.example.com:8200")
    if parts.scheme == "http" and not _is_here(parts.hostname):
        raise CannotStart(f"{URL} must be https: secrets do not travel in the clear")
    return parts


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
