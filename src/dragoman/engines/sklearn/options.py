"""Options of the engines `sklearn` and `skops`."""

from msgspec import Struct


class SklearnOptions(Struct, frozen=True, kw_only=True):
    """Options of the engines `sklearn` and `skops`."""

    columns: bool = True  # one input for each column, where the model was trained with names; else one matrix
    text: tuple[str, ...] = ()  # columns that are text, beside those that the model's encoders show
    concurrency: int = 0  # calls at once in one process; 0 = one
