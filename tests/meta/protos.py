"""Compile our .proto files: one descriptor set for the server, and stubs for type checkers.

python -m tests.meta.protos --write    write them
python -m tests.meta.protos --check    fail if they are stale
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

PACKAGE: Final = "dragoman.wire.protos"
PROTOS: Final = Path(__file__).parents[2] / "src" / "dragoman" / "wire" / "protos"
DESCRIPTORS: Final = "descriptors.binpb"
WELL_KNOWN: Final = "google/protobuf/"
OURS: Final = re.compile(
    r"^from (?!google\.protobuf\b|collections\b|typing\b|\.)([\w.]+) import (\w+_pb2)", re.MULTILINE
)


def compiled() -> Mapping[str, bytes]:
    """Every file that is made from the .proto files, by its path below PROTOS."""
    sources = sorted(path.relative_to(PROTOS).as_posix() for path in PROTOS.rglob("*.proto"))
    with TemporaryDirectory() as folder:
        descriptors = Path(folder, DESCRIPTORS)
        arguments = [
            "protoc",
            f"--proto_path={PROTOS}",
            f"--proto_path={files('grpc_tools') / '_proto'}",
            "--include_imports",
            f"--descriptor_set_out={descriptors}",
            f"--pyi_out={folder}",
            *sources,
        ]
        if protoc.main(arguments) != 0:
            raise SystemExit("protoc refused the definitions")
        made = {DESCRIPTORS: normalised(descriptors.read_bytes())}
        return made | dict(stubs(Path(folder)))


def normalised(data: bytes) -> bytes:
    """The descriptor set without what differs between protoc releases: options of the well-known types."""
    descriptors = FileDescriptorSet.FromString(data)
    for file in descriptors.file:
        if file.name.startswith(WELL_KNOWN):
            file.ClearField("options")
    return descriptors.SerializeToString(deterministic=True)


def stubs(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The stubs, as modules of our package: their imports of each other say so."""
    packages = set()
    for path in sorted(folder.rglob("*.pyi")):
        text = OURS.sub(rf"from {PACKAGE}.\1 import \2", path.read_text(encoding="utf-8"))
        text = text.replace(", _Mapping]", ", _Mapping[str, object]]")  # which mypy --strict asks for
        text = text.replace(", **kwargs)", ", **kwargs: object)")  # and so for a field named as a keyword
        relative = path.relative_to(folder)
        packages |= {parent for parent in relative.parents if parent.name}
        yield relative.as_posix(), text.encode()
    for package in sorted(packages):
        yield f"{package.as_posix()}/__init__.pyi", b""


def committed() -> Mapping[str, bytes]:
    """The files of that kind that are there now."""
    paths = [PROTOS / DESCRIPTORS, *PROTOS.rglob("*.pyi")]
    return {path.relative_to(PROTOS).as_posix(): path.read_bytes() for path in paths if path.exists()}


def write(made: Mapping[str, bytes]) -> None:
    """Put the files there, and remove those that are made no more."""
    for name in committed().keys() - made.keys():
        (PROTOS / name).unlink()
    for name, data in made.items():
        (PROTOS / name).write_bytes(data)


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit code."""
    made = compiled()
    if arguments == ["--write"]:
        write(made)
        return 0
    if arguments != ["--check"]:
        print(__doc__)
        return 2
    now = committed()
    stale = sorted(name for name in made.keys() | now.keys() if made.get(name) != now.get(name))
    if stale:
        print(f"run scripts/protos: {', '.join(stale)} do not fit the .proto files")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
