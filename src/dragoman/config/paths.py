"""Paths in `dragoman.yaml` are relative to the folder that it lies in."""

import os
import re
from typing import Any, Final

from dragoman.settings.tls import is_pem

CREDENTIAL: Final = ("htpasswd", "password.file", "token.file")
# Keys that hold paths; [] stands for any entry of a list.
KEYS: Final = frozenset(
    {
        "repository",
        "repository[]",
        "models[].path",
        "models[].path[]",
        "models[].external.ca_file",
        "models[].external.key.file",
        "node_libraries[].path",
        "archives.folder",
        "metrics.torchserve_file",
        "metrics.torchserve_folder",
        "registration.store",
        "tokens.file",
        "snapshots.folder",
        "snapshots.store",
        "deployments_file",
        "listeners[].tls.certificate",
        "listeners[].tls.key",
        "listeners[].tls.keystore",
        "listeners[].tls.client_ca",
        *(f"access.credentials[].{key}" for key in CREDENTIAL),
        *(f"deployments[].credentials[].{key}" for key in CREDENTIAL),
    }
)


def resolved(value: Any, folder: str, key: str = "") -> Any:
    """The same tree with its paths made absolute."""
    if isinstance(value, dict):
        return {
            name: resolved(inner, folder, f"{key}.{name}" if key else name) for name, inner in value.items()
        }
    if isinstance(value, list | tuple):
        return [resolved(inner, folder, f"{key}[]") for inner in value]
    if isinstance(value, str) and value and is_path(key) and not is_pem(value):
        return os.path.normpath(os.path.join(folder, value))
    return value


def is_path(key: str) -> bool:
    """Whether this key holds a path."""
    return re.sub(r"\[\d+\]", "[]", key) in KEYS
