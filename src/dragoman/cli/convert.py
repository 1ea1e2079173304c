"""`dragoman convert`: make ONNX of a model."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from cyclopts.validators import Path as PathValidator

from dragoman.cli.models import Json

Switch = Annotated[bool, Parameter(negative="")]
Source = Annotated[Path, Parameter(validator=PathValidator(exists=True))]
ROWS = 1000
SEED = 7
TOLERANCE = 1e-5


def convert(
    source: Source,
    /,
    *,
    output: Path | None = None,
    trust_code: Switch = False,
    samples: Path | None = None,
    rows: Annotated[int, Parameter(validator=Number(gte=1))] = ROWS,
    seed: Annotated[int, Parameter(validator=Number(gte=0))] = SEED,
    tolerance: Annotated[float, Parameter(validator=Number(gte=0))] = TOLERANCE,
    force: Switch = False,
    as_json: Json = False,
) -> None:
    """Make ONNX of a model, if it answers alike.

    Parameters
    ----------
    source:
        A model's file, the folder of one version, or a model's folder: of scikit-learn, XGBoost, LightGBM,
        PyTorch or TensorFlow.
    output:
        The model's folder that is made. [default: beside the source]
    trust_code:
        Read files that run code while they are read: pickles, and what PyTorch saves.
    samples:
        A .npy, .npz or .csv file with rows on which both are compared; without it, rows are made up.
    rows:
        How many rows are made up.
    seed:
        What the made-up rows are drawn with.
    tolerance:
        How far numbers may differ, relative to their own size and that of the largest answer.
    force:
        Replace what is at the place already.
    as_json:
        Print what was found as JSON.
    """
    from dragoman.cli.conversion import run  # noqa: PLC0415  NumPy is not for --help to wait for
    from dragoman.convert.wanted import Wanted  # noqa: PLC0415

    run(
        Wanted(
            source=source,
            output=output,
            trust_code=trust_code,
            samples=samples,
            rows=rows,
            seed=seed,
            tolerance=tolerance,
            force=force,
        ),
        as_json=as_json,
    )
