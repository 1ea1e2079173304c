"""The models that a pipeline is made of, as they are now.

A pipeline is made anew whenever one of its models is served by something else than before. While one of them
is on its way and nothing stands in for it, the pipeline waits.
"""

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from dragoman.core.signatures import Signature
from dragoman.settings.pipeline import PipelineSettings


class Part(Struct, frozen=True, eq=False):
    """A model of a pipeline, and the version that a node names; `signatures` None = nothing serves.

    Two are equal if the very same loaded version serves. `is_pipeline`: it is no model that a node may call.
    """

    model: str
    version: int | None = None
    signatures: Mapping[str, Signature] | None = None
    is_pipeline: bool = False

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Part):
            return NotImplemented
        key = (self.model, self.version, self.is_pipeline)
        return key == (other.model, other.version, other.is_pipeline) and self.signatures is other.signatures

    __hash__ = None  # type: ignore[assignment]  # as of all that is equal by what it holds


class Served(Protocol):
    """What a pipeline has to know of a model."""

    @property
    def is_pipeline(self) -> bool:
        """Whether the model is a pipeline itself."""

    def serving(self, version: int | None) -> Mapping[str, Signature] | None:
        """The signatures of that version, or of the one for callers who name none; None = nothing serves."""

    def is_coming(self, version: int | None) -> bool:
        """Whether such a version is on its way."""


def parts_of(pipeline: PipelineSettings, models: Mapping[str, Served]) -> tuple[Part, ...] | None:
    """Each model with each version that nodes name, in their order; None = one of them is waited for."""
    wanted = dict.fromkeys((node.model, node.version) for node in pipeline.nodes)
    parts = []
    for name, version in wanted:
        if name is None:
            continue
        model = models.get(name)
        if model is None or model.is_pipeline:
            parts.append(Part(name, version, is_pipeline=model is not None))
            continue
        signatures = model.serving(version)
        if signatures is None and model.is_coming(version):
            return None
        parts.append(Part(name, version, signatures))
    return tuple(parts)
