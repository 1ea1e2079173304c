"""Ready-to-paste `curl` lines: an example request that really fits a model's signature.

Every element is a one (`true`, `"text"`) and every open size is 1. A body too long to paste is made by a
short Python expression and piped into curl.
"""

import json
import math
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from dragoman.core.signatures import DEFAULT_SIGNATURE, Method, Signature
from dragoman.core.tensors import DType

PASTABLE: Final = 32  # elements; more do not fit a line or two
ELEMENTS: Final[Mapping[DType, Any]] = {
    dtype: 1.0 if dtype.is_float else {DType.BOOL: True, DType.BYTES: "text"}.get(dtype, 1) for dtype in DType
}
Sizes = tuple[int, ...]
Fields = Mapping[str, tuple[DType, Sizes]]


def curl_line(url: str, model: str, signatures: Mapping[str, Signature]) -> str:
    """A TensorFlow Serving REST call of the model's default signature, else of its first one."""
    signature = signatures.get(DEFAULT_SIGNATURE) or next(iter(signatures.values()))
    target = shlex.quote(f"{url}/v1/models/{quote(model, safe='')}:{signature.method.value}")
    fields = example_fields(signature)
    if sum(math.prod(sizes) for _, sizes in fields.values()) <= PASTABLE:
        return f"curl -d {shlex.quote(body(signature, fields, as_json))} {target}"
    program = f"import json; print(json.dumps({body(signature, fields, as_python)}))"
    return f"python3 -c {shlex.quote(program)} | curl -d @- {target}"


def example_fields(signature: Signature) -> Fields:
    """What a caller has to give: the inputs, or for classify and regress the Example's features, flat."""
    if signature.method is Method.PREDICT:
        return {name: (spec.dtype, closed(spec.shape)) for name, spec in signature.inputs.items()}
    return {
        name: (spec.dtype, (math.prod(spec.shape),) if spec.shape else ())
        for name, spec in signature.features.items()
    }


def closed(shape: tuple[int | None, ...] | None) -> Sizes:
    """A shape with 1 for every open size; an open rank counts as one dimension."""
    return (1,) if shape is None else tuple(1 if size is None else size for size in shape)


def body(signature: Signature, fields: Fields, write: Callable[[DType, Sizes], str]) -> str:
    """The request's text, with each field's value in the language that `write` writes."""
    values = {name: write(dtype, sizes) for name, (dtype, sizes) in fields.items()}
    named = "{" + ", ".join(f"{json.dumps(name)}: {value}" for name, value in values.items()) + "}"
    name = "" if signature.name == DEFAULT_SIGNATURE else f'"signature_name": {json.dumps(signature.name)}, '
    if signature.method is not Method.PREDICT:
        return f'{{{name}"examples": [{named}]}}'
    only = next(iter(values.values())) if len(values) == 1 else named
    return f'{{{name}"inputs": {only}}}'


def as_json(dtype: DType, sizes: Sizes) -> str:
    """Nested lists of ones, written out."""
    value = ELEMENTS[dtype]
    for size in reversed(sizes):
        value = [value] * size
    return json.dumps(value)


def as_python(dtype: DType, sizes: Sizes) -> str:
    """Nested lists of ones, as a short Python expression."""
    text = repr(ELEMENTS[dtype])
    for size in reversed(sizes):
        text = f"[{text}]" if size == 1 else f"[{text}]*{size}"
    return text
