"""Settings of deployments and of the paths that lead to them."""

from typing import Annotated

from msgspec import Meta, Struct

from dragoman.settings.access import CredentialSettings

NotNegative = Annotated[int, Meta(ge=0)]


class Deployment(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model under a name of its own. One with credentials closes its model on every path and protocol."""

    name: str
    model: str
    id: str = ""  # another name of it, given when it was created
    version: NotNegative | None = None  # the only one that is reached through its mounts; None = all
    credentials: tuple[CredentialSettings, ...] = ()
    open: bool = False  # whether its mounts serve everyone although other deployments close the model


class DeploymentFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What `deployments.yaml` may say."""

    deployments: tuple[Deployment, ...] = ()


class Mount(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A prefix of paths that leads to a deployment. What follows it follows `target` instead.

    `{deployment}` in the prefix stands for a deployment's name or id, else a model's name; other placeholders
    may stand for anything. `{model}` in the target is the deployment's model. The target `/` is the whole
    server behind a prefix of its own, without a deployment.
    """

    prefix: str
    deployment: str = ""  # the one that is meant by a prefix without {deployment}
    target: str = "/v1/models/{model}"


GRADIENT = Mount(prefix="/model-serving/{deployment}")
DEEPLOY = Mount(prefix="/deployments/{deployment}")
DEEPLOY_WORKSPACES = Mount(prefix="/workspaces/{workspace}/deployments/{deployment}")
