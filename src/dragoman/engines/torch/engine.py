"""Claims what PyTorch saves, and loads it.

TorchScript files, exported programs and classes are code: their operators read and write files, and exported
programs hold pickles. Hence the trust of this engine, which keeps it in workers.
"""

import os
import warnings
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot, Trust
from dragoman.engines.options import read_options
from dragoman.engines.torch.classes import load_class
from dragoman.engines.torch.errors import refused_file
from dragoman.engines.torch.export import load_export
from dragoman.engines.torch.files import Kind, check_file, kind_of
from dragoman.engines.torch.model import TorchModel
from dragoman.engines.torch.options import TorchOptions, check, declared_signature, threads_of
from dragoman.engines.torch.program import Program, check_arguments
from dragoman.engines.torch.script import load_script
from dragoman.engines.weight_files import INDEX
from dragoman.settings.model import ModelSettings

ARCHIVE: Final = "MAR-INF"  # the folder of a model archive's manifest: its handler says how it is run
SAVED: Final = (".pt2", ".pt")
USUAL_NAMES: Final = ("model.pt2", "model.pt")
WEIGHTS: Final = ".safetensors"
CLASS_FILE: Final = "model.py"
OTHERS: Final = (".xml", ".pdmodel")  # what OpenVINO reads may lie beside what it was made of
MEMORY_FACTOR: Final = 3  # the file, its weights as they are read and laid out


class TorchEngine(Engine):
    """PyTorch."""

    name: ClassVar[str] = "torch"
    looks_for: ClassVar[str] = (
        "model.pt2, model.pt, one file *.pt2 or *.pt, or one *.safetensors with model.py beside it"
    )
    trust: ClassVar[Trust] = Trust.RUNS_CODE
    package: ClassVar[str | None] = "torch"
    closed_options: ClassVar[frozenset[str]] = frozenset({"class_file"})

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """Weights with their class; else what PyTorch saved, where nothing beside it is a model, too."""
        top = files.top_level
        if ARCHIVE in top:
            return None
        code = settings.options.get("class_file", CLASS_FILE)
        weights = only(top, WEIGHTS) or only(top, WEIGHTS + INDEX)
        if weights is not None and isinstance(code, str) and code in files.files:
            return Claim(weights, (weights, code))
        others = CLASS_FILE in top or any(name.endswith(OTHERS) for name in top)
        if others and settings.engine != cls.name:
            return None
        for name in USUAL_NAMES:
            if name in top:
                return Claim(name, (name,))
        saved = [name for name in top if name.endswith(SAVED)]
        return Claim(saved[0], (saved[0],)) if len(saved) == 1 else None

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the size of the file; of weights, from those of all files beside them."""
        return Resources(MEMORY_FACTOR * model_bytes(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TorchModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option, or a class that does not fit it; NOT_FOUND for a file that is
        not there; FAILED_PRECONDITION where PyTorch is missing, for a pickle, and for a model whose inputs or
        outputs cannot be sent; INTERNAL for what PyTorch refuses.
        """
        chosen = read_options(options, TorchOptions, self.name)
        check(chosen)
        check_file(artifact.path)
        runtime = import_runtime()
        device = device_of(runtime, chosen.device)
        threads = threads_of(chosen, model_bytes(artifact.path))
        if threads:
            runtime.set_num_threads(threads)
        file = os.path.basename(artifact.path)
        try:
            with warnings.catch_warnings():
                # PyTorch has announced the end of TorchScript, to those who write it.
                warnings.simplefilter("ignore", DeprecationWarning)
                program = load_program(runtime, artifact.path, chosen, device)
        except DragomanError:
            raise
        except Exception as error:
            structlog.get_logger("dragoman.engines.torch").error(
                "a file was refused", model=artifact.model, version=artifact.version, cause=str(error)
            )
            raise refused_file(error, file) from error
        title = f"model {artifact.model} version {artifact.version}"
        return TorchModel(runtime, program, device, threads, chosen.concurrency, title)


def model_bytes(path: str) -> int:
    """The size of the file; of weights, of all files beside them, which may hold some, too."""
    if not path.endswith((WEIGHTS, INDEX)):
        return os.path.getsize(path)
    with os.scandir(os.path.dirname(path)) as beside:
        return sum(entry.stat().st_size for entry in beside)


def only(names: list[str], suffix: str) -> str | None:
    """The file of the usual name, else the only one with this suffix."""
    if (usual := f"model{suffix}") in names:
        return usual
    found = [name for name in names if name.endswith(suffix)]
    return found[0] if len(found) == 1 else None


def load_program(runtime: ModuleType, path: str, options: TorchOptions, device: Any) -> Program:
    """The program in whichever form it was saved.

    Errors: those of `load`, and PyTorch's own.
    """
    declared = declared_signature(options)
    file = os.path.basename(path)
    if path.endswith((WEIGHTS, INDEX)):
        program = load_class(runtime, path, options, device, declared)
    elif kind_of(path) is Kind.SCRIPT:
        program = load_script(runtime, path, file, device, declared)
    elif not declared.untyped:
        raise invalid(
            f"options.inputs: {file} says itself what it takes and gives; "
            "signatures in model.yaml give its tensors other names"
        )
    else:
        return load_export(runtime, path, file, device)
    check_arguments(program)
    return program


def import_runtime() -> ModuleType:
    """The package torch."""
    try:
        import torch  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine torch needs the package torch: pip install 'dragoman[torch]'",
        ) from error
    runtime: ModuleType = torch
    return runtime


def device_of(runtime: ModuleType, name: str) -> Any:
    """The device; None for the CPU.

    Errors: INVALID_ARGUMENT for a name that is none, FAILED_PRECONDITION for a device that is not there.
    """
    try:
        device = runtime.device(name)
    except RuntimeError:
        raise invalid(f"options.device: {name!r} is none; there is cpu, cuda, cuda:1, ...") from None
    if device.type == "cpu":
        return None
    try:
        runtime.empty(0, device=device)
    except Exception as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"options.device: there is no {name} here that torch can use"
        ) from error
    return device
