"""Numbers for versions that have names of their own.

Everything else here knows versions by numbers, the higher the later. Archives of one model are put in the
order of their versions' names, where runs of digits count as numbers: 1.9, 1.10, 2.0. Each gets the first
number in its name (2.0 is 2), but at least 1, and more than the one before it: 1.0, 1.5 and 2.0 are 1, 2
and 3. So a newer version never changes the number of an older one.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

TOKENS: Final = re.compile(r"[0-9]+|[^0-9]+")
FIRST: Final = re.compile(r"[vV]?([0-9]{1,18})")  # versions fit into 64 bits
MOST_DIGITS: Final = 100  # that count in a name


def version_numbers(names: Collection[str]) -> Mapping[str, int]:
    """The number of each name."""
    numbers = {}
    last = 0
    for name in sorted(names, key=order):
        first = FIRST.match(name)
        last = max(last + 1, int(first.group(1)) if first else 1)
        numbers[name] = last
    return numbers


def order(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
    """What names are sorted by: their parts, numbers before texts; the names where these are equal."""
    parts = TOKENS.findall(name)
    return tuple(
        (0, int(part[:MOST_DIGITS]), "") if part.isdecimal() and part.isascii() else (1, 0, part)
        for part in parts
    ), name
