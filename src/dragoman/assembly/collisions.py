"""Paths that two protocols own, and who answers there.

Two protocols may claim one (method, template) when they put the very same operation there, as shared status
views do. Any other collision stops the start unless it is named here with its arbiter: a pure operation that
answers for all of them.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.wire.operation import Operation

ARBITERS: Final[Mapping[tuple[str, str], Operation]] = {}
