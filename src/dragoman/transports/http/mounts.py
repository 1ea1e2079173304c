"""Prefixes of paths that lead to deployments.

Gradient's `/model-serving/{deployment}` makes `/model-serving/digits:predict` the same as
`/v1/models/digits:predict`, where `digits` is a deployment of the model `digits`. A mount whose target is `/`
has the whole server behind its prefix.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import quote

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import invalid
from dragoman.settings.deployment import Deployment, Mount
from dragoman.transports.http.template import compile_template
from dragoman.wire.percent import percent_decoded

DEPLOYMENT: Final = "deployment"
BOUNDARY: Final = ("", "/", ":")  # how what follows a prefix may begin
ROOT: Final = "/"
VERSION: Final = re.compile(r"/(?:versions/0*([0-9]+)|labels/[^/:]+)(?=[/:]|$)", re.IGNORECASE)


class Mounted(Struct, frozen=True):
    """The path without its mount, and the deployment it leads to, if it is one.

    `wrong_version` = the deployment does not have the version that the path asks for. `asked` is the path
    with the mount, and `called` the deployment's or model's name as it stands there; empty = it does not.
    """

    path: str
    deployment: Deployment | None = None
    wrong_version: bool = False
    asked: str = ""
    called: str = ""


class Mounts:
    """The mounts of one listener. A path belongs to the first one that fits.

    Those of the whole server go before the others, which are found behind them too; one of them is not found
    behind another.
    """

    def __init__(self, mounts: Sequence[Mount] = ()) -> None:
        compiled = [(compile_mount(mount), mount) for mount in mounts]
        self._servers = [pattern for pattern, mount in compiled if mount.target == ROOT]
        self._mounts = [(pattern, mount) for pattern, mount in compiled if mount.target != ROOT]
        self._deployments: Mapping[str, Deployment] = {}

    def adopt(self, deployments: Mapping[str, Deployment]) -> None:
        """Lead to these deployments, by name and id, from now on."""
        self._deployments = deployments

    def resolve(self, path: str) -> Mounted | None:
        """Where the path leads; None = it belongs to no mount."""
        for pattern in self._servers:
            found = pattern.match(path)
            if found is not None and path[found.end() :][:1] in ("", ROOT):
                rest = path[found.end() :] or ROOT
                return self._resolve_deployment(rest) or Mounted(rest)
        return self._resolve_deployment(path)

    def _resolve_deployment(self, path: str) -> Mounted | None:
        for pattern, mount in self._mounts:
            found = pattern.match(path)
            if found is not None and path[found.end() :][:1] in BOUNDARY:
                called = "" if mount.deployment else found[DEPLOYMENT]
                name = mount.deployment or percent_decoded(called)
                return replace(self._lead(mount, name, path[found.end() :]), asked=path, called=called)
        return None

    def _lead(self, mount: Mount, name: str, rest: str) -> Mounted:
        """A deployment's name goes before a model's; a deployment of one version leads to that one."""
        deployment = self._deployments.get(name)
        if deployment is None:
            return Mounted(mount.target.replace("{model}", quote(name, safe="")) + rest)
        target = mount.target.replace("{model}", quote(deployment.model, safe=""))
        if deployment.version is None:
            return Mounted(target + rest, deployment)
        asked = VERSION.match(rest)
        if asked is None:
            return Mounted(f"{target}/versions/{deployment.version}{rest}", deployment)
        return Mounted(target + rest, deployment, asked[1] != str(deployment.version))


def compile_mount(mount: Mount) -> re.Pattern[str]:
    """The beginning of the paths that belong to a mount.

    Errors: INVALID_ARGUMENT for a prefix or target that cannot be one.
    """
    prefix = mount.prefix
    if not prefix.startswith("/") or prefix.endswith("/"):
        raise invalid(f"mount {prefix!r}: a prefix begins with / and does not end with it")
    try:
        pattern = compile_template(prefix).pattern
    except (ValueError, re.error) as error:
        raise invalid(f"mount {prefix!r}: {error}") from error
    deployments = (DEPLOYMENT in pattern.groupindex) + bool(mount.deployment)
    if mount.target == ROOT and deployments:
        raise invalid(f"mount {prefix!r}: the target / is the whole server, and has no deployment")
    if mount.target != ROOT and deployments != 1:
        raise invalid(f"mount {prefix!r}: a prefix has {{deployment}}, or the mount names its deployment")
    if not mount.target.startswith("/"):
        raise invalid(f"mount {prefix!r}: the target {mount.target!r} does not begin with /")
    return pattern
