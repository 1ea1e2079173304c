"""How a handler is run: what `model.yaml` says, else its `model-config.yaml`, else what is usual."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.terms import WorkTerms
from dragoman.engines.base import Artifact
from dragoman.settings.manifest import MANIFEST, PYTHON, Manifest, read_manifest
from dragoman.settings.metrics_file import read_metrics_file
from dragoman.settings.model import HandlerSettings
from dragoman.settings.model_config import ModelConfig, ModelConfigDocument, read_model_config

RUNTIMES: Final = frozenset({PYTHON, "python3"})
UNSUPPORTED: Final = (
    "continuous_batching",
    "sequence_batching",
    "async_communication",
    "parallel_type",
    "torchrun",
)
DEVICES: Final = "devices"
T = TypeVar("T")


class Pace(Struct, frozen=True):
    """How long a request waits before a worker is added, and how long one is idle before one is let go."""

    grow_after_s: float = 0.2
    shrink_after_s: float = 60.0


class Plan(Struct, frozen=True):
    """Workers and batches of one version. Times in seconds; `client_timeout_s` 0 = none."""

    handler: str
    minimum: int
    maximum: int
    batch_size: int
    batch_delay_s: float
    response_timeout_s: float
    startup_timeout_s: float
    retry_s: float  # for how long a worker that does not start is started again
    client_timeout_s: float
    queue: int  # requests that may wait
    pace: Pace
    envelope: str | None
    shared: bool  # whether requests run at the same time in one worker
    gpus: Sequence[int]  # that its workers may use
    manifest: Mapping[str, Any]
    yaml: Mapping[str, Any]
    decode_input: bool | None = None  # None = as the environment says
    limit_image_pixels: bool = True
    metrics: Mapping[str, Any] | None = None  # that are defined beforehand; None = TorchServe's usual ones
    runtime: str = PYTHON

    @property
    def terms(self) -> WorkTerms:
        """What an operator is told of it."""
        return WorkTerms(
            batch_size=self.batch_size,
            batch_delay_ms=round(self.batch_delay_s * 1000),
            response_timeout_s=round(self.response_timeout_s),
            startup_timeout_s=round(self.startup_timeout_s),
            retry_s=round(self.retry_s),
            client_timeout_ms=round(self.client_timeout_s * 1000),
            queue=self.queue,
            runtime=self.runtime,
            gpus=tuple(self.gpus),
        )

    def for_worker(self) -> Mapping[str, Any]:
        """What the worker has to know."""
        return {
            "handler": self.handler,
            "batch_size": self.batch_size,
            "envelope": self.envelope,
            "shared": self.shared,
            "manifest": self.manifest,
            "yaml": self.yaml,
            "decode_input": self.decode_input,
            "limit_image_pixels": self.limit_image_pixels,
            "metrics": self.metrics,
        }


def make_plan(artifact: Artifact, gpus: int = 0) -> Plan:
    """The plan for an unpacked archive, on a machine with so many GPUs.

    Errors: INVALID_ARGUMENT for a manifest without a handler or for another runtime, and for workers of which
    there may be fewer than there have to be; FAILED_PRECONDITION for a file that is not there; OSError.
    """
    manifest, tree = manifest_of(artifact)
    config = config_of(artifact, manifest)
    own = artifact.settings.handler
    yields = own.yields and "handler" not in own.kept
    named = (manifest.model.handler, own.handler) if yields else (own.handler, manifest.model.handler)
    handler = named[0] or named[1]
    if not handler:
        raise invalid(f"model {artifact.model}: its manifest names no handler")
    runtime = own.runtime or manifest.runtime
    if runtime not in RUNTIMES:
        raise invalid(f"model {artifact.model}: runtime {runtime!r}; only Python handlers are run")
    usual = artifact.settings.instances
    given = Given(own, config.config, gpus or len(os.sched_getaffinity(0)))
    minimum = first(*given["min_workers"], usual)
    maximum = first(*given["max_workers"], max(usual, minimum))
    if own.yields:  # the two may come from places that do not know of each other
        maximum = max(minimum, maximum)
    if maximum < minimum:
        raise invalid(f"model {artifact.model}: max_workers is {maximum}, and min_workers is {minimum}")
    return Plan(
        handler=handler,
        minimum=minimum,
        maximum=maximum,
        batch_size=first(*given["batch_size"], 1),
        batch_delay_s=first(*given["max_batch_delay_ms"], 100) / 1000,
        response_timeout_s=first(*given["response_timeout_s"], 120),
        startup_timeout_s=first(*given["startup_timeout_s"], 120),
        retry_s=first(*given["max_retry_timeout_s"], 300),
        client_timeout_s=first(*given["client_timeout_ms"], 0) / 1000,
        queue=first(*given["job_queue_size"], 100),
        pace=Pace(own.grow_after_ms / 1000, own.shrink_after_s),
        envelope=own.service_envelope or manifest.model.envelope or None,
        shared=own.shared,
        decode_input=own.decode_input,
        limit_image_pixels=own.limit_image_pixels,
        metrics=metrics_of(artifact, own.metrics_file),
        gpus=gpus_of(artifact, config.config, gpus),
        manifest=tree,
        yaml=plain(config.tree),
        runtime=runtime,
    )


class Given:
    """What settings and `model-config.yaml` say of a key, what counts more first."""

    def __init__(self, own: HandlerSettings, config: ModelConfig, devices: int) -> None:
        self._own = own
        self._config = config
        self._devices = devices  # that models run on

    def __getitem__(self, key: str) -> tuple[Any, Any]:
        """Both values; None where one says nothing."""
        own, config = getattr(self._own, key), getattr(self._config, key)
        if own == DEVICES:
            own = self._devices
        yields = self._own.yields and key not in self._own.kept
        return (config, own) if yields else (own, config)


def gpus_of(artifact: Artifact, config: ModelConfig, there: int) -> Sequence[int]:
    """The GPUs that the model's workers may use: all, unless its configuration names some that there are."""
    if config.device_type == "cpu":
        return ()
    named = config.device_ids or ()
    usable = tuple(gpu for gpu in named if gpu < there)
    if len(usable) < len(named) or (config.device_type == "gpu" and not there):
        structlog.get_logger("dragoman.worker").warning(
            "model config",
            model=artifact.model,
            version=artifact.version,
            note=f"it asks for GPUs {list(named) or 'of any number'}, and there are {there}",
        )
    return usable or range(there)


def first(*values: T | None) -> T:
    """The first value that is given; the last always is."""
    return next(value for value in values if value is not None)


def manifest_of(artifact: Artifact) -> tuple[Manifest, Mapping[str, Any]]:
    """The manifest, and all of it as handlers see it."""
    data = contents(artifact, MANIFEST)
    return read_manifest(data, f"{artifact.model}/{MANIFEST}"), json.loads(data)


def config_of(artifact: Artifact, manifest: Manifest) -> ModelConfigDocument:
    """What `model-config.yaml` says; what of it does nothing here goes to the log."""
    name = manifest.model.config_file
    if not name:
        return ModelConfigDocument()
    document = read_model_config(contents(artifact, name).decode("utf-8", "replace"), name)
    unsupported = [key for key in UNSUPPORTED if getattr(document.config, key)]
    log = structlog.get_logger("dragoman.worker").bind(model=artifact.model, version=artifact.version)
    for note in document.notes:
        log.warning("model config", note=note)
    for key in unsupported:
        names = dict(zip(ModelConfig.__struct_fields__, ModelConfig.__struct_encode_fields__, strict=True))
        log.warning("model config", note=f"{name}: {names[key]} is not supported, and does nothing")
    return document


def metrics_of(artifact: Artifact, name: str) -> Mapping[str, Any] | None:
    """The metrics that a file defines: one of the model, else one elsewhere.

    Errors: INVALID_ARGUMENT for another form; FAILED_PRECONDITION where it is not there; OSError.
    """
    if not name:
        return None
    own = os.path.join(artifact.path, name)
    try:
        with open(own if os.path.exists(own) else name, encoding="utf-8", errors="replace") as file:
            return read_metrics_file(file.read(), name)
    except FileNotFoundError:
        why = f"model {artifact.model}: handler.metrics_file names {name}, which is not there"
        raise DragomanError(Code.FAILED_PRECONDITION, why) from None


def contents(artifact: Artifact, name: str) -> bytes:
    """A file of the model.

    Errors: FAILED_PRECONDITION where it is not there; OSError.
    """
    folder = os.path.realpath(artifact.path)
    path = os.path.realpath(os.path.join(folder, name))
    if os.path.commonpath([folder, path]) != folder:
        raise invalid(f"model {artifact.model}: its manifest names {name}, which lies elsewhere")
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"model {artifact.model}: its manifest names {name}, which is not there"
        ) from None


def plain(tree: Any) -> Any:
    """A YAML tree with text for keys and for what JSON has no word for."""
    if isinstance(tree, Mapping):
        return {str(key): plain(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [plain(value) for value in tree]
    return tree if tree is None or isinstance(tree, bool | int | float | str) else str(tree)
