"""`dragoman predict`: call a model of a running server."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from dragoman.cli.client import DEFAULT_URL
from dragoman.cli.models import Json

Given = Annotated[list[str] | None, Parameter(name="--input", negative="", allow_leading_hyphen=True)]
Files = Annotated[list[str] | None, Parameter(name="--file", negative="", allow_leading_hyphen=True)]
Outputs = Annotated[list[str] | None, Parameter(name="--output", negative="")]
Version = Annotated[int | None, Parameter(validator=Number(gte=0))]
Timeout = Annotated[float, Parameter(name="--timeout", validator=Number(gt=0))]
TIMEOUT_S = 60.0


def predict(
    target: str,
    /,
    *,
    inputs: Given = None,
    files: Files = None,
    version: Version = None,
    outputs: Outputs = None,
    scale: str = "1",
    save: Path | None = None,
    url: str = DEFAULT_URL,
    timeout_s: Timeout = TIMEOUT_S,
    as_json: Json = False,
    explain: Annotated[bool, Parameter(negative="")] = False,
    output_image: Path | None = None,
) -> None:
    """Call a model and show what it gives.

    Parameters
    ----------
    target:
        The model, as `digits`, or one version of it, as `digits:2`.
    inputs:
        NAME=VALUE, or VALUE for a model's only input. VALUE is JSON, text where text is taken, or @FILE.
    files:
        A file for the model's only input, or a .npz or JSON file that has every input by its name; - reads
        standard input. Files are .npy, .npz, JSON, images or text.
    version:
        The version that is to answer.
    outputs:
        An output to be shown; without any, all of them are.
    scale:
        What an image's pixels, 0 to 255, are multiplied by: a number, or a fraction such as 1/255.
    save:
        Write the outputs into this .npz file.
    url:
        Where the server listens: http://, https://, grpc:// or grpcs://.
    timeout_s:
        Seconds that the answer may take.
    as_json:
        Print the outputs as JSON.
    explain:
        Draw what each value adds to the answer, and of an image a heat map.
    output_image:
        The PNG file of the heat map. [default: beside the image, NAME.explained.png]
    """
    from dragoman.cli.prediction.call import Wanted, run  # noqa: PLC0415  NumPy is not for --help to wait for

    run(
        Wanted(
            target=target,
            inputs=tuple(inputs or ()),
            files=tuple(files or ()),
            version=version,
            outputs=tuple(outputs or ()),
            scale=scale,
            save=save,
            url=url,
            timeout_s=timeout_s,
            as_json=as_json,
            explain=explain,
            output_image=output_image,
        )
    )
