"""The way of one `dragoman predict`: from the command line to the server and back."""

import sys
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.cli.client import credentials
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction.explanation import Explained, ask, heat_maps, show
from dragoman.cli.prediction.shown import document, save, table
from dragoman.cli.prediction.sources import Source, read_sources
from dragoman.cli.prediction.values import read_values, takes
from dragoman.client import Client, ClientError, InvalidInput, ModelMetadata, Result


class Wanted(Struct, frozen=True):
    """What the command line asks for."""

    target: str
    inputs: tuple[str, ...]
    files: tuple[str, ...]
    version: int | None
    outputs: tuple[str, ...]
    scale: str
    save: Path | None
    url: str
    timeout_s: float
    as_json: bool
    explain: bool = False
    output_image: Path | None = None


def run(wanted: Wanted) -> None:
    """Call the model, and print what it gives.

    Errors: FailureError.
    """
    if wanted.output_image is not None and not wanted.explain:
        raise FailureError("--output-image is for --explain", Exit.USAGE)
    sources = list(read_sources(wanted.inputs, wanted.files))
    try:
        result, metadata, explained = called(wanted, sources)
    except InvalidInput as error:
        raise FailureError(str(error), Exit.USAGE) from error
    except ClientError as error:
        raise FailureError(str(error)) from error
    if wanted.save is not None:
        save(result, wanted.save)
    adds = None if explained is None else explained.adds
    print(document(result, adds) if wanted.as_json else "\n".join(table(result)))
    if explained is None:
        return
    if not wanted.as_json:
        show(explained)
    for path in heat_maps(explained, metadata, sources, wanted.output_image):
        print(f"{path}: red raises the answer, blue lowers it", file=sys.stderr if wanted.as_json else None)


def called(wanted: Wanted, sources: Sequence[Source]) -> tuple[Result, ModelMetadata, Explained | None]:
    """What the model gives, what it takes, and what each value adds, where that is asked for.

    Errors: FailureError, ClientError.
    """
    model, version = model_and_version(wanted)
    scale = read_scale(wanted.scale)
    username, password = credentials(urlsplit(wanted.url)) or (None, None)
    with Client(wanted.url, timeout_s=wanted.timeout_s, username=username, password=password) as client:
        metadata = client.metadata(model, version=version)
        values = read_values(sources, metadata, scale)
        if metadata.inputs and not values:
            raise FailureError(f"give --input NAME=VALUE or --file FILE: {takes(metadata)}", Exit.USAGE)
        result = client.infer(model, values, version=version, outputs=wanted.outputs or None)
        if not wanted.explain:
            return result, metadata, None
        output = next(iter(wanted.outputs), None)
        return result, metadata, ask(client, metadata, values, version, output)


def model_and_version(wanted: Wanted) -> tuple[str, int | None]:
    """The model, and the version that is asked for.

    Errors: FailureError for a version that is no number, or is given twice.
    """
    model, colon, version = wanted.target.partition(":")
    if not colon:
        return model, wanted.version
    if not (version.isascii() and version.isdigit()):
        raise FailureError(f"{version!r} is no version: give a number, as in {model}:2", Exit.USAGE)
    if wanted.version is not None:
        raise FailureError("the version is given twice", Exit.USAGE)
    return model, int(version)


def read_scale(text: str) -> float:
    """What pixels are multiplied by.

    Errors: FailureError for what is no number.
    """
    try:
        return float(Fraction(text))
    except (ValueError, ZeroDivisionError, OverflowError):
        raise FailureError(
            f"--scale {text!r} is no number, and no fraction such as 1/255", Exit.USAGE
        ) from None
