"""Prometheus' text format, for families whose names its own client would not write."""

from collections.abc import Iterable


def line(name: str, labels: Iterable[tuple[str, str]], value: int) -> str:
    """One value."""
    inside = ",".join(f'{key}="{escaped(shown)}"' for key, shown in labels)
    return f"{name}{{{inside}}} {value}" if inside else f"{name} {value}"


def escaped(value: str) -> str:
    """A label's value."""
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
