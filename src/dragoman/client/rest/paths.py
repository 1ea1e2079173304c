"""The paths of V1 and V2."""

from urllib.parse import quote

from dragoman.client.codec import Version
from dragoman.client.errors import InvalidInput


def v2_path(model: str, version: Version, *rest: str) -> str:
    """The path of a model, or of one version of it, in V2.

    Errors: InvalidInput for a model or version without a name.
    """
    versions = () if version is None else ("versions", segment(str(version), "version"))
    return "/".join(("/v2/models", segment(model, "model"), *versions, *rest))


def v1_path(model: str, version: Version, rest: str = "") -> str:
    """The path of a model, or of one version of it, in V1; `rest` follows it, as `:predict` does.

    Errors: InvalidInput for a model or version without a name.
    """
    versions = "" if version is None else f"/versions/{segment(str(version), 'version')}"
    return f"/v1/models/{segment(model, 'model')}{versions}{rest}"


def repository_path(model: str, verb: str) -> str:
    """The path that loads or unloads a model.

    Errors: InvalidInput for a model without a name.
    """
    return f"/v2/repository/models/{segment(model, 'model')}/{verb}"


def segment(name: str, what: str) -> str:
    """One part of a path.

    Errors: InvalidInput where it is empty, or would be taken for a step in the path.
    """
    if name in ("", ".", ".."):
        raise InvalidInput(f"{name!r} is no {what}'s name")
    try:
        return quote(name, safe="")
    except UnicodeEncodeError:
        raise InvalidInput(f"{name!r} is no {what}'s name") from None
