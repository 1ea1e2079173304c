"""What Triton calls the engines: platforms in metadata, platforms and backends in configurations."""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class Platform(Struct, frozen=True):
    """Triton's two names of an engine; one that has no name among the platforms goes by its backend alone."""

    name: str
    backend: str


PLATFORMS: Final[Mapping[str, Platform]] = {  # by engine; one that Triton lacks goes by its own name
    "onnx": Platform("onnxruntime_onnx", "onnxruntime"),
    "tensorflow": Platform("tensorflow_savedmodel", "tensorflow"),
    "torch": Platform("pytorch_libtorch", "pytorch"),
    "python": Platform("", "python"),
    "openvino": Platform("", "openvino"),
}
ENGINES: Final[Mapping[str, str]] = {
    name: engine
    for engine, platform in PLATFORMS.items()
    for name in (platform.name, platform.backend)
    if name
}


def platform_of(engine: str | None) -> Platform:
    """The names of an engine."""
    return PLATFORMS.get(engine or "", Platform("", engine or ""))
