"""How a client checks the server's certificate, and shows its own."""

import ssl
from pathlib import Path

from msgspec import Struct

from dragoman.client.address import Address
from dragoman.client.errors import InvalidInput


class Tls(Struct, frozen=True, kw_only=True):
    """Files in PEM form. `ca_file` None = the system's authorities; `verify` False = believe any certificate.

    `cert_file` is the client's own certificate, where the server asks for one; its key is in `key_file`, or
    in the same file.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    verify: bool = True


def ssl_context(address: Address, tls: Tls | None) -> ssl.SSLContext | None:
    """What an https:// connection is set up with; None for http://.

    Errors: InvalidInput for a file that cannot be read or holds no such thing.
    """
    if not address.is_secure:
        return None
    tls = tls or Tls()
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
        if not tls.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if tls.cert_file is not None:
            context.load_cert_chain(tls.cert_file, tls.key_file)
    except (OSError, ValueError) as error:
        given = ", ".join(filter(None, (tls.ca_file, tls.cert_file, tls.key_file)))
        raise InvalidInput(f"TLS cannot be set up with {given}: {error}") from None
    return context


def read_file(path: str | None) -> bytes | None:
    """A file's bytes; None for none.

    Errors: InvalidInput naming the file.
    """
    if path is None:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}") from None
