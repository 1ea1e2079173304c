"""What the server and the code of a model's own explainer say to each other, as tensors.

The code runs in a worker, and asks for the model's answers while it runs. So one explanation is a session of
several calls: `BEGIN` with the instances, then `ANSWER` with what the model gave for the rows that came back,
as often as rows come back, and `END` where nobody waits any more.
"""

from typing import Final

import numpy as np

from dragoman.core.tensors import DType, Tensor

SIGNATURE: Final = "explain"
STEP: Final = "step"
SESSION: Final = "session"
PARAMETERS: Final = "parameters"  # JSON
BEGIN, ANSWER, END = "begin", "answer", "end"

STATE: Final = "state"
ROWS, NUMBERS, VALUE, ENDED = "rows", "numbers", "value", "ended"
JSON: Final = "json"  # the output that holds a VALUE
VALUES: Final = "values."  # before the names of the model's tensors


def as_text(value: str) -> Tensor:
    """A text as a tensor."""
    made = np.empty(1, object)
    made[0] = value.encode()
    return Tensor(DType.BYTES, made)


def text_of(tensor: Tensor) -> str:
    """The text that a tensor is."""
    return bytes(tensor.array[0]).decode()
