"""Addresses of clients."""

import pytest

from dragoman.security.peers import is_loopback, network_of


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


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:4000", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("[2001:db8:1:2:ffff::1]:80", "2001:db8:1:2::"),
        ("fe80::1%eth0", "fe80::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix", "unix"),
    ],
)
def test_peers_are_counted_by_address_and_in_ipv6_by_network(peer: str, network: str) -> None:
    assert network_of(peer) == network
