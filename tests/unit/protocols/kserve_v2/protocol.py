"""The protocol as the tests have it."""

from typing import Final

from dragoman.protocols.kserve_v2 import make_protocol
from dragoman.wire.surroundings import Surroundings

PROTOCOL: Final = make_protocol(Surroundings(lambda: 0.0, str))
