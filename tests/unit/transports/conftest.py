"""What tests of connections have in common."""

from tests.departing import crowd

__all__ = ["crowd"]
