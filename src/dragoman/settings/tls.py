"""Settings of TLS."""

from typing import Literal

from msgspec import Struct


class TlsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Certificates, each as a PEM file's path or as PEM text. Changed files are taken up while serving."""

    certificate: str = ""  # with its chain; empty = no TLS
    key: str = ""  # of the certificate, not encrypted
    client_ca: str = ""  # who signs clients' certificates
    client_certificates: Literal["none", "optional", "required"] = "none"  # optional is none over gRPC

    @property
    def enabled(self) -> bool:
        """Whether there is TLS."""
        return bool(self.certificate)

    def __repr__(self) -> str:
        return f"TlsSettings(certificate={shown(self.certificate)!r}, key={shown(self.key)!r})"


def shown(source: str) -> str:
    """A path as it is; of a PEM text, that it is one."""
    return "the PEM text" if is_pem(source) else source


def is_pem(source: str) -> bool:
    """Whether this is PEM text and not a path."""
    return source.lstrip().startswith("-----BEGIN ")
