"""What `options:` may say to this engine."""

from typing import Annotated, Literal

from msgspec import Meta

from dragoman.engines.conversion import ConversionOptions
from dragoman.engines.embedding import Pooling


class EmbedderOptions(ConversionOptions, frozen=True, kw_only=True):
    """The engine's options, by their names. None = as the model's files say."""

    pooling: Pooling | None = None  # which of a text's token vectors become the text's
    normalize: bool | None = None  # whether vectors get length 1
    prompt: str | None = None  # the name of one of config_sentence_transformers.json; empty = none
    dimensions: tuple[Annotated[int, Meta(ge=1)], ...] = ()  # shorter lengths that the model was trained for
    truncate: Literal["never", "end"] = "never"  # what becomes of a text that is longer than the context
    batch_tokens: Annotated[int, Meta(ge=1)] = 16384  # of one run of the model, those that pad it included
    threads: Annotated[int, Meta(ge=0)] = 0  # inside one run; 0 = one per core, up to 4
    device: str = "CPU"  # OpenVINO's name of it
