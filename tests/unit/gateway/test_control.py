"""Who may change what is served."""

import pytest

from dragoman.gateway.control import is_loopback


@pytest.mark.parametrize(
    "peer", ["127.0.0.1", "127.0.0.1:5000", "127.8.9.1", "::1", "[::1]:5000", "::ffff:127.0.0.1"]
)
def test_an_address_of_this_machine_is_loopback(peer: str) -> None:
    assert is_loopback(peer)


@pytest.mark.parametrize(
    "peer", ["", "192.0.2.1", "192.0.2.1:127", "[2001:db8::1]:80", "localhost.example", "127.1"]
)
def test_any_other_peer_is_not(peer: str) -> None:
    assert not is_loopback(peer)
