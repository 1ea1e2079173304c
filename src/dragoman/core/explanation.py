"""What is asked of an explanation, and what one says."""

from collections.abc import Mapping
from typing import Final, Literal

from msgspec import Struct

from dragoman.core.tensors import Tensor

MEAN: Final = "mean"
# What a request may say; an explainer of the model's own may take other parameters besides.
KEYS: Final = ("method", "output", "target", "baseline", "budget", "seed", "with_predictions", "format")
Row = Mapping[str, Tensor]  # one of each input, by name, with a first axis of one


class Wish(Struct, frozen=True):
    """How an answer is to be explained. None = as the model's settings say.

    `target` = the place in the output's value, whose axes are those behind the rows'; None = its greatest.
    `baseline` = what a missing value is: a number, a row, or the mean of the request's own rows.
    `predictions`: the model's answer is wanted, too. `parameters` = all that the caller said, for the code
    of the model's own explainer.
    """

    method: str | None = None
    output: str | None = None
    target: tuple[int, ...] | None = None
    baseline: float | Row | Literal["mean"] | None = None
    budget: int | None = None  # rows that the model may be asked for
    seed: int = 0
    predictions: bool = False
    parameters: Mapping[str, object] = {}


class Attribution(Struct, frozen=True):
    """How a model's own runtime helps to explain one of its outputs. All names are the engine's.

    A further output of the signature, which is given only to who asks for it alone, says what each value of a
    row adds to each number of the explained output's value, and behind those what is there without any value.
    Shapes: (rows, numbers, values + 1), with the values of `inputs` in that order. With `gradients` it says
    how one number changes with each value: that at `PLACES`, which is one more input. Shapes: (rows, 1,
    values).
    """

    method: str
    explains: str
    output: str
    inputs: tuple[str, ...]
    gradients: bool = False


TREE_SHAP: Final = "tree_shap"
INTEGRATED_GRADIENTS: Final = "integrated_gradients"
PLACES: Final = "explained places"
