"""The model that is to be converted, loaded as the server loads it."""

import os
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from dragoman.assembly.builtin import engines
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.base import Claim, Engine, TreeSnapshot, Trust
from dragoman.repository.loader import LoadedVersion, ModelLoader
from dragoman.repository.source import Candidate, FileSystemSource
from dragoman.repository.tree import scan

EXTRAS: Final = {
    "sklearn": "sklearn",
    "skops": "sklearn",
    "xgboost": "trees",
    "lightgbm": "trees",
    "torch": "torch",
    "tensorflow": "tensorflow",
}
KINDS: Final = tuple(EXTRAS)


class Source(Struct):
    """One version of a model: what is loaded, by which engine, and where it lies."""

    candidate: Candidate
    engine: str
    entry: str  # the file or folder that the engine loads


def find_source(path: Path, *, trust_code: bool) -> Source:
    """The model at this path: a file, a version's folder or a model's folder, whose highest version is meant.

    Nothing in it is read before it is known to be data or trusted.
    Errors: NOT_FOUND; INVALID_ARGUMENT for several models, and for one that is not converted;
    FAILED_PRECONDITION for one that brings code which is not trusted, or whose package is missing.
    """
    candidate = find_candidate(path)
    trust: Literal["code", "data"] = "code" if trust_code else "data"  # whatever a model.yaml says of itself
    candidate = replace(
        candidate, named=False, settings=replace(candidate.settings, trust=trust, instances=1)
    )
    tree = scan(candidate.path)
    engine, claim = claiming(candidate, tree)
    if engine.name not in KINDS:
        already = "is ONNX already" if engine.name == "onnx" else f"is a model of the engine {engine.name}"
        raise invalid(f"{candidate.shown} {already}; converted are those of {', '.join(KINDS)}")
    if engine.trust is Trust.RUNS_CODE and not trust_code:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{candidate.shown} is code (engine {engine.name}) and runs what it says while it is read: "
            "it is converted with --trust-code, where you trust whoever made it",
        )
    if not engine.is_installed():
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{candidate.shown} needs the package {engine.package}: "
            f"pip install 'dragoman[{EXTRAS[engine.name]}]'",
        )
    below = os.path.normpath(os.path.join(tree.root, claim.entry))
    return Source(candidate, engine.name, tree.root if os.path.isfile(tree.root) else below)


def claiming(candidate: Candidate, tree: TreeSnapshot) -> tuple[Engine, Claim]:
    """The engine that `model.yaml` names, else the first that claims these files.

    Errors: INVALID_ARGUMENT where none does.
    """
    wanted = candidate.settings.engine
    for name, engine in engines().items():
        claim = engine.claim(tree, candidate.settings) if wanted in (None, name) else None
        if claim is not None:
            return engine, claim
    raise invalid(f"{candidate.shown} holds no model; converted are those of {', '.join(KINDS)}")


def find_candidate(path: Path) -> Candidate:
    """The version that is meant.

    Errors: NOT_FOUND, INVALID_ARGUMENT.
    """
    found = version_folder(path) or path
    models = FileSystemSource(str(found), engines()).aspired().models
    if len(models) != 1:
        held = f"holds {len(models)} models, {', '.join(sorted(models))}" if models else "holds no model"
        raise invalid(f"{path} {held}; give the file or the folder of one")
    model = next(iter(models.values()))
    if model.cause is not None:
        raise DragomanError(model.cause.code, model.cause.message)
    number = int(path.name) if found is not path else max(one.version for one in model.candidates)
    return next(one for one in model.candidates if one.version == number)


def version_folder(path: Path) -> Path | None:
    """The model's folder, where the path is the folder of one version; a SavedModel may be called 1, too."""
    absolute = path.absolute()
    if not absolute.name.isdecimal() or not absolute.is_dir():
        return None
    return absolute.parent


def load(candidate: Candidate) -> LoadedVersion:
    """The version, ready to be called.

    Errors: as the loader has them.
    """
    return ModelLoader(engines()).load(candidate)


def settings_of(source: Source) -> dict[str, Any]:
    """The engine's options."""
    own = source.candidate.settings
    return {**own.engine_options.get(source.engine, {}), **own.options}
