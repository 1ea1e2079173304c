"""What values go through before the model: colours, type, mean, scale, order of the axes.

Colours come first, as in OpenVINO. The steps after them are each channel's own, so the axes may be turned
before mean and scale, which is quicker where the channels then lie one after the other.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from dragoman.core.images import Color, Preprocessing
from dragoman.core.tensors import Array, DType

RGB_WEIGHTS: Final = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as OpenVINO weighs them
GRAY_OF: Final[Mapping[Color, Array]] = {Color.GRAY_OF_RGB: RGB_WEIGHTS, Color.GRAY_OF_BGR: RGB_WEIGHTS[::-1]}


def apply(steps: Preprocessing, values: Array) -> Array:
    """The values as the model takes them, in C order."""
    if steps.color is not Color.KEEP and steps.channel_axis is not None:
        values = recolored(steps.color, values, steps.channel_axis)
    if steps.axes:
        values = values.transpose(steps.axes)
    if steps.mean or steps.scale:
        values = normalized(steps, values)
    return np.asarray(as_type(values, steps.dtype), order="C")


def recolored(color: Color, values: Array, axis: int) -> Array:
    """The values in other colours."""
    weights = GRAY_OF.get(color)
    if weights is None:
        return np.flip(values, axis)
    channels = np.moveaxis(values, axis, -1).astype(np.float32)
    return np.expand_dims(channels @ weights, axis)


def normalized(steps: Preprocessing, values: Array) -> Array:
    """The values less the mean, by the scale; the axes are the model's by now. Half floats become float32."""
    channel_axis = steps.channel_axis
    axis = steps.axes.index(channel_axis) if steps.axes and channel_axis is not None else channel_axis
    wide = np.dtype(np.float64 if steps.dtype is DType.FP64 else np.float32)
    shape = values.shape
    last = axis is not None and axis == values.ndim - 1 and values.ndim > 1
    if last:  # a row at a time: three channels would be a short loop
        values = np.ascontiguousarray(values).reshape(*shape[:-2], shape[-2] * shape[-1])

    def spread(numbers: tuple[float, ...]) -> Array:
        channels = np.array(numbers, wide)
        if len(numbers) == 1 or axis is None:
            return channels
        if last:
            return np.tile(channels, shape[-2])
        return channels.reshape((-1,) + (1,) * (len(shape) - axis - 1))

    # One pass makes the type, the order in memory and the difference.
    out = np.subtract(values, spread(steps.mean or (0.0,)), dtype=wide, order="C", casting="unsafe")
    if steps.scale:
        np.divide(out, spread(steps.scale), out=out)
    return out.reshape(shape)


def as_type(values: Array, dtype: DType) -> Array:
    """The values in another type: rounded and held within its range where that is an integer's."""
    wanted: np.dtype[Any] = dtype.numpy
    if values.dtype == wanted:
        return values
    if not dtype.is_integer:
        return values.astype(wanted)
    info = np.iinfo(wanted)
    if values.dtype.kind == "f":
        values = np.rint(values)
    elif np.can_cast(values.dtype, wanted):
        return values.astype(wanted)
    return values.clip(info.min, info.max).astype(wanted)
