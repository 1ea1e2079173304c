"""What `options:` may say to this engine."""

from typing import Annotated, Any

from msgspec import Meta, field

from dragoman.engines.conversion import ConversionOptions


class GenAiOptions(ConversionOptions, frozen=True, kw_only=True):
    """The engine's options, by their names."""

    device: str = "CPU"
    precision: str = "f32"  # of the computation; bf16 is faster on processors that have it, and less exact
    at_once: Annotated[int, Meta(ge=1, le=4096)] = 64  # texts that are written together
    cache_gib: Annotated[int, Meta(ge=0)] = 0  # for what is known of texts under way; 0 = as needed
    batched_tokens: Annotated[int, Meta(ge=1)] = 256  # of prompts, in one step
    prefix_caching: bool = False  # whether prompts that begin alike are computed once
    properties: dict[str, Any] = field(default_factory=dict)  # OpenVINO's, of the device
