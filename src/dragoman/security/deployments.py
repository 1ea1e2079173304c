"""The file of deployments: read by servers, written by `dragoman deployments`.

It holds hashes of passwords and says what is closed. So it is for its owner's eyes alone, and a server does
not believe one that others may write.
"""

import fcntl
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec
import yaml

from dragoman.core.errors import Code, DragomanError
from dragoman.security.secret_files import SecretReader
from dragoman.settings.deployment import Deployment, DeploymentFile
from dragoman.settings.yaml_document import read_document

NAME: Final = "deployments.yaml"
OTHERS_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH
Change = Callable[[tuple[Deployment, ...]], Sequence[Deployment]]


def usual_file(repository: str) -> str:
    """Where the deployments of a repository are: beside it."""
    return str(Path(os.path.abspath(repository)).with_name(NAME))


def read_deployments(file: str, read: SecretReader) -> tuple[Deployment, ...]:
    """The deployments of a file; none where there is no file.

    Errors: INVALID_ARGUMENT with a line for every mistake; PERMISSION_DENIED for one that others may write.
    """
    read.files[file] = None
    try:
        found = os.stat(file)
    except FileNotFoundError:
        return ()
    if found.st_uid not in (os.geteuid(), 0) or found.st_mode & OTHERS_WRITE:
        raise DragomanError(
            Code.PERMISSION_DENIED, f"{file}: others may write this file: make it yours, with chmod 600"
        )
    return read_document(read.text(file, "deployments"), file, DeploymentFile).deployments


def change_deployments(file: str, change: Change) -> None:
    """Replace the deployments by what `change` makes of them. Two that change at once do so in turn.

    Errors: those of `read_deployments`, those of `change`, and OSError.
    """
    with locked(file):
        changed = DeploymentFile(deployments=tuple(change(read_deployments(file, SecretReader()))))
        write_whole(file, as_text(changed))


@contextmanager
def locked(file: str) -> Iterator[None]:
    """Hold the lock beside a file."""
    handle = os.open(f"{file}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def as_text(document: DeploymentFile) -> str:
    """The document as YAML, without what is as it is by default."""
    plain = [without_defaults(deployment) for deployment in document.deployments]
    return yaml.safe_dump({"deployments": plain}, sort_keys=False, allow_unicode=True)


def without_defaults(struct: msgspec.Struct) -> dict[str, object]:
    """The fields that differ from their defaults, as plain data."""
    found: dict[str, object] = {}
    for field in msgspec.structs.fields(struct):
        value = getattr(struct, field.name)
        if field.required or value != field.default:
            found[field.encode_name] = plain(value)
    return found


def plain(value: object) -> object:
    """A value as YAML has it."""
    if isinstance(value, msgspec.Struct):
        return without_defaults(value)
    return [plain(item) for item in value] if isinstance(value, tuple) else msgspec.to_builtins(value)


def write_whole(file: str, text: str) -> None:
    """Put the text in the place of the file in one step; nobody sees half of it.

    Errors: OSError.
    """
    temporary = f"{file}.{os.getpid()}.tmp"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(handle, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
