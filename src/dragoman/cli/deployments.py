"""`dragoman deployments`: the file of deployments, which servers that run take up by themselves."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter
from cyclopts.validators import Number
from msgspec.structs import replace

from dragoman.cli.deployment_login import NO_LOGIN, LoginFlags
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.table import aligned, one_line
from dragoman.core.errors import DragomanError
from dragoman.security.deployments import NAME, change_deployments, read_deployments, usual_file
from dragoman.security.policy import make_policy
from dragoman.security.secret_files import SecretReader
from dragoman.settings.access import AccessSettings
from dragoman.settings.deployment import Deployment

ID_PREFIX: Final = "des"  # as Gradient's
ID_BYTES: Final = 6
HEADINGS: Final = ("NAME", "ID", "MODEL", "VERSION", "USERS")
MOUNTS: Final = ("/model-serving/", "/deployments/")

Model = Annotated[str, Parameter(name=("--model", "--modelId"))]
Version = Annotated[int | None, Parameter(validator=Number(gte=0))]
Known = Annotated[str, Parameter(name=("--name", "--id"))]
# The one type of deployment that a model server has; Gradient's others are container images.
Kind = Annotated[Literal["TFServing"], Parameter(name=("--deployment-type", "--deploymentType"))]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class FileFlags:
    """Which file it is, and how it is told what was done."""

    file: Annotated[Path | None, Parameter(env_var="DRAGOMAN_DEPLOYMENTS_FILE")] = None
    """The file of deployments. [default: deployments.yaml in this folder]"""

    repository: Path | None = None
    """Where the server's models are: the file is deployments.yaml beside that."""

    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False
    """Print JSON."""

    @property
    def path(self) -> str:
        """The file."""
        if self.file is not None:
            return str(self.file)
        return NAME if self.repository is None else usual_file(str(self.repository))


USUAL: Final = FileFlags()


def create(
    name: str,
    *,
    model: Model,
    version: Version = None,
    deployment_type: Kind = "TFServing",
    login: LoginFlags = NO_LOGIN,
    file: FileFlags = USUAL,
) -> None:
    """Deploy a model under a name of its own. With credentials its model is closed to everyone else.

    Parameters
    ----------
    name:
        The deployment's name: its paths begin with /model-serving/NAME and /deployments/NAME.
    model:
        The model's name in the repository.
    version:
        The only version that its paths lead to. [default: all]
    deployment_type:
        Is always TFServing.
    """
    del deployment_type
    created = Deployment(
        name=name,
        id=ID_PREFIX + secrets.token_hex(ID_BYTES),
        model=model,
        version=version,
        credentials=login.credentials(()),
    )

    def change(deployments: tuple[Deployment, ...]) -> Sequence[Deployment]:
        return checked((*deployments, created))

    apply(file, change)
    tell(file, created, "created")


def update(
    name: Known,
    *,
    model: Annotated[str | None, Parameter(name=("--model", "--modelId"))] = None,
    version: Version = None,
    login: LoginFlags = NO_LOGIN,
    open_to_all: Annotated[bool, Parameter(name="--no-auth", negative="")] = False,
    file: FileFlags = USUAL,
) -> None:
    """Change a deployment. What is not given stays as it is.

    Parameters
    ----------
    name:
        The deployment's name or id.
    model:
        The model's name in the repository.
    version:
        The only version that its paths lead to.
    open_to_all:
        Take its credentials away, which opens its model unless another deployment closes it.
    """
    if open_to_all and login != NO_LOGIN:
        raise FailureError("--no-auth does not go with a user name, a password or a token", Exit.USAGE)
    updated: list[Deployment] = []

    def change(deployments: tuple[Deployment, ...]) -> Sequence[Deployment]:
        old = find(deployments, name)
        new = replace(
            old,
            model=old.model if model is None else model,
            version=old.version if version is None else version,
            credentials=() if open_to_all else login.credentials(old.credentials),
        )
        updated.append(new)
        return checked([new if deployment is old else deployment for deployment in deployments])

    apply(file, change)
    tell(file, updated[0], "updated")


def delete(name: Known, *, file: FileFlags = USUAL) -> None:
    """Remove a deployment. The model stays; it opens unless another deployment closes it.

    Parameters
    ----------
    name:
        The deployment's name or id.
    """
    removed: list[Deployment] = []

    def change(deployments: tuple[Deployment, ...]) -> Sequence[Deployment]:
        removed.append(find(deployments, name))
        return [deployment for deployment in deployments if deployment is not removed[0]]

    apply(file, change)
    tell(file, removed[0], "deleted")


def listing(*, file: FileFlags = USUAL) -> None:
    """List the deployments. Passwords and tokens are not shown, nor are their hashes."""
    try:
        deployments = read_deployments(file.path, SecretReader())
    except DragomanError as error:
        raise FailureError(error.message) from error
    if file.as_json:
        print(json.dumps([view(deployment) for deployment in deployments], indent=2))
        return
    rows = [HEADINGS, *map(cells, deployments)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print("\n".join(aligned(row, widths) for row in rows))


def apply(file: FileFlags, change: Callable[[tuple[Deployment, ...]], Sequence[Deployment]]) -> None:
    """Change the file, or say in words why not."""
    try:
        change_deployments(file.path, change)
    except DragomanError as error:
        raise FailureError(error.message) from error
    except OSError as error:
        raise FailureError(f"{file.path} cannot be written: {error.strerror or error}") from error


def checked(deployments: Sequence[Deployment]) -> Sequence[Deployment]:
    """The deployments themselves, as a server would take them.

    Errors: DragomanError.
    """
    make_policy(AccessSettings(), deployments, SecretReader())
    return deployments


def find(deployments: Sequence[Deployment], name: str) -> Deployment:
    """The deployment of this name or id."""
    for deployment in deployments:
        if name in (deployment.name, deployment.id):
            return deployment
    raise FailureError(f"there is no deployment {name!r}")


def tell(file: FileFlags, deployment: Deployment, done: str) -> None:
    """Say what was done."""
    if file.as_json:
        print(json.dumps(view(deployment), indent=2))
        return
    closed = f", closed to all but {users(deployment)}" if deployment.credentials else ""
    print(f"{done} deployment {deployment.name} ({deployment.id}) of model {deployment.model}{closed}")
    if done != "deleted":
        print(f"its paths begin with {' and '.join(mount + deployment.name for mount in MOUNTS)}")
        print(f"{deployment.id} may take the name's place in them")


def view(deployment: Deployment) -> dict[str, Any]:
    """A deployment as JSON, without secrets."""
    return {
        "name": deployment.name,
        "id": deployment.id,
        "model": deployment.model,
        "version": deployment.version,
        "open": deployment.open,
        "users": [shown(credential.username) for credential in deployment.credentials],
    }


def cells(deployment: Deployment) -> tuple[str, ...]:
    """A deployment as a row of the table."""
    version = "all" if deployment.version is None else str(deployment.version)
    return (
        one_line(deployment.name),
        one_line(deployment.id),
        one_line(deployment.model),
        version,
        one_line(users(deployment)),
    )


def users(deployment: Deployment) -> str:
    """Who may call it."""
    return ", ".join(shown(credential.username) for credential in deployment.credentials)


def shown(username: str | None) -> str:
    """A user name, or what stands for credentials that have none."""
    return username or "(token or htpasswd file)"


deployments: Final = App(name="deployments", help="Deploy models under names of their own, with passwords.")
for verb, function in (("create", create), ("update", update), ("list", listing), ("delete", delete)):
    deployments.command(function, name=verb)
