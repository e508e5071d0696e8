"""A market's own certificate authority, and the certificates of its processes.

The authority's key is needed to make certificates alone: it may be taken away in between. It signs
for the names that its own certificate lists nowhere, so nobody but this market is to trust it.
"""

import ipaddress
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_SPAN = timedelta(days=3650)
SPAN = timedelta(days=90)
RENEWED_BEFORE = timedelta(days=30)
EARLIER = timedelta(minutes=5)  # for clocks that are late
AUTHORITY, AUTHORITY_KEY = "ca.pem", "ca.key"


def certify(folder: Path, name: str, hosts: Sequence[str], now: datetime) -> bool:
    """Sees to it that `name` has a certificate for these hosts (`NAME.pem`, `NAME.key`) that does
    not end soon; whether one was made. The authority is made with the first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_old(folder / f"{name}.pem", hosts, now):
        return False
    authority, signing = _authority(folder, now)
    key = ec.generate_private_key(ec.SECP256R1())
    names = [x509.IPAddress(ip) if (ip := _ip(host)) else x509.DNSName(host) for host in hosts]
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    made = (
        _begun(name, key.public_key(), now, now + SPAN)
        .issuer_name(authority.subject)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signing.public_key()), critical=False
        )
        .sign(signing, hashes.SHA256())
    )
    _write(folder / f"{name}.key", _pem(key))
    _write(folder / f"{name}.pem", made.public_bytes(serialization.Encoding.PEM))
    return True


def _authority(folder: Path, now: datetime) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    path, key_path = folder / AUTHORITY, folder / AUTHORITY_KEY
    if key_path.exists() and path.exists():
        known = serialization.load_pem_private_key(key_path.read_bytes(), None)
        if not isinstance(known, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key_path} is not a key of ours")
        return x509.load_pem_x509_certificate(path.read_bytes()), known
    key = ec.generate_private_key(ec.SECP256R1())
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    begun = _begun("Haat, processes of one market", key.public_key(), now, now + AUTHORITY_SPAN)
    made = (
        begun.issuer_name(_named("Haat, processes of one market"))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    _write(key_path, _pem(key))
    _write(path, made.public_bytes(serialization.Encoding.PEM))
    return made, key


def _is_old(path: Path, hosts: Sequence[str], now: datetime) -> bool:
    if not path.exists() or not path.with_suffix(".key").exists():
        return True
    known = x509.load_pem_x509_certificate(path.read_bytes())
    alternative = known.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    named = {str(one.value) for one in alternative}
    return known.not_valid_after_utc < now + RENEWED_BEFORE or named != set(hosts)


def _begun(
    name: str, key: ec.EllipticCurvePublicKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(until)
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all: another process may read it at any moment."""
    new = path.with_name(f"{path.name}.new")
    new.touch(mode=0o600)
    new.write_bytes(data)
    new.replace(path)
