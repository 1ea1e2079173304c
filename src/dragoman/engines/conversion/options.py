"""What `options:` may say of conversions, to every engine that serves what they give."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

CLOSED: Final = frozenset({"exporter", "converted_dir"})  # they name files of this machine


class ConversionOptions(Struct, frozen=True, kw_only=True):
    """How folders of Hugging Face are converted."""

    exporter: str = ""  # optimum-cli's path; empty = that of this environment, else of PATH
    converted_dir: str = (
        ""  # where what is converted is kept; empty = dragoman/converted in the user's caches
    )
    weights: Literal["fp32", "fp16", "int8", "int4"] = "fp32"  # as what they are kept
    convert_timeout_s: Annotated[float, Meta(gt=0)] = 3600.0
