"""What an operator asks of the repository, whichever protocol carried it."""

from collections.abc import Mapping

from msgspec import Struct, field

from dragoman.core.status import StatusReport


class Load(Struct, frozen=True):
    """Load a model, or one version of it, from the repository."""

    model: str
    version: int | None = None


class Unload(Struct, frozen=True):
    """Stop serving a model, or one version of it."""

    model: str
    version: int | None = None


class Reload(Struct, frozen=True):
    """Look at the repository again; `model` None = all of it."""

    model: str | None = None


class SetLabels(Struct, frozen=True):
    """Replace a model's version labels as a whole."""

    model: str
    labels: Mapping[str, int]


ControlRequest = Load | Unload | Reload | SetLabels


class ControlResult(Struct, frozen=True):
    """What the repository looks like after the control request, and whether it differs from before."""

    report: StatusReport = field(default_factory=StatusReport)
    changed: bool = False
