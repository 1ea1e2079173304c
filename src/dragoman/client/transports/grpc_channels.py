"""What both of gRPC's clients are set up with."""

from collections.abc import Sequence
from typing import Final

import grpc

from dragoman.client.address import Address
from dragoman.client.errors import InvalidInput
from dragoman.client.tls import Tls, read_file

LARGEST_BYTES: Final = 2**31 - 1  # the most that gRPC can be told
RECONNECT_MS: Final = 100  # gRPC itself waits a second before it tries again, longer than our own pauses
LONGEST_RECONNECT_MS: Final = 5000


def channel_options(max_answer_bytes: int) -> Sequence[tuple[str, int]]:
    """The options of a channel. Calls are made again by us, by rules that hold over HTTP, too.

    `min_reconnect_backoff_ms` is left alone: it bounds how long a connection may take to come about.
    """
    return (
        ("grpc.max_receive_message_length", min(max_answer_bytes, LARGEST_BYTES)),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", LONGEST_RECONNECT_MS),
        ("grpc.enable_retries", 0),
    )


def channel_credentials(address: Address, tls: Tls | None) -> grpc.ChannelCredentials | None:
    """How the channel is encrypted; None = not at all.

    Errors: InvalidInput for a file that cannot be read, and for certificates that are not to be checked.
    """
    if not address.is_secure:
        return None
    tls = tls or Tls()
    if not tls.verify:
        raise InvalidInput("gRPC checks every certificate: give the CA's as ca_file instead of verify=False")
    return grpc.ssl_channel_credentials(
        root_certificates=read_file(tls.ca_file),
        private_key=read_file(tls.key_file),
        certificate_chain=read_file(tls.cert_file),
    )
