"""What `options:` may say to this engine."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(gt=0)]


class VllmOptions(Struct, frozen=True, kw_only=True):
    """The engine's options, by their names."""

    command: str = ""  # vllm's path; empty = that of this environment, else of PATH
    arguments: tuple[str, ...] = ()  # of `vllm serve`, besides those that are given here
    at_once: Annotated[int, Meta(ge=1, le=4096)] = 256  # texts that are written together
    start_timeout_s: Seconds = 1800.0  # for the process to load the model
    idle_timeout_s: Seconds = 300.0  # without a token, after which a text has failed
    prompt: str | None = None  # of a model of vectors: the name of what goes before each text; empty = none
    dimensions: tuple[Annotated[int, Meta(ge=1)], ...] = ()  # shorter lengths that it was trained for
    truncate: Literal["never", "end"] = "never"  # what becomes of a text that is longer than its context
    restarts: Annotated[int, Meta(ge=0)] = 3  # in a row, of a process that ends
    steady_s: Annotated[float, Meta(ge=0)] = 300.0  # after which those before are forgotten
