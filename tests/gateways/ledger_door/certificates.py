"""An authority, a server's and a client's certificate, made for one test."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey


class Certificates:
    """PEM files in a folder; the server's is for localhost."""

    def __init__(self, folder: Path) -> None:
        self.authority = folder / "ca.pem"
        self._ca_key = ec.generate_private_key(ec.SECP256R1())
        self._ca = self._make("Test authority", self._ca_key, authority=True)
        self.authority.write_bytes(self._ca.public_bytes(serialization.Encoding.PEM))
        self.server_cert, self.server_key = self._pair(folder, "localhost")
        self.client_cert, self.client_key = self._pair(folder, "client")

    def renewed(self) -> tuple[bytes, bytes]:
        """Another certificate of the server's, and its key."""
        return self._pem("localhost")

    def _pair(self, folder: Path, name: str) -> tuple[Path, Path]:
        cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
        certificate, key = self._pem(name)
        cert_file.write_bytes(certificate)
        key_file.write_bytes(key)
        return cert_file, key_file

    def _pem(self, name: str) -> tuple[bytes, bytes]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._make(name, key, authority=False)
        unlocked = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return certificate.public_bytes(serialization.Encoding.PEM), unlocked

    def _make(self, name: str, key: Key, *, authority: bool) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = subject if authority else self._ca.subject
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._ca_key, hashes.SHA256())
