"""From files to a model archive, as `torch-model-archiver` makes them.

1. Files lie at the top of the archive under their own names; of a folder, what is in it. Hidden folders in
   it, `__pycache__` and `__MACOSX` are left out.
2. `MAR-INF/MANIFEST.json` comes last and names them.
3. An archive is written beside its place and moved there whole, or not at all.

Source: torch-model-archiver 0.12, model_packaging_utils.py.
"""

import glob
import json
import os
import re
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from io import BytesIO
from typing import Final, Literal

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.settings.manifest import MANIFEST

Form = Literal["default", "zip-store", "tgz", "no-archive"]
Runtime = Literal["python", "python3", "LSP"]
SUFFIXES: Final[Mapping[Form, str]] = {
    "default": ".mar", "zip-store": ".mar", "tgz": ".tar.gz", "no-archive": "",
}  # fmt: skip
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-.]*")
PYTHON_HANDLERS: Final = frozenset(
    {
        "base_handler", "text_classifier", "image_classifier", "object_detector", "image_segmenter",
        "dali_image_classifier", "vllm_handler", "trt_llm_handler",
    }
)  # fmt: skip
LSP_HANDLERS: Final = frozenset({"BaseHandler", "TorchScriptHandler"})
LEFT_OUT: Final = frozenset({"__MACOSX", "__pycache__"})
WILDCARDS: Final = re.compile(r"[*?]|\[.*\]")
VERSION: Final = "0.12.0"  # of the archiver whose form this is


class Parts(Struct, frozen=True, kw_only=True):
    """What an archive is made of: paths of files, and what the manifest says besides."""

    model_name: str
    version: str
    handler: str  # path/file.py, path/file, either with :function; or a handler that comes along
    runtime: Runtime = "python"
    model_file: str = ""
    serialized_file: str = ""
    extra_files: tuple[str, ...] = ()  # files, folders and wildcards
    requirements_file: str = ""
    config_file: str = ""


class Packed(Struct, frozen=True):
    """An archive that was written: its path, the names in it, and wildcards that no file has."""

    path: str
    members: tuple[str, ...]
    unmatched: tuple[str, ...]


def pack(parts: Parts, folder: str, form: Form = "default", *, replace: bool = False) -> Packed:
    """Write the archive into a folder, which is made where it is not there.

    Errors: INVALID_ARGUMENT; NOT_FOUND for a file; ALREADY_EXISTS; OSError.
    """
    if NAME.fullmatch(parts.model_name) is None:
        raise invalid(
            f"{parts.model_name!r} is no name for a model: it begins with a letter or digit, "
            "and has letters, digits, _, - and . only"
        )
    path = os.path.join(folder, f"{parts.model_name}{SUFFIXES[form]}")
    if os.path.lexists(path):
        check_replaced(path, replace=replace)
    members, unmatched = members_of(parts)
    os.makedirs(folder, exist_ok=True)
    manifest = manifest_text(parts, datetime.now()).encode()
    with tempfile.TemporaryDirectory(prefix=".archive-", dir=folder) as beside:
        new = os.path.join(beside, "new")
        if form == "no-archive":
            write_folder(new, members, manifest)
            if os.path.isdir(path):
                os.rename(path, os.path.join(beside, "old"))
        elif form == "tgz":
            write_tar(new, parts.model_name, members, manifest)
        else:
            write_zip(new, members, manifest, stored=form == "zip-store")
        os.replace(new, path)
    return Packed(path, (*members, MANIFEST), unmatched)


def check_replaced(path: str, *, replace: bool) -> None:
    """Nothing, where what lies at a path may be replaced.

    Errors: ALREADY_EXISTS.
    """
    if not replace:
        raise DragomanError(Code.ALREADY_EXISTS, f"{path} already exists; --force replaces it")
    if os.path.isdir(path) and not os.path.isfile(os.path.join(path, *MANIFEST.split("/"))):
        raise DragomanError(Code.ALREADY_EXISTS, f"{path} is a folder that is no model archive: it stays")


def members_of(parts: Parts) -> tuple[dict[str, str], tuple[str, ...]]:
    """The path of each file by its name in the archive, and wildcards that no file has.

    Errors: NOT_FOUND for a file; INVALID_ARGUMENT for two files of one name.
    """
    found: dict[str, str] = {}
    for what, path in (
        ("model file", parts.model_file),
        ("serialized file", parts.serialized_file),
        ("handler", handler_file(parts)),
        ("requirements file", parts.requirements_file),
        ("config file", parts.config_file),
    ):
        if path:
            check_file(what, path)
            put(found, os.path.basename(path), path)
    unmatched = []
    for given in parts.extra_files:
        paths = sorted(glob.glob(given))
        if not paths and WILDCARDS.search(given):
            unmatched.append(given)
        elif not paths:
            raise DragomanError(Code.NOT_FOUND, f"extra files: {given}: there is no such file or folder")
        for path in paths:
            if os.path.isdir(path):
                for name, inner in files_below(path):
                    put(found, name, inner)
            else:
                put(found, os.path.basename(path), path)
    return found, tuple(unmatched)


def handler_file(parts: Parts) -> str:
    """The file of the handler; empty for one that comes along."""
    in_python = parts.runtime != "LSP"
    if parts.handler in (PYTHON_HANDLERS if in_python else LSP_HANDLERS):
        return ""
    path = parts.handler.split(":")[0]
    suffix = ".py" if in_python else ".so"
    return path if path.endswith(suffix) else path + suffix


def check_file(what: str, path: str) -> None:
    """Nothing, where there is a file.

    Errors: NOT_FOUND.
    """
    if not os.path.isfile(path):
        hint = "; nor is it one of the handlers that come along" if what == "handler" else ""
        raise DragomanError(Code.NOT_FOUND, f"{what}: {path}: there is no such file{hint}")


def put(found: dict[str, str], name: str, path: str) -> None:
    """Add a file.

    Errors: INVALID_ARGUMENT where another has its name; the reference keeps one of the two.
    """
    other = found.setdefault(name, path)
    if name == MANIFEST:
        raise invalid(f"{path}: the manifest is written anew; leave this one out")
    if not os.path.samefile(other, path):
        raise invalid(f"{other} and {path} would both be called {name} in the archive")


def files_below(folder: str) -> Iterator[tuple[str, str]]:
    """Every file below a folder with its path from there; links are followed.

    Errors: INVALID_ARGUMENT for a link that leads to a folder it lies in.
    """
    for root, folders, files in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in LEFT_OUT and not name.startswith("."))
        here = os.path.realpath(root)
        for name in folders:
            target = os.path.realpath(os.path.join(root, name))
            if os.path.commonpath([here, target]) == target:
                raise invalid(f"{os.path.join(root, name)} leads back to a folder that it lies in")
        for name in sorted(files):
            path = os.path.join(root, name)
            yield os.path.relpath(path, folder).replace(os.sep, "/"), path


def manifest_text(parts: Parts, now: datetime) -> str:
    """The manifest."""
    model = {
        "modelName": parts.model_name,
        "serializedFile": os.path.basename(parts.serialized_file),
        "handler": os.path.basename(parts.handler),
        "modelFile": os.path.basename(parts.model_file),
        "modelVersion": parts.version,
        "requirementsFile": os.path.basename(parts.requirements_file),
        "configFile": os.path.basename(parts.config_file),
    }
    tree = {
        "createdOn": now.strftime("%d/%m/%Y %H:%M:%S"),
        "runtime": parts.runtime,
        "model": {key: value for key, value in model.items() if value},
        "archiverVersion": VERSION,
    }
    return json.dumps(tree, indent=2)


def write_zip(path: str, members: Mapping[str, str], manifest: bytes, *, stored: bool) -> None:
    """A `.mar`."""
    compression = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
    with zipfile.ZipFile(path, "w", compression, strict_timestamps=False) as archive:
        for name, source in members.items():
            archive.write(source, name)
        archive.writestr(MANIFEST, manifest)


def write_tar(path: str, folder: str, members: Mapping[str, str], manifest: bytes) -> None:
    """A `.tar.gz` with a leading folder."""
    with tarfile.open(path, "w:gz", dereference=True) as archive:
        for name, source in members.items():
            archive.add(source, f"{folder}/{name}")
        info = tarfile.TarInfo(f"{folder}/{MANIFEST}")
        info.size = len(manifest)
        archive.addfile(info, BytesIO(manifest))


def write_folder(path: str, members: Mapping[str, str], manifest: bytes) -> None:
    """The files as they are."""
    os.makedirs(os.path.join(path, os.path.dirname(MANIFEST)))
    for name, source in members.items():
        target = os.path.join(path, *name.split("/"))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(source, target)
    with open(os.path.join(path, *MANIFEST.split("/")), "wb") as file:
        file.write(manifest)
