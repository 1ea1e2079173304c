"""Settings of TLS."""

from typing import Literal

from msgspec import Struct


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates, each as a PEM file's path or as PEM text. Changed files are taken up while serving."""

    certificate: str = ""  # with its chain; empty = no TLS
    key: str = ""  # of the certificate, not encrypted
    keystore: str = ""  # a PKCS #12 file with certificate and key, in the place of both; never PEM text
    keystore_password: str = ""
    client_ca: str = ""  # who signs clients' certificates
    client_certificates: Literal["none", "optional", "required"] = "none"

    @property
    def enabled(self) -> bool:
        """Whether there is TLS."""
        return bool(self.certificate or self.keystore)

    def __repr__(self) -> str:
        if self.keystore:
            return f"TlsSettings(keystore={self.keystore!r})"
        return f"TlsSettings(certificate={shown(self.certificate)!r}, key={shown(self.key)!r})"


def shown(source: str) -> str:
    """A path as it is; of a PEM text, that it is one."""
    return "the PEM text" if is_pem(source) else source


def is_pem(source: str) -> bool:
    """Whether this is PEM text and not a path."""
    return source.lstrip().startswith("-----BEGIN ")
