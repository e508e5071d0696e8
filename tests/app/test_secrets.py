"""Secrets come from files, the environment or Vault, and are printed by nothing."""

import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
import structlog
from pydantic import SecretStr, ValidationError

from haat.app.configuration import _others, lines, secrets_of, value_of
from haat.app.installation import CannotStart
from haat.app.settings import AppSettings
from haat.app.vault import settle_secrets
from haat.domains.money.payments.settings import PaymentsSettings
from haat.engines.telemetry import render_metrics, set_up_logs
from haat.kernel.settings import Settings, SettingUnreadable

PLANTED = "planted-Geheim-5bd1e995-0123456789abcdef"
PROVIDER = {
    "HAAT_SIGN_IN__KEYCLOAK__CLIENT_ID": "market",
    "HAAT_SIGN_IN__KEYCLOAK__ISSUER": "https://keycloak.example/realms/market",
    "HAAT_SIGN_IN__KEYCLOAK__CLIENT_SECRET": f"{PLANTED}-keycloak",
}
PUBLIC = {"stripe_publishable_key"}
ROLE, PASS, OPENS = "role-1", "pass-planted-77aa", "hvs.planted-token-1122"


def secret_names() -> list[str]:
    """Every setting that is a secret, of the installation and of each module."""
    kinds: list[type[Settings]] = [AppSettings, *(type(one) for one in _others())]
    return sorted(
        f"HAAT_{name.upper()}"
        for kind in kinds
        for name, field in kind.model_fields.items()
        if field.annotation is SecretStr
    )


def planted(name: str) -> str:
    """A value that this setting takes; no two are the same."""
    secret = f"{PLANTED}-{name.lower()}"
    schemes = {
        "HAAT_SQL_URL": "postgresql",
        "HAAT_BUS_SQL_URL": "postgresql",
        "HAAT_CACHE_URL": "valkey",
        "HAAT_MAIL_URL": "smtp",
        "HAAT_BUS_URL": "nats",
    }
    return f"{schemes[name]}://haat:{secret}@127.0.0.1:1/x" if name in schemes else secret


def everything_planted(folder: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HAAT_")}
    found = {**kept, "HAAT_DATA": str(folder / "data")}
    for name in secret_names():
        file = folder / name.lower()
        file.write_text(planted(name) + "\n")
        found[f"{name}_FILE"] = str(file)
    return {**found, **PROVIDER}


def said(command: list[str], environment: dict[str, str], folder: Path) -> str:
    """All that a command prints, and all that it leaves in logs."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env={**environment, "PYTHONPATH": str(Path.cwd())},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    logs = "".join(path.read_text() for path in (folder / "data").glob("log/*"))
    return done.stdout + done.stderr + logs


def test_what_sounds_like_a_secret_is_one() -> None:
    kinds: list[type[Settings]] = [AppSettings, *(type(one) for one in _others())]
    bare = [
        f"{kind.__name__}.{name}"
        for kind in kinds
        for name, field in kind.model_fields.items()
        if re.search(r"secret$|token$|password$|_key$|api_key|credential", name)
        and name not in PUBLIC
        and field.annotation not in (SecretStr, Path, Path | None)
    ]
    assert not bare


def test_no_command_prints_a_secret(tmp_path: Path) -> None:
    environment = everything_planted(tmp_path)
    assert len(secret_names()) >= 12
    held = {"bank_holder": "The Market", "sign_in__github__client_secret": f"{PLANTED}-github"}
    with vault(**held) as url:
        opens = {"HAAT_VAULT_URL": url, "HAAT_VAULT_PATH": "haat/live", "HAAT_VAULT_TOKEN": OPENS}
        listed = said(["haat.app.cli", "config"], {**environment, **opens}, tmp_path)
    assert listed.count("=********") == len(secret_names())
    assert "HAAT_BANK_HOLDER=The Market" in listed
    assert "github" in listed
    assert PLANTED not in listed
    # A process whose database is away, and one with a secret in the wrong variable.
    for more in ({"HAAT_LOG_LEVEL": "debug"}, {"HAAT_LOG_FILE": "", "HAAT_PORT": PLANTED}):
        told = said(["haat.app.work"], {**environment, **more}, tmp_path)
        assert "Traceback" in told, f"it says why it cannot work: {told}"
        assert PLANTED not in told, told


def test_what_stands_in_logs_and_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in secret_names():
        monkeypatch.setenv(name, planted(name))
    for name, value in PROVIDER.items():
        monkeypatch.setenv(name, value)
    settings = AppSettings()
    assert PROVIDER["HAAT_SIGN_IN__KEYCLOAK__CLIENT_SECRET"] in secrets_of(settings)
    for held in (repr(settings), str(_others()), "\n".join(lines(settings))):
        assert PLANTED not in held
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    hook, out = sys.excepthook, io.StringIO()
    try:
        set_up_logs("debug", stream=out, secrets=secrets_of(settings))
        for name in secret_names():
            try:
                raise RuntimeError(f"refused {planted(name)}")
            except RuntimeError as error:
                structlog.get_logger().error("failed", exc_info=error, sent={"x": [planted(name)]})
                logging.getLogger("library").exception("with %s", planted(name))
                sys.excepthook(*sys.exc_info())
    finally:
        structlog.configure(**config)
        sys.excepthook, root.handlers[:] = hook, handlers
        root.setLevel(level)
    assert out.getvalue().count("RuntimeError") >= 3 * len(secret_names())
    assert PLANTED not in out.getvalue()
    assert PLANTED.encode() not in render_metrics()


def test_a_setting_may_stand_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text("sk_live_1\n")
    monkeypatch.setenv("HAAT_STRIPE_SECRET_KEY_FILE", str(file))
    assert PaymentsSettings().stripe_secret_key.get_secret_value() == "sk_live_1"
    monkeypatch.setenv("HAAT_STRIPE_SECRET_KEY", "")  # as an empty line of .env leaves it
    assert value_of(AppSettings(), "stripe.secret.key") == "sk_live_1"
    file.write_text("sk_live_2")
    assert PaymentsSettings().stripe_secret_key.get_secret_value() == "sk_live_2"
    monkeypatch.setenv("HAAT_STRIPE_SECRET_KEY", "set itself")
    assert PaymentsSettings().stripe_secret_key.get_secret_value() == "set itself"
    monkeypatch.setenv("HAAT_SQL_URL_MONEY_FILE", str(file))
    assert AppSettings().sql_of("ledger") == "sk_live_2"
    # A file that a setting itself names is not what it holds.
    monkeypatch.setenv("HAAT_SECRET_FILE", str(file))
    assert AppSettings().secret_path == file


@pytest.mark.parametrize("content", [None, b"\xff\xfe", b"x" * (70 << 10)])
def test_a_file_that_is_no_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    file = tmp_path / "key"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("HAAT_STRIPE_SECRET_KEY_FILE", str(file))
    with pytest.raises(SettingUnreadable, match="HAAT_STRIPE_SECRET_KEY_FILE"):
        PaymentsSettings()


def test_what_is_refused_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAAT_RPC_TOKEN", "short-secret")
    with pytest.raises(ValidationError) as refused:
        AppSettings()
    assert "short-secret" not in str(refused.value)


class Vault(BaseHTTPRequestHandler):
    """What the documented API of Vault answers to KV version 2 and AppRole."""

    secrets: ClassVar[dict[str, Any]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.headers.get("X-Vault-Token") != OPENS:
            self._answer(403, {"errors": ["permission denied"]})
        elif self.headers.get("X-Vault-Namespace") not in (None, "shops"):
            self._answer(404, {"errors": []})
        elif self.path == "/v1/secret/data/haat/live":
            inner = {"data": self.secrets, "metadata": {"version": 3, "destroyed": False}}
            self._answer(200, {"request_id": "r", "lease_duration": 0, "data": inner})
        else:
            self._answer(404, {"errors": []})

    def do_POST(self) -> None:
        self.asked.append(self.path)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != "/v1/auth/approle/login" or body != {"role_id": ROLE, "secret_id": PASS}:
            self._answer(400, {"errors": ["invalid role or secret ID"]})
        else:
            self._answer(200, {"auth": {"client_token": OPENS, "lease_duration": 60}})

    def _answer(self, status: int, body: Any) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        return


@contextmanager
def vault(**secrets: Any) -> Iterator[str]:
    Vault.secrets, Vault.asked = secrets, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Vault)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def environment(url: str, monkeypatch: pytest.MonkeyPatch, **more: str) -> dict[str, str]:
    found = {"HAAT_VAULT_URL": url, "HAAT_VAULT_PATH": "haat/live", **more}
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def test_vault_answers_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    with vault(stripe_secret_key="sk_1", HAAT_RPC_TOKEN="r" * 40, port=4100) as url:
        found = environment(url, monkeypatch, HAAT_VAULT_TOKEN=OPENS, HAAT_PORT="4200")
        settle_secrets(found)
        assert found["HAAT_STRIPE_SECRET_KEY"] == "sk_1"
        assert found["HAAT_RPC_TOKEN"] == "r" * 40
        assert found["HAAT_PORT"] == "4200"  # what is set goes before
        assert "HAAT_VAULT_TOKEN" not in found
        settle_secrets(found)  # as a child process: nothing is asked again
        assert Vault.asked == ["/v1/secret/data/haat/live"]


def test_vault_answers_a_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret-id").write_text(PASS + "\n")
    more = {
        "HAAT_VAULT_ROLE_ID": ROLE,
        "HAAT_VAULT_SECRET_ID_FILE": str(tmp_path / "secret-id"),
        "HAAT_VAULT_NAMESPACE": "shops",
    }
    with vault(mail_url="smtp://u:p@mail:587") as url:
        found = environment(url, monkeypatch, **more)
        settle_secrets(found)
        assert found["HAAT_MAIL_URL"] == "smtp://u:p@mail:587"
        assert "HAAT_VAULT_SECRET_ID_FILE" not in found
        assert Vault.asked == ["/v1/auth/approle/login", "/v1/secret/data/haat/live"]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, "needs HAAT_VAULT_TOKEN"),
        ({"HAAT_VAULT_TOKEN": "hvs.wrong-planted"}, "403 permission denied"),
        ({"HAAT_VAULT_ROLE_ID": ROLE, "HAAT_VAULT_SECRET_ID": "wrong-planted"}, "invalid role"),
        ({"HAAT_VAULT_TOKEN": OPENS, "HAAT_VAULT_PATH": "other"}, "404"),
        ({"HAAT_VAULT_TOKEN": OPENS, "HAAT_VAULT_URL": "http://vault.example:8200"}, "https"),
        ({"HAAT_VAULT_TOKEN": OPENS, "HAAT_VAULT_URL": "http://127.0.0.1:1"}, "does not answer"),
        ({"HAAT_VAULT_TOKEN": OPENS, "HAAT_VAULT_URL": "vault"}, "no address"),
    ],
)
def test_vault_refuses(more: dict[str, str], why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with vault(stripe_secret_key="sk_1") as url:
        found = environment(url, monkeypatch, **more)
        with pytest.raises(CannotStart, match=why) as refused:
            settle_secrets(found)
        assert "planted" not in str(refused.value)
