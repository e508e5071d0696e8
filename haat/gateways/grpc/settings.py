"""Where the gRPC door listens and whom it trusts."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, model_validator

from haat.kernel.settings import Settings

TOKEN_MIN_CHARS = 32


class GrpcSettings(Settings):
    """HAAT_GRPC_PORT and so on. Without a port there is no gRPC door."""

    grpc_host: str = "127.0.0.1"
    grpc_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    grpc_token: SecretStr = SecretStr("")  # for programs; people's access tokens work as well
    grpc_cert: Path | None = None  # PEM: with it and the key, TLS
    grpc_key: Path | None = None
    grpc_client_ca: Path | None = None  # with it, clients must show a certificate (mTLS)

    @model_validator(mode="after")
    def _whole(self) -> "GrpcSettings":
        if (self.grpc_cert is None) != (self.grpc_key is None):
            raise ValueError("HAAT_GRPC_CERT and HAAT_GRPC_KEY go together")
        if self.grpc_client_ca is not None and self.grpc_cert is None:
            raise ValueError("HAAT_GRPC_CLIENT_CA needs HAAT_GRPC_CERT and HAAT_GRPC_KEY")
        token = self.grpc_token.get_secret_value()
        if token and len(token) < TOKEN_MIN_CHARS:
            raise ValueError(f"HAAT_GRPC_TOKEN has at least {TOKEN_MIN_CHARS} characters")
        return self

    @property
    def open(self) -> bool:
        return self.grpc_port > 0
