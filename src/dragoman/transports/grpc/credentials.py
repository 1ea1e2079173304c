"""TLS for gRPC, whose certificates can be exchanged while it is used.

gRPC itself speaks TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only. It asks for client
certificates or does not: there is no third way.
"""

from collections import deque
from typing import Any

import grpc

from dragoman.security.tls import Certificates


class LiveCredentials:
    """Credentials of a server. Handshakes begin with the certificates that were last given."""

    def __init__(self, found: Certificates, *, ask_clients: bool) -> None:
        self._new: deque[grpc.ServerCertificateConfiguration] = deque(maxlen=1)
        fetch: Any = self._fetch  # the stubs do not know that None means no change
        self.credentials = grpc.dynamic_ssl_server_credentials(configuration(found), fetch, ask_clients)

    def exchange(self, found: Certificates) -> None:
        """Use these for every handshake from now on."""
        self._new.append(configuration(found))

    def _fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """What is new since the last handshake. gRPC asks on a thread of its own."""
        try:
            return self._new.pop()
        except IndexError:
            return None


def configuration(found: Certificates) -> grpc.ServerCertificateConfiguration:
    """The certificates as gRPC takes them."""
    pairs = [(found.key, found.certificate)]
    return grpc.ssl_server_certificate_configuration(pairs, root_certificates=found.client_ca or None)
