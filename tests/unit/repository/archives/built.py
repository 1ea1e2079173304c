"""Archives to unpack: good ones and others."""

import gzip
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

MANIFEST = "MAR-INF/MANIFEST.json"
HANDLER = b"def handle(data, context):\n    return data\n"


def manifest(name: str = "echo", version: str = "1.0", **model: str) -> bytes:
    """The text of a manifest."""
    told = {"modelName": name, "modelVersion": version, "handler": "echo.py", **model}
    return json.dumps({"runtime": "python", "model": told}).encode()


def good(name: str = "echo", version: str = "1.0", **more: bytes) -> dict[str, bytes]:
    """The members of an archive that is one."""
    return {"echo.py": HANDLER, MANIFEST: manifest(name, version), **more}


def write_zip(path: Path, held: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    """A zip with these members."""
    return write_infos(path, [(zipfile.ZipInfo(name), data) for name, data in held.items()], compression)


def write_infos(
    path: Path, held: list[tuple[zipfile.ZipInfo, bytes]], compression: int = zipfile.ZIP_DEFLATED
) -> Path:
    """A zip whose headers are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for info, data in held:
            archive.writestr(info, data, compression)
    return path


def zip_member(name: str, mode: int = 0, data: bytes = b"x") -> tuple[zipfile.ZipInfo, bytes]:
    """A member of a zip with a file mode."""
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, data


def write_tar(path: Path, held: Mapping[str, bytes], folder: str = "") -> Path:
    """A tar.gz with these members, in a leading folder where one is given."""
    return write_tar_infos(path, [tar_member(f"{folder}{name}", data) for name, data in held.items()])


def tar_member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    """A member of a tar."""
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(data)
    return info, data


def tar_bytes(held: list[tuple[tarfile.TarInfo, bytes]]) -> bytes:
    """A tar."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in held:
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


def write_tar_infos(path: Path, held: list[tuple[tarfile.TarInfo, bytes]]) -> Path:
    """A tar.gz whose headers are given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(tar_bytes(held), 1))
    return path


Write = Callable[[Path, Mapping[str, bytes]], Path]
WRITERS: dict[str, Write] = {"mar": write_zip, "tar.gz": write_tar}
