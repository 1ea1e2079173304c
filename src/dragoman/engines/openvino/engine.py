"""Claims the files that OpenVINO reads and loads them for a device."""

import os
from collections.abc import Mapping
from types import ModuleType
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot
from dragoman.engines.openvino.changes import Wishes
from dragoman.engines.openvino.describe import MAPPING
from dragoman.engines.openvino.devices import (
    check_device,
    compile_model,
    compile_one_row,
    requests_at_once,
    streams,
)
from dragoman.engines.openvino.errors import refused_file
from dragoman.engines.openvino.files import claim_files, model_bytes, to_read
from dragoman.engines.openvino.model import OpenVinoModel, Plan
from dragoman.engines.openvino.options import OpenVinoOptions, check
from dragoman.engines.openvino.plan import make_plan
from dragoman.engines.openvino.requests import BoundRequest, Kind, RequestPool
from dragoman.engines.openvino.text import without_strings
from dragoman.engines.openvino.variables import check_variables
from dragoman.engines.options import read_options
from dragoman.settings.model import ModelSettings

BINDING: Final = "HWLOC_THISSYSTEM"  # the owner's value stays
MEMORY_FACTOR: Final = 3  # the weights as they were read, laid out anew, and the tensors between operators


class OpenVinoEngine(Engine):
    """OpenVINO, in this process."""

    name: ClassVar[str] = "openvino"
    looks_for: ClassVar[str] = "an IR, model.xml with model.bin, or one such pair of files"
    package: ClassVar[str | None] = "openvino"
    tensor_names: ClassVar[str] = MAPPING
    closed_options: ClassVar[frozenset[str]] = frozenset({"cache_dir", "plugin_config"})

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """`model.xml`, else the only IR there is, else a file of another kind that OpenVINO reads."""
        return claim_files(files, named=settings.engine == cls.name)

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the sizes of the model's files."""
        return Resources(MEMORY_FACTOR * model_bytes(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> OpenVinoModel:
        """The model, ready for `infer`.

        Errors: INVALID_ARGUMENT for an option, or one that the model does not take; NOT_FOUND for a file that
        is not there; FAILED_PRECONDITION where OpenVINO or the device is missing, or tensors cannot be sent;
        INTERNAL for a file that OpenVINO refuses.
        """
        chosen = read_options(options, OpenVinoOptions, self.name)
        check(chosen)
        wishes = Wishes(chosen)
        file = os.path.basename(artifact.path)
        if not os.path.isfile(artifact.path):
            raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
        runtime = import_runtime()
        core = runtime.Core()
        check_device(core, chosen.target_device)
        model = read_model(core, artifact)
        model, plan = make_plan(runtime, model, wishes, artifact.path)
        without_strings(runtime, model)
        compiled = compile_model(runtime, core, model, chosen, artifact.path)
        one_row = compile_one_row(core, model, plan.one_row, chosen, artifact.path)
        return OpenVinoModel(
            RequestPool(lambda: BoundRequest(runtime, compiled, plan.kinds)),
            one_row and one_row_requests(runtime, one_row, plan),
            plan,
            chosen.nireq or requests_at_once(compiled),
            f"model {artifact.model} version {artifact.version}",
            streams(compiled),
        )


def one_row_requests(runtime: ModuleType, compiled: Any, plan: Plan) -> RequestPool:
    """The requests of the model that takes a single row."""
    kinds = [Kind(kind.dtype, shape) for kind, shape in zip(plan.kinds, plan.one_row, strict=True)]
    return RequestPool(lambda: BoundRequest(runtime, compiled, kinds), plan.one_row)


def import_runtime() -> ModuleType:
    """The package openvino, whose threads the kernel may place.

    By themselves OpenVINO's arenas bind the calling thread before each call and let it go behind it, whatever
    the properties say: three system calls, 3.4 of the 7.3 µs that a small model takes. Told that the machine
    is another, hwloc leaves threads alone. `ENABLE_CPU_PINNING` goes by another way and counts as before.
    """
    os.environ.setdefault(BINDING, "0")
    try:
        import openvino  # noqa: PLC0415 (an engine that is not used costs nothing)
    except ImportError as error:
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            "the engine openvino needs the package openvino: pip install 'dragoman[openvino]'",
        ) from error
    runtime: ModuleType = openvino
    return runtime


def read_model(core: Any, artifact: Artifact) -> Any:
    """The model that the file holds.

    Errors: INTERNAL where OpenVINO does not take it.
    """
    read = to_read(artifact.path)
    try:
        if os.path.isdir(read):
            check_variables(read)
        return core.read_model(read)
    except Exception as error:
        structlog.get_logger("dragoman.engines.openvino").error(
            "a file was refused", model=artifact.model, version=artifact.version, cause=str(error)
        )
        raise refused_file(error, os.path.basename(artifact.path)) from error
