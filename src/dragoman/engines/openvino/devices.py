"""Devices: whether one is there, and a model compiled for it."""

import os
import re
from collections.abc import Sequence
from types import ModuleType
from typing import Any, Final

import structlog

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.engines.openvino.errors import refused_file
from dragoman.engines.openvino.files import model_bytes
from dragoman.engines.openvino.options import CPU, SMALL_MODEL_BYTES, OpenVinoOptions, properties

COMBINED: Final = frozenset({"AUTO", "MULTI", "HETERO", "BATCH"})  # devices made of others
PARTS: Final = re.compile(r"[^:,()]+")


def check_device(core: Any, device: str) -> None:
    """Nothing, if the device is there, or all of those that it combines.

    Errors: INVALID_ARGUMENT for no name at all; FAILED_PRECONDITION for a device that is not on this machine.
    """
    available = core.available_devices
    there = {name.partition(".")[0] for name in available} | set(available)
    names = [name.strip() for name in PARTS.findall(device)]
    if not names:
        raise invalid("options.target_device: a device is CPU, GPU, NPU, AUTO or, say, HETERO:GPU,CPU")
    for name in names:
        plain = name.lstrip("-")  # AUTO:-GPU = any but that
        if plain not in there and plain not in COMBINED and not plain.isdigit():
            raise DragomanError(
                Code.FAILED_PRECONDITION,
                f"options.target_device: OpenVINO finds no device {plain} on this machine; "
                f"it finds {', '.join(available)}",
            )


def compile_model(runtime: ModuleType, core: Any, model: Any, options: OpenVinoOptions, path: str) -> Any:
    """The model, compiled for the device.

    Errors: INVALID_ARGUMENT naming the property of `plugin_config` that the device refuses; INTERNAL where it
    does not take the model.
    """
    made = properties(options, model_bytes(path))
    try:
        return core.compile_model(model, options.target_device, made)
    except Exception as error:
        structlog.get_logger("dragoman.engines.openvino").error("a model was refused", cause=str(error))
        check_properties(runtime, options)
        raise refused_file(error, os.path.basename(path)) from error


def compile_one_row(
    core: Any, model: Any, shapes: Sequence[tuple[int, ...]], options: OpenVinoOptions, path: str
) -> Any:
    """The model, compiled for inputs of these shapes; None where that does not pay or cannot be.

    A call of a perceptron 32-64-64-3 with one row takes 12.1 µs with any number of rows, and 7.4 µs with one:
    as much less as a large model would not notice.
    """
    size = model_bytes(path)
    if not shapes or size >= SMALL_MODEL_BYTES or options.target_device.upper() != CPU or model.get_sinks():
        return None
    fixed = model.clone()
    try:
        fixed.reshape({given: list(shape) for given, shape in zip(fixed.inputs, shapes, strict=True)})
        return core.compile_model(fixed, options.target_device, properties(options, size))
    except Exception as error:
        structlog.get_logger("dragoman.engines.openvino").info("one row is no case apart", cause=str(error))
        return None


def check_properties(runtime: ModuleType, options: OpenVinoOptions) -> None:
    """Nothing, if the device takes each property for a model that does nothing.

    Errors: INVALID_ARGUMENT naming the one that it does not take.
    """
    core = runtime.Core()
    for name, value in options.plugin_config.items():
        try:
            core.compile_model(nothing(runtime), options.target_device, {name: value})
        except Exception as error:
            raise invalid(
                f"options.plugin_config.{name}: {options.target_device} does not take {value!r}"
            ) from error


def nothing(runtime: ModuleType) -> Any:
    """A model that gives what it takes."""
    given = runtime.opset1.parameter([1], runtime.Type.f32)
    return runtime.Model([runtime.opset1.result(given)], [given], "nothing")


def requests_at_once(compiled: Any) -> int:
    """How many infer requests OpenVINO finds best."""
    return max(1, int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")))


def streams(compiled: Any) -> int:
    """How many calls the device computes at once; 1 where it does not say."""
    try:
        return max(1, int(compiled.get_property("NUM_STREAMS")))
    except Exception:  # not a property of every device
        return 1
