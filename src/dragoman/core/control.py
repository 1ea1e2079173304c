"""What an operator asks of the repository, whichever protocol carried it."""

from collections.abc import Mapping

from msgspec import Struct, field

from dragoman.core.override import Override
from dragoman.core.status import StatusReport


class Load(Struct, frozen=True):
    """Load a model, or one version of it, from the repository.

    `looks`: also load anew what has changed in place. `override`: load it with this configuration, until
    somebody loads or unloads it as a whole; where that fails, everything is as it was before.
    """

    model: str
    version: int | None = None
    looks: bool = False
    override: Override | None = None


class Unload(Struct, frozen=True):
    """Stop serving a model, or one version of it.

    `parts`: of a pipeline also the models that it is made of, but those of another that serves. `waits`
    False: requests that still hold it are not waited for.
    """

    model: str
    version: int | None = None
    parts: bool = False
    waits: bool = True


class Reload(Struct, frozen=True):
    """Look at the repository again; `model` None = all of it."""

    model: str | None = None


class SetLabels(Struct, frozen=True):
    """Replace a model's version labels as a whole."""

    model: str
    labels: Mapping[str, int]


class Scale(Struct, frozen=True):
    """Have at least and at most so many workers of a version; which, as in a `Target`.

    `waits`: until all of them have loaded the model, or one cannot.
    """

    model: str
    minimum: int
    maximum: int
    version: int | None = None
    version_name: str | None = None
    waits: bool = True


class Register(Struct, frozen=True):
    """Serve one more version: that of the archive at `url`, a file or folder of the model store or elsewhere.

    `name`: in the place of the manifest's; so are `handler` and `runtime`. `workers`: that it begins with,
    where its own files do not say. None = what the server has for all. `waits`: until they have loaded it.
    """

    url: str
    name: str = ""
    handler: str = ""
    runtime: str = ""
    workers: int | None = None
    batch_size: int | None = None
    max_batch_delay_ms: int | None = None
    response_timeout_s: int | None = None
    startup_timeout_s: int | None = None
    waits: bool = True

    @property
    def model(self) -> None:
        """No single model: which one it is the archive says."""


class Unregister(Struct, frozen=True):
    """Have a version no more, as if it had never been there; `version_name` None = the default one."""

    model: str
    version_name: str | None = None


class SetDefault(Struct, frozen=True):
    """Have this version called where none is named."""

    model: str
    version_name: str


class PlacedModel(Struct, frozen=True):
    """A model of a list: where it lies, its labels, and which versions: the `latest` ones, all, or these."""

    name: str
    path: str
    latest: int = 1
    all_versions: bool = False
    versions: tuple[int, ...] = ()
    labels: Mapping[str, int] = field(default_factory=dict)


class ReplaceModels(Struct, frozen=True):
    """Serve these models and no others."""

    models: tuple[PlacedModel, ...]

    @property
    def model(self) -> None:
        """No single model: all of them."""


class ReloadSettings(Struct, frozen=True):
    """Read the server's settings again where they have changed, then look at every model again.

    It fails where anything that is wanted then does not serve, although what does serve goes on.
    """

    @property
    def model(self) -> None:
        """No single model: all of them."""


class SetLogs(Struct, frozen=True):
    """Write these kinds of log entries from now on; None = as until now. `verbose` above 0 = to debug."""

    error: bool | None = None
    warning: bool | None = None
    info: bool | None = None
    verbose: int | None = None

    @property
    def model(self) -> None:
        """No single model: all of them."""


class RenewKey(Struct, frozen=True):
    """Make a new key for this use; `authorization` = what the caller shows to be allowed to."""

    use: str
    authorization: str | None = None

    @property
    def model(self) -> None:
        """No single model: all of them."""

    def __repr__(self) -> str:
        return f"RenewKey({self.use!r})"


class LogKinds(Struct, frozen=True):
    """Which kinds of log entries are written."""

    error: bool = True
    warning: bool = True
    info: bool = True
    verbose: int = 0


ModelControl = Load | Unload | Reload | SetLabels  # of one model, or of each
Registration = Register | Unregister | SetDefault
RepositoryControl = ModelControl | Scale | Registration | ReplaceModels
ControlRequest = RepositoryControl | ReloadSettings | SetLogs | RenewKey


class ControlResult(Struct, frozen=True):
    """What the repository looks like after the control request, and whether it differs from before.

    `model` = the one that was asked for; None = all of them. `logs`: what is written to the log. Of a
    registration: `version_name`, what its version is called, and `workers`, how many it has at least.
    `request` = what was asked; `pending` = it is only begun.
    """

    report: StatusReport = field(default_factory=StatusReport)
    changed: bool = False
    model: str | None = None
    logs: LogKinds = LogKinds()
    version_name: str = ""
    workers: int = 0
    pending: bool = False
    request: ControlRequest | None = None
