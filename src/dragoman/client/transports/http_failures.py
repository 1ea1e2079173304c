"""What the failures of sockets and of TLS are to a caller."""

import os
import socket
import ssl

from dragoman.client.errors import ConnectionFailed


def no_connection(error: OSError, *, sent: bool) -> ConnectionFailed:
    """The error for a connection that did not come about, or broke."""
    match error:
        case ssl.SSLCertVerificationError():
            why = f"the server's certificate is not trusted: {error.verify_message}"
        case ssl.SSLError():
            why = f"TLS failed: {getattr(error, 'reason', None) or error}"
        case socket.gaierror():
            why = f"there is no such host: {error.strerror}"
        case _:
            # Not its own text: asyncio's says more of itself than of what went wrong.
            why = os.strerror(error.errno).lower() if error.errno else str(error) or type(error).__name__
    return ConnectionFailed(f"no connection: {why}", sent=sent)
