"""What the failures of sockets and of TLS are to a caller."""

import errno
import os
import socket
import ssl

import pytest

from dragoman.client.transports.http_failures import no_connection


def broken(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (broken(errno.ECONNREFUSED), "no connection: connection refused"),
        (broken(errno.ECONNRESET), "no connection: connection reset by peer"),
        (
            socket.gaierror(-2, "Name or service not known"),
            "there is no such host: Name or service not known",
        ),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER] wrong"), "TLS failed"),
        (OSError(errno.ECONNREFUSED, "Connect call failed"), "no connection: connection refused"),
        (OSError("Multiple exceptions: a, b"), "no connection: Multiple exceptions: a, b"),
        (OSError(), "no connection: OSError"),
    ],
)
def test_a_connection_that_fails_says_why(error: OSError, told: str) -> None:
    assert told in str(no_connection(error, sent=False))


def test_a_certificate_that_is_not_trusted_is_told() -> None:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed")
    error.verify_message = "self-signed certificate"
    assert "the server's certificate is not trusted: self-signed certificate" in str(
        no_connection(error, sent=False)
    )


@pytest.mark.parametrize("sent", [True, False])
def test_it_is_known_whether_anything_was_sent(sent: bool) -> None:
    assert no_connection(OSError(), sent=sent).sent is sent
