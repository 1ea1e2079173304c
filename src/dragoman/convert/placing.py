"""Where the ONNX model is put, and the `model.yaml` beside it."""

import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final

import msgspec
import msgspec.structs
import yaml

from dragoman.convert.source import Source
from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Method
from dragoman.repository.loader import LoadedVersion
from dragoman.repository.sidecar import SIDECAR
from dragoman.settings.model import ModelSettings

FILE: Final = "model.onnx"
# What a model.yaml says that does not depend on the engine.
KEPT: Final = (
    "classes", "features", "add_trailing_axis", "preprocessing", "batching", "threads", "max_queue",
    "warm_up",
)  # fmt: skip
EXPLAINED_ANYHOW: Final = ("auto", "off", "shapley", "occlusion")  # the methods that any model has


class Place(msgspec.Struct, frozen=True):
    """A model's folder and the version in it."""

    folder: Path
    version: int

    @property
    def file(self) -> Path:
        """The ONNX file."""
        return self.folder / str(self.version) / FILE


def place_for(source: Source, output: Path | None) -> Place:
    """Where the model is put: in the given folder, else beside the source, under its name."""
    candidate = source.candidate
    if output is not None:
        return Place(output, candidate.version)
    path = Path(candidate.path)
    if path.is_file() and path.stem not in ("model", "saved_model"):
        return Place(path.parent / candidate.model, candidate.version)
    home = path.parent if path.is_file() else path
    if home.name == str(candidate.version):
        home = home.parent
    return Place(home.parent / f"{candidate.model}-onnx", candidate.version)


def check_free(place: Place, *, force: bool) -> None:
    """Nothing, if the place is free or may be taken.

    Errors: ALREADY_EXISTS naming the file.
    """
    for path in (place.file.parent, place.folder / SIDECAR):
        if path.exists() and not force:
            raise DragomanError(
                Code.ALREADY_EXISTS,
                f"{path} is there already; --force replaces it, --output names another folder",
            )


@contextmanager
def draft(place: Place) -> Iterator[Path]:
    """A folder on the same disk as the place, which is taken away at the end.

    Errors: PERMISSION_DENIED where none can be made.
    """
    try:
        place.folder.parent.mkdir(parents=True, exist_ok=True)
        made = Path(mkdtemp(prefix=f".{place.folder.name}-", dir=place.folder.parent))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DragomanError(Code.PERMISSION_DENIED, f"{place.folder.parent}: {reason}") from error
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def put(made: Path, place: Place) -> None:
    """Move what was made to its place: version and `model.yaml`, each at once."""
    made.chmod(0o755)
    place.folder.mkdir(exist_ok=True)
    target = place.file.parent
    if target.exists():
        os.rename(target, made / "replaced")
    os.rename(made / str(place.version), target)
    with suppress(FileNotFoundError):
        os.replace(made / SIDECAR, place.folder / SIDECAR)


def sidecar(source: Source, version: LoadedVersion, answered: Collection[str] = ()) -> dict[str, Any]:
    """What `model.yaml` says so that callers see the signatures that the source has.

    `answered` = those of the source that the ONNX has; empty = all.
    """
    settings = source.candidate.settings
    usual = ModelSettings()
    made: dict[str, Any] = {}
    if any(signature.any_number for signature in version.model.signatures.values()):
        made["any_number"] = True
    for key in KEPT:
        if getattr(settings, key) != getattr(usual, key):
            made[key] = chosen(getattr(settings, key))
    if settings.explain != usual.explain and settings.explain.method in EXPLAINED_ANYHOW:
        made["explain"] = chosen(settings.explain)
    signatures: dict[str, Any] = {}
    for name, signature in version.signatures.items():
        if answered and signature.source not in answered:
            continue
        if name in settings.signatures and signature.method is not Method.PREDICT:
            signatures[name] = chosen(settings.signatures[name])
        else:
            inputs = {alias: spec.source for alias, spec in signature.inputs.items()}
            renamed = any(alias != own for alias, own in inputs.items())
            outputs = {alias: spec.source for alias, spec in signature.outputs.items()}
            signatures[name] = {**({"inputs": inputs} if renamed else {}), "outputs": outputs}
    made["signatures"] = signatures
    return made


def chosen(value: Any) -> Any:
    """A setting as it stands in a file: of its keys those that are not as usual."""
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.fields(value)
        given = {field.encode_name: (field.default, getattr(value, field.name)) for field in fields}
        return {name: chosen(own) for name, (usual, own) in given.items() if own not in (usual, {})}
    if isinstance(value, Mapping):
        return {key: chosen(entry) for key, entry in value.items()}
    return [chosen(entry) for entry in value] if isinstance(value, list | tuple) else value


def copy_baseline(source: Source, target: Path) -> None:
    """The file of rows that explanations begin with, where the source's folder has one.

    Errors: OSError.
    """
    name, folder = source.candidate.settings.explain.baseline, Path(source.candidate.path)
    if isinstance(name, str) and folder.is_dir() and (folder / name).is_file():
        shutil.copyfile(folder / name, target / Path(name).name)


def write_sidecar(folder: Path, content: dict[str, Any]) -> None:
    """The file."""
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    (folder / SIDECAR).write_text(text, encoding="utf-8")
