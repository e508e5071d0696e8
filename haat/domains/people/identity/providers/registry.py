"""Makes the providers that the operator named."""

from collections.abc import Mapping

from pydantic import SecretStr

from haat.domains.people.identity.providers.apple import Apple
from haat.domains.people.identity.providers.facebook import Facebook
from haat.domains.people.identity.providers.oidc import Oidc
from haat.domains.people.identity.providers.port import Provider
from haat.domains.people.identity.providers.settings import HOST, PRESETS, Kind, ProviderOptions
from haat.engines.http.client import HttpClient

KINDS: Mapping[Kind, type[Oidc] | type[Facebook]] = {
    "oidc": Oidc,
    "apple": Apple,
    "facebook": Facebook,
}


def providers_of(
    options: Mapping[str, ProviderOptions], http: HttpClient, site: str
) -> dict[str, Provider]:
    """By name, in the order they were named in. One without a client's id is not offered.

    Raises ValueError for one that lacks something, when the market starts.
    """
    found: dict[str, Provider] = {}
    for name, given in options.items():
        if not given.client_id:
            continue
        label, kind, issuer = PRESETS.get(name, (name.replace("_", " ").title(), "oidc", ""))
        filled = given.model_copy(update={"issuer": given.issuer or issuer})
        if not filled.issuer:
            raise ValueError(f"HAAT_SIGN_IN__{name.upper()}__ISSUER is missing")
        if name == HOST:
            raise ValueError(f"{HOST!r} is the host system's name; call the provider otherwise")
        if (given.kind or kind) == "apple" and not (given.team_id and given.key_id):
            raise ValueError(f"HAAT_SIGN_IN__{name.upper()}__TEAM_ID and __KEY_ID are missing")
        try:
            filled = filled.model_copy(update={"client_secret": SecretStr(filled.secret)})
        except OSError as error:
            raise ValueError(f"{filled.client_secret_file} cannot be read") from error
        filled = filled.model_copy(update={"client_secret_file": None})
        made = KINDS[given.kind or kind]
        back = f"{site}/sign-in/with/{name}/back"
        found[name] = made(name, given.label or label, filled, http, back)
    return found
