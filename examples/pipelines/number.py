"""Joins digits to a number."""

from collections.abc import Mapping
from typing import Any

import numpy as np

Params = Mapping[str, str]
Arrays = Mapping[str, np.ndarray]


def get_inputs_info(params: Params, state: None) -> Mapping[str, Any]:
    """`digits`: what was gathered, one row a branch."""
    return {"digits": ("int64", [None, 1])}


def get_outputs_info(params: Params, state: None) -> Mapping[str, Any]:
    """`number`: text, so that a leading zero stays."""
    return {"number": ("bytes", [1])}


def execute(inputs: Arrays, params: Params, state: None) -> Mapping[str, Any]:
    """The digits from left to right."""
    return {"number": ["".join(str(digit) for digit in inputs["digits"].ravel())]}
