"""What of an RPC becomes a request, and what of an answer becomes a status."""

import pytest

from dragoman.transports.grpc.calls import details, peer


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("ipv4:127.0.0.1:50000", "127.0.0.1:50000"),
        ("ipv6:%5B::1%5D:50000", "[::1]:50000"),
        ("ipv6:[::1]:50000", "[::1]:50000"),
        ("unix:/run/dragoman.sock", "unix:/run/dragoman.sock"),
    ],
)
def test_a_peer_is_shown_as_host_and_port(address: str, shown: str) -> None:
    assert peer(address) == shown


def test_long_messages_are_cut_off_and_say_so() -> None:
    assert details("x" * 1024) == "x" * 1024
    assert details("x" * 1025) == "x" * 1024 + "...TRUNCATED"


def test_what_cannot_be_encoded_is_replaced() -> None:
    assert details("a\ud800b") == "a?b"
