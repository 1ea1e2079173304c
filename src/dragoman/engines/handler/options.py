"""The options of handlers."""

from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta, Struct

from dragoman.engines.options import read_options


class HandlerOptions(Struct, frozen=True, kw_only=True):
    """Options for `options:` of a handler's model, and for `engine_options: {handler: …}` of the server."""

    gpus: Annotated[int, Meta(ge=0)] | None = None  # at most so many, the first ones; None = all


def read_gpus(options: Mapping[str, Any]) -> int | None:
    """How many GPUs workers may use at most; None = as many as there are.

    Errors: INVALID_ARGUMENT.
    """
    return read_options(options, HandlerOptions, "handler").gpus
