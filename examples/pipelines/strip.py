"""Cuts a strip of handwritten digits into single ones; places where nothing is written are left out."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Params = Mapping[str, str]
Arrays = Mapping[str, np.ndarray]


def initialize(params: Params) -> int:
    """Called once; what it gives is the `state` of every other call. Here: the width of a digit."""
    return int(params["width"])


def get_inputs_info(params: Params, state: int) -> Mapping[str, Any]:
    """`strip`: as many lines of pixels as a digit is wide, of any length."""
    return {"strip": ("float32", [state, None])}


def get_outputs_info(params: Params, state: int) -> Mapping[str, Any]:
    """`digits`: each as one row, as the model wants it."""
    return {"digits": ("float32", [None, 1, state * state])}


def execute(inputs: Arrays, params: Params, state: int) -> Arrays:
    """One strip. A ValueError is what the caller is told."""
    strip = inputs["strip"]
    if strip.shape[1] % state:
        raise ValueError(f"the strip is {strip.shape[1]} pixels long, which is no multiple of {state}")
    squares = strip.reshape(state, -1, state).swapaxes(0, 1)
    written = squares[squares.any(axis=(1, 2))]
    return {"digits": written.reshape(-1, 1, state * state)}
