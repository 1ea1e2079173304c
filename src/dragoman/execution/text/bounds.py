"""How far a chat template may go, and what stops it."""

from typing import Final

MOST_S: Final = 1.0
MOST_CHARS: Final = 1_000_000
CHECK: Final = "__check"  # the variable that looks at the clock


class TemplateRefusal(Exception):
    """A template says that it does not take these messages."""


class OverLimitError(Exception):
    """A template takes too long or writes too much."""
