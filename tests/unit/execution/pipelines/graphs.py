"""Pipelines and models for tests, written shortly."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from dragoman.core.context import CallContext
from dragoman.core.requests import Kind, Target, TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import BY_NUMPY, DType, Shape, Tensor
from dragoman.execution.pipelines.compose import Composer
from dragoman.execution.pipelines.libraries import NodeLibraries
from dragoman.repository.handle import Handle
from dragoman.repository.loader import Composed
from dragoman.repository.parts import Part
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings
from dragoman.settings.model_document import source
from dragoman.settings.pipeline import NodeLibrary, PipelineSettings


def pipeline(nodes: Sequence[Mapping[str, Any]], outputs: Mapping[str, Any], **more: Any) -> PipelineSettings:
    """A pipeline; sources are written `node.output`, a node that names no model calls one of its own name."""
    return msgspec.convert(
        {
            "name": "p",
            "inputs": more.pop("inputs", ["in"]),
            "nodes": [node(one) for one in nodes],
            "outputs": {name: sourced(value) for name, value in outputs.items()},
            **more,
        },
        PipelineSettings,
    )


def node(given: Mapping[str, Any]) -> dict[str, Any]:
    """One node."""
    called = {} if "library" in given else {"model": given["name"]}
    inputs = {name: sourced(value) for name, value in given.get("inputs", {}).items()}
    return {**called, **given, "inputs": inputs}


def sourced(value: str | Sequence[str]) -> Any:
    """A source, or several."""
    return source(value) if isinstance(value, str) else [source(one) for one in value]


def step(name: str, takes: str | Sequence[str] = "request.in", **more: Any) -> dict[str, Any]:
    """A node with the one input x; all outputs of its model are seen."""
    return {"name": name, "inputs": {"x": takes}, **more}


def spec(name: str, shape: Shape | None = (None,), dtype: DType = DType.FP32, **more: Any) -> TensorSpec:
    """A tensor of a signature."""
    return TensorSpec(name, dtype, shape, name, **more)


def signature(inputs: Sequence[TensorSpec], outputs: Sequence[TensorSpec], **more: Any) -> Signature:
    """A model's signature."""
    return Signature(
        "serving_default", {one.name: one for one in inputs}, {one.name: one for one in outputs}, **more
    )


def unary(taken: Shape | None = (None,), given: Any = "same") -> Signature:
    """x -> y; y is of the shape that x is of, unless it is told."""
    return signature([spec("x", taken)], [spec("y", taken if given == "same" else given)])


EXAMPLES = signature([spec("inputs", (None,), DType.BYTES)], [spec("y")], accepts=frozenset({Kind.EXAMPLES}))


def tensor(values: Any, dtype: Any = np.float32) -> Tensor:
    """A tensor of these values."""
    array = np.array(values, dtype)
    return Tensor(BY_NUMPY[array.dtype], array)


def ask(outputs: Sequence[str] | None = None, **inputs: Any) -> TensorRequest:
    """A request with these inputs; those that are no tensors become float32."""
    tensors = {name: value if isinstance(value, Tensor) else tensor(value) for name, value in inputs.items()}
    return TensorRequest("serving_default", tensors, outputs)


def values(response: TensorResponse) -> dict[str, Any]:
    """The outputs as lists."""
    return {name: one.array.tolist() for name, one in response.outputs.items()}


def call(deadline_s: float | None = None) -> CallContext:
    """A call's circumstances."""
    return CallContext("id", deadline_s)


class Models:
    """Loaded models by name, as a repository hands them out."""

    def __init__(self, **handles: Handle) -> None:
        self.handles = handles

    def pin(self, target: Target) -> Handle:
        """The model, held."""
        handle = self.handles[target.model]
        handle.hold()
        return handle

    @property
    def pins(self) -> dict[str, int]:
        """How many hold each model."""
        return {name: handle.pins for name, handle in self.handles.items()}

    def candidate(self, settings: PipelineSettings, *libraries: NodeLibrary) -> Candidate:
        """The pipeline with these models as its parts."""
        parts = tuple(
            Part(one.model, one.version, self.signatures(one.model)) for one in settings.nodes if one.model
        )
        return Candidate(
            settings.name,
            1,
            "",
            settings.name,
            ModelSettings(),
            pipeline=settings,
            libraries=libraries,
            parts=parts,
        )

    def signatures(self, name: str) -> Mapping[str, Signature] | None:
        """What a model shows, if it is there."""
        handle = self.handles.get(name)
        return None if handle is None else handle.signatures


def composed(settings: PipelineSettings, models: Models, libraries: Any = None) -> Composed:
    """The pipeline, put together; without libraries."""
    return Composer(libraries or Unused(), models.pin)(models.candidate(settings))


def handle_of(made: Composed) -> Handle:
    """The pipeline as the repository holds it."""
    return Handle("p", 1, made.signatures, made.runner)


class Unused(NodeLibraries):
    """What loads libraries where no node calls any."""

    def __init__(self) -> None:
        """Nothing to load with."""
