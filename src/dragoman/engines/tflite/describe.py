"""A TensorFlow Lite file's signatures, and where their tensors are in an interpreter."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature, TensorSpec
from dragoman.core.tensors import BY_NUMPY, DType

WHOLE_MODEL: Final = 0  # the subgraph of a file that has no signatures


class Plan(Struct, frozen=True):
    """One signature: its subgraph, and the indices of its tensors there, by their names."""

    signature: Signature
    subgraph: int
    inputs: Mapping[str, int]
    outputs: Mapping[str, int]


def describe(interpreter: Any, file: str) -> dict[str, Plan]:
    """The signatures that can be called, by name; a file without any has one of its main graph's tensors.

    Errors: FAILED_PRECONDITION where there is none.
    """
    found = {}
    for name in sorted(interpreter.get_signature_list()):
        runner = interpreter.get_signature_runner(name)
        details = runner.get_input_details(), runner.get_output_details()
        found[name] = plan(name, runner._subgraph_index, *details)
    if not found:
        details = named(interpreter.get_input_details()), named(interpreter.get_output_details())
        found[DEFAULT_SIGNATURE] = plan(DEFAULT_SIGNATURE, WHOLE_MODEL, *details)
    plans = {name: made for name, made in found.items() if made is not None}
    if len(plans) < len(found):
        left_out = sorted(found.keys() - plans.keys())
        structlog.get_logger("dragoman.engines.tflite").warning(
            "signatures left out", file=file, signatures=left_out, why="tensors of a type that cannot be sent"
        )
    if not plans:
        raise DragomanError(
            Code.FAILED_PRECONDITION, f"{file} does not load: its tensors are of types that cannot be sent"
        )
    return plans


def named(details: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The tensors by the names that the converter left them, without the number of an operation's output."""
    return {detail["name"].removesuffix(":0"): detail for detail in details}


def plan(name: str, subgraph: int, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Plan | None:
    """One signature; None where one of its tensors is of a type that cannot be sent."""
    if any(element_type(detail) is None for detail in (*inputs.values(), *outputs.values())):
        return None
    signature = Signature(
        name=name,
        inputs={key: spec(key, inputs[key]) for key in sorted(inputs)},
        outputs={key: spec(key, outputs[key]) for key in sorted(outputs)},
        source=name,
    )
    return Plan(
        signature,
        subgraph,
        {key: inputs[key]["index"] for key in signature.inputs},
        {key: outputs[key]["index"] for key in signature.outputs},
    )


def spec(key: str, detail: Mapping[str, Any]) -> TensorSpec:
    """One input or output, of the type it is stored in: what is quantised stays so."""
    shape = tuple(None if size < 0 else int(size) for size in detail["shape_signature"])
    dtype = element_type(detail) or DType.BYTES
    return TensorSpec(name=key, dtype=dtype, shape=shape, source=key, graph_name=detail["name"])


def element_type(detail: Mapping[str, Any]) -> DType | None:
    """The type of a tensor's elements; None where there is no such type here."""
    if detail["dtype"] is np.bytes_:
        return DType.BYTES
    return BY_NUMPY.get(np.dtype(detail["dtype"]))
