"""Arrays of every element type, with the values that are lost first; needs NumPy alone.

Integers are the ends of their ranges; floats are their limits, both zeros, subnormals, infinities and NaN.
"""

import numpy as np

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
FLOATS = ["float16", "float32", "float64"]
SHAPES = [(), (0,), (3, 0), (1,), (2, 1, 3)]  # no dimension, no element, one element, several dimensions


def every_type():
    """An array of each type by its NumPy name; strings are `string`."""
    return {
        "bool": np.array([[True, False], [False, True]]),
        **{name: integers(name) for name in INTEGERS},
        **{name: floats(name) for name in FLOATS},
        "string": byte_strings(b"", b"plain", "\N{SNOWMAN}".encode(), b"\0\xff\xfe"),
    }


def every_type_as_text():
    """The same in so far as texts carry it: they know one NaN, and no bytes that are no UTF-8."""
    arrays = every_type()
    return arrays | {name: arrays[name][:-1] for name in [*FLOATS, "string"]}


def integers(name):
    ends = np.iinfo(name)
    return np.array([[ends.min, ends.max], [ends.min + 1, ends.max - 1], [0, 1]], name)


def floats(name):
    """With a NaN that has bits of its own, which only raw bytes carry."""
    array = np.concatenate([finite_floats(name), np.array([np.inf, -np.inf, np.nan, np.nan], name)])
    bits = array.view(f"u{array.itemsize}")
    bits[-1] |= 0b101
    return array


def finite_floats(name):
    limits = np.finfo(name)
    small = [limits.smallest_normal, limits.smallest_subnormal, -limits.smallest_subnormal]
    return np.array([0.0, -0.0, 1 / 3, limits.max, limits.min, limits.eps, *small], name)


def byte_strings(*elements):
    array = np.empty(len(elements), np.object_)
    array[:] = elements
    return array


def shaped(name, shape):
    """Ones of a type, or texts, in a shape."""
    if name != "string":
        return np.ones(shape, name)
    array = np.empty(shape, np.object_)
    array[...] = b"one"
    return array


def same(given, sent):
    """Whether an array has the type, the shape and every bit of another; texts count as their bytes."""
    if given.dtype != sent.dtype or given.shape != sent.shape:
        return False
    if sent.dtype == np.object_:
        return [as_bytes(element) for element in given.flat] == list(sent.flat)
    return given.tobytes() == sent.tobytes()


def as_bytes(element):
    return element.encode() if isinstance(element, str) else element
