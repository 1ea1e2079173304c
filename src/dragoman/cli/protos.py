"""`dragoman protos`: the definitions that clients in other languages are built from."""

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from dragoman.cli.failure import FailureError

OWN = "dragoman"  # what the server uses for itself


def protos(folder: Path, /) -> None:
    """Write the .proto files of the protocols into a folder.

    Parameters
    ----------
    folder:
        Made where it is not there; files of the same names in it are replaced.
    """
    count = 0
    try:
        for name, source in definitions(files("dragoman.wire.protos"), ""):
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(source.read_bytes())
            count += 1
    except OSError as error:
        raise FailureError(f"{error.filename}: {error.strerror}") from None
    print(f"{count} files in {folder}; compile them with: protoc --proto_path={folder} ...")


def definitions(folder: Traversable, below: str) -> Iterator[tuple[str, Traversable]]:
    """Every .proto file with its path, which is the name that others import it by."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir() and (below or entry.name != OWN):
            yield from definitions(entry, f"{below}{entry.name}/")
        elif entry.name.endswith(".proto"):
            yield f"{below}{entry.name}", entry
