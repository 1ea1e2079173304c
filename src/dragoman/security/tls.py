"""TLS: which versions and suites are spoken, from which files, and how changed files are taken up."""

import os
import ssl
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from tempfile import NamedTemporaryFile
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.security.watched import Stamp, differ, stamp
from dragoman.settings.tls import TlsSettings, is_pem, shown

# TLS 1.2 with forward secrecy and authenticated encryption only; TLS 1.3 has nothing else.
SUITES: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
CLIENTS: Final = {"none": ssl.CERT_NONE, "optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


class Certificates(Struct, frozen=True):
    """The PEM texts that a server needs. Never printed."""

    certificate: bytes
    key: bytes
    client_ca: bytes = b""

    def __repr__(self) -> str:
        return "Certificates()"


class TlsFiles:
    """Reads certificates, and again when they change. What cannot be used never replaces what can."""

    def __init__(self, settings: TlsSettings) -> None:
        self.settings = settings
        self._files: dict[str, Stamp | None] = {}
        check_settings(settings)

    @property
    def shown(self) -> str:
        """The certificate's source, for a log."""
        return self.settings.keystore or shown(self.settings.certificate)

    def changed(self) -> bool:
        """Whether a file differs from what was last read."""
        return differ(self._files)

    def read(self) -> Certificates:
        """What the files hold now, proved to work together.

        Errors: DragomanError naming the setting and the file.
        """
        settings = self.settings
        self._files = {}
        if settings.keystore:
            data = self._contents(settings.keystore, "tls.keystore")
            certificate, key = opened_keystore(data, settings)
        else:
            certificate = self._pem(settings.certificate, "tls.certificate")
            key = self._pem(settings.key, "tls.key")
        ca = self._pem(settings.client_ca, "tls.client_ca") if settings.client_ca else b""
        found = Certificates(certificate=certificate, key=key, client_ca=ca)
        make_context(found, settings)
        return found

    def _pem(self, source: str, what: str) -> bytes:
        return source.encode() if is_pem(source) else self._contents(source, what)

    def _contents(self, source: str, what: str) -> bytes:
        self._files[source] = stamp(source)
        try:
            with open(source, "rb") as opened:
                return opened.read()
        except OSError as error:
            code = Code.NOT_FOUND if isinstance(error, FileNotFoundError) else Code.PERMISSION_DENIED
            why = (error.strerror or "it cannot be read").lower()
            raise DragomanError(code, f"{what}: {source}: {why}") from error


def check_settings(settings: TlsSettings) -> None:
    """Refuse settings that say less than they mean.

    Errors: INVALID_ARGUMENT naming the key.
    """
    if settings.keystore and (settings.certificate or settings.key):
        raise invalid("tls.keystore: it holds certificate and key; give it, or these two")
    if not settings.key and not settings.keystore:
        raise invalid("tls.key: a certificate needs its key")
    if settings.client_certificates != "none" and not settings.client_ca:
        raise invalid("tls.client_ca: to ask for client certificates, say who signs them")


def opened_keystore(data: bytes, settings: TlsSettings) -> tuple[bytes, bytes]:
    """The certificate with its chain, and the key, of a PKCS #12 file, as PEM texts.

    Errors: FAILED_PRECONDITION where the package that reads it is missing; INVALID_ARGUMENT.
    """
    try:
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 (an extra's)
        from cryptography.hazmat.primitives.serialization import pkcs12  # noqa: PLC0415
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"tls.keystore: {settings.keystore}: it is read with the package cryptography, which is missing: "
            "pip install 'dragoman[keystore]'",
        ) from error
    try:
        held = pkcs12.load_pkcs12(data, settings.keystore_password.encode())
    except ValueError as error:
        why = "no PKCS #12 file, or its password is another"
        raise wrong("tls.keystore", settings.keystore, why) from error
    if held.key is None or held.cert is None:
        raise wrong("tls.keystore", settings.keystore, "it holds no key with its certificate")
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain = [held.cert, *held.additional_certs]
    certificates = b"".join(one.certificate.public_bytes(pem) for one in chain)
    return certificates, held.key.private_bytes(pem, *plain)


def make_context(found: Certificates, settings: TlsSettings, spoken: str = "http/1.1") -> ssl.SSLContext:
    """A context for a server; `spoken` is told to clients that ask (ALPN).

    Errors: INVALID_ARGUMENT naming the setting and the file that is wrong.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(SUITES)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.set_alpn_protocols([spoken])
    load_chain(context, found, settings)
    context.verify_mode = CLIENTS[settings.client_certificates]
    if found.client_ca:
        # A resumed session is not asked for its certificate again, which may have lost its signer meanwhile.
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
        try:
            context.load_verify_locations(cadata=found.client_ca.decode("ascii"))
        except (ssl.SSLError, ValueError) as error:
            raise wrong("tls.client_ca", settings.client_ca, "no certificates in PEM form") from error
    return context


def load_chain(context: ssl.SSLContext, found: Certificates, settings: TlsSettings) -> None:
    """Load certificate and key.

    Errors: as `make_context`.
    """
    with ExitStack() as stack:
        certificate = stack.enter_context(as_file(found.certificate))
        key = stack.enter_context(as_file(found.key))
        try:
            context.load_cert_chain(certificate, key, password=no_password)
        except EncryptedKeyError as error:
            raise wrong(
                "tls.key", settings.key, "the key is encrypted; a server cannot ask for its password"
            ) from error
        except ssl.SSLError as error:
            if error.reason == "KEY_VALUES_MISMATCH":
                raise wrong("tls.key", settings.key, "the key is not that of the certificate") from error
            broken = broken_certificate(certificate)
            if broken:
                raise wrong("tls.certificate", settings.certificate, "no certificate in PEM form") from error
            raise wrong("tls.key", settings.key, "no private key in PEM form") from error


class EncryptedKeyError(Exception):
    """OpenSSL asked for a password."""


def no_password() -> str:
    """What is answered when OpenSSL asks for a key's password."""
    raise EncryptedKeyError


def broken_certificate(file: str) -> bool:
    """Whether OpenSSL cannot read a certificate there."""
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(file)
    except ssl.SSLError:
        return True
    return False


@contextmanager
def as_file(data: bytes) -> Iterator[str]:
    """A path that has these bytes, for OpenSSL, which reads keys from files only; on Linux on no disk."""
    if sys.platform != "linux":
        with NamedTemporaryFile() as opened:  # for its owner alone
            opened.write(data)
            opened.flush()
            yield opened.name
        return
    handle = os.memfd_create("pem")
    try:
        os.write(handle, data)
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def wrong(what: str, source: str, why: str) -> DragomanError:
    """The error for a file that cannot be used."""
    return invalid(f"{what}: {shown(source)}: {why}")


class LiveContext:
    """A context whose certificates can be exchanged while it is used.

    Every handshake, with or without a server name, is passed on to the newest context; connections that are
    open keep the one they have. Whether clients are asked for certificates stays as it was.
    """

    def __init__(self, found: Certificates, settings: TlsSettings, spoken: str = "http/1.1") -> None:
        self._settings = settings
        self._spoken = spoken
        self._newest = self.context = make_context(found, settings, spoken)
        self.context.sni_callback = self._choose

    def exchange(self, found: Certificates) -> None:
        """Use these for every handshake from now on."""
        self._newest = make_context(found, self._settings, self._spoken)

    def _choose(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        del name, context
        connection.context = self._newest
