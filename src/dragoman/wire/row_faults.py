"""What is wrong with a row-form request, in TensorFlow Serving's words (`util/json_tensor.cc`)."""

from collections.abc import Callable, Mapping
from math import prod

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.signatures import TensorSpec
from dragoman.wire.elements import MAX_RANK, is_b64_object, read_array
from dragoman.wire.faults import first_refused, first_shape, value_fault
from dragoman.wire.json_exact import JsonObject, JsonValue
from dragoman.wire.json_tree import excerpt

Specs = Mapping[str, TensorSpec]


def row_fault(rows: list[JsonValue], specs: Specs, takes: Callable[[list[JsonValue]], bool]) -> DragomanError:
    """The first fault of a non-empty list of rows that `takes`, the fast way, has refused."""
    first = rows[0]
    index = first_refused(rows, lambda part: takes([first, *part]))
    row = rows[index]
    if _is_named(first):
        if not isinstance(row, dict) or not _is_named(row):
            return invalid(f"Expecting object but got list at item {index} of input list")
        return _named_row_fault(row, first, index, specs)
    if _is_named(row):
        return invalid(f"Expecting value/list but got object at item {index} of input list")
    fault = _item_fault(row, first, specs[next(iter(specs))])
    return _in_row(index, "", fault or invalid(f"a tensor may have at most {MAX_RANK} dimensions"))


def _is_named(row: JsonValue) -> bool:
    return isinstance(row, dict) and not is_b64_object(row)


def _named_row_fault(row: JsonObject, first: JsonValue, index: int, specs: Specs) -> DragomanError:
    for name, value in row.items():
        spec = specs.get(name)
        if spec is None:
            return _in_row(index, f" key: {name}", invalid(f"JSON object: does not have named input: {name}"))
        model = first[name] if isinstance(first, dict) and name in first else value
        fault = _item_fault(value, model, spec)
        if fault is not None:
            return _in_row(index, f" key: {name}", fault)
    return invalid(
        f"Failed to process element: {index} of 'instances' list. JSON object: {excerpt(row)} "
        f"keys must be equal to: {','.join(sorted(specs))}"
    )


def _item_fault(value: JsonValue, model: JsonValue, spec: TensorSpec) -> DragomanError | None:
    """What is wrong with one row's value for one input, by itself or beside the first row's `model`."""
    array = read_array(value, spec.dtype)
    if array is None:
        return value_fault(value, spec.dtype)
    expected = first_shape(model)
    size = prod(expected)
    if array.size != size:
        return invalid(f"Expecting tensor size: {size} but got: {array.size}")
    if list(array.shape) != expected:
        return invalid(f"Expecting shape {_show(expected)} but got: {_show(list(array.shape))}")
    return None


def _show(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"


def _in_row(index: int, key: str, fault: DragomanError) -> DragomanError:
    return invalid(
        f"Failed to process element: {index}{key} of 'instances' list. "
        f"Error: INVALID_ARGUMENT: {fault.message}"
    )
