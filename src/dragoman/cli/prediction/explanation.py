"""What `dragoman predict --explain` adds: bars in the terminal, and a heat map of what is an image."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.console import Console

from dragoman.cli.drawing import ramp
from dragoman.cli.failure import Exit, FailureError
from dragoman.cli.prediction.attributions import as_arrays, chart, of_row
from dragoman.cli.prediction.heat_map import heat_map, image_layout, place_for, write
from dragoman.cli.prediction.pictures import Layout, is_picture
from dragoman.cli.prediction.sources import Source
from dragoman.client import BadAnswer, Client
from dragoman.client.results import ModelMetadata, Parameters
from dragoman.core.tensors import Array

MOST_ROWS: Final = 5  # whose bars are drawn


class Explained(Struct, frozen=True):
    """The inputs as rows, and what each of their values adds."""

    inputs: Mapping[str, Array]
    adds: Mapping[str, Array]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.adds.values())))


def ask(
    client: Client,
    metadata: ModelMetadata,
    inputs: Mapping[str, Array],
    version: int | None,
    output: str | None,
) -> Explained:
    """What the server says of these inputs.

    Errors: FailureError for inputs without rows; ClientError.
    """
    if len({array.shape[:1] for array in inputs.values()} | {()}) != 2:
        raise FailureError("what is explained are rows, and the inputs do not have as many each", Exit.USAGE)
    parameters: Parameters = {} if output is None else {"output": output}
    given = client.explain(metadata.name, inputs=dict(inputs), version=version, parameters=parameters)
    try:
        return Explained(inputs, as_arrays(given, inputs))
    except (KeyError, TypeError, ValueError) as error:
        raise BadAnswer(f"the explanations are not of the inputs' form: {error}") from None


def show(explained: Explained) -> None:
    """Draw the bars."""
    console = Console(soft_wrap=True, highlight=False)
    shades = ramp(sys.stdout.encoding)
    for row in range(min(explained.rows, MOST_ROWS)):
        console.print()
        console.print("what each value adds" if explained.rows == 1 else f"what each value adds, row {row}")
        for line in chart(of_row(explained.inputs, explained.adds, row), shades):
            console.print(line)
    if explained.rows > MOST_ROWS:
        console.print(f"and {explained.rows - MOST_ROWS} more rows; --json has them")


def heat_maps(
    explained: Explained, metadata: ModelMetadata, sources: Sequence[Source], wanted: Path | None
) -> Iterator[Path]:
    """Write a heat map of each row of the one input that holds images; their files.

    Errors: FailureError where one is wanted and no input holds an image, or a file cannot be written.
    """
    pictures = [source for source in sources if is_picture(source.data)]
    found = next(images(explained, metadata, pictures), None)
    if found is None:
        if wanted is not None:
            raise FailureError("--output-image: none of the inputs is an image", Exit.USAGE)
        return
    name, layout = found
    for row in range(explained.rows):
        own = pictures[row].place if len(pictures) == explained.rows else None
        several = explained.rows if wanted is not None or own is None else 1
        path = place_for(wanted, own, row, several)
        write(heat_map(explained.inputs[name][row], explained.adds[name][row], layout), path)
        yield path


def images(
    explained: Explained, metadata: ModelMetadata, pictures: Sequence[Source]
) -> Iterator[tuple[str, Layout]]:
    """The inputs that hold images, and how."""
    for name, array in explained.adds.items():
        of_name = [source for source in pictures if source.name in (None, name)]
        layout = image_layout(metadata.inputs[name].shape, from_picture=bool(of_name))
        if layout is not None and array.ndim > 1:
            yield name, layout
