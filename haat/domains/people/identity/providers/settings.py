"""Which providers there are: HAAT_SIGN_IN__GOOGLE__CLIENT_ID etc. (docs/operate/sign-in.md)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, SecretStr, model_validator

from haat.domains.people.identity.roles import StaffRole
from haat.engines.http.issuers import safe_url

HOST = "host"  # the host system's name among connections
Kind = Literal["oidc", "apple", "facebook"]

# What is known of those that everybody knows: label, kind, issuer.
PRESETS: Mapping[str, tuple[str, Kind, str]] = {
    "google": ("Google", "oidc", "https://accounts.google.com"),
    "apple": ("Apple", "apple", "https://appleid.apple.com"),
    "facebook": ("Facebook", "facebook", "https://www.facebook.com"),
}


class ProviderOptions(BaseModel):
    """One provider. What has a preset by its name needs a client's id and secret only.

    `roles` says which of its roles are which of staff's here: "realm:market-admin=super_admin,
    client:support=support, groups:/finance=finance". `second_step` names the words of `acr` and
    `amr` by which it says that a second step was taken.
    """

    kind: Kind | Literal[""] = ""
    label: str = ""
    issuer: str = ""
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    client_secret_file: Path | None = None
    scopes: str = ""
    redirect_uri: str = ""  # of an app of the operator's own; else the market's page
    roles: str = ""
    second_step: str = ""
    team_id: str = ""  # Apple's, with the key's id; the secret is the key (PEM)
    key_id: str = ""
    graph_url: str = "https://graph.facebook.com/v23.0"  # Facebook's

    @model_validator(mode="after")
    def _readable(self) -> "ProviderOptions":
        role_map(self.roles)
        if self.issuer and not safe_url(self.issuer):
            raise ValueError("an issuer is an https:// address (http:// on this machine alone)")
        return self

    @property
    def secret(self) -> str:
        """The client's secret, from its file where it stands in one."""
        if self.client_secret_file is not None:
            return self.client_secret_file.read_text("utf-8").strip()
        return self.client_secret.get_secret_value()


def role_map(text: str) -> dict[str, StaffRole]:
    """What stands in `roles`: the provider's role, as it is looked for, to one of staff's.
    ValueError for a role that is none."""
    found: dict[str, StaffRole] = {}
    for entry in filter(None, (one.strip() for one in text.split(","))):
        theirs, _, ours = (part.strip() for part in entry.rpartition("="))
        known = {role: role for role in get_args(StaffRole)}
        if ":" not in theirs or ours not in known:
            raise ValueError(
                f"{entry!r} is not like realm:THEIRS=ROLE, a role of staff's behind it"
            )
        found[theirs] = known[ours]
    return found


def words(text: str) -> frozenset[str]:
    """Words with commas or blanks between."""
    return frozenset(text.replace(",", " ").split())
