"""An infer request of OpenVINO's, whose tensors stay bound from call to call.

1. A small input is copied into the request's own tensor. Binding a tensor costs as much as copying some tens
   of kilobytes.
2. A large input is used where it lies, unless it is not aligned; for the time of the call the request refers
   to it. OpenVINO does not write to its inputs, so an array that cannot be written to does as well.
3. What comes out is copied: the request's next call writes over its tensors.

A pool lends them out, one to a call.
"""

from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NamedTuple

import numpy as np

from dragoman.core.errors import Code, DragomanError
from dragoman.core.tensors import Array
from dragoman.engines.openvino.sizes import Size, fit

MOST_COPIED: Final = 64 << 10  # bytes of one input
BOUND_ALREADY: Final[Mapping[int, Any]] = {}

Run = Callable[[Mapping[int, Any], bool, bool], Mapping[Any, Array]]


class MisfitError(Exception):
    """An input has a shape that the model does not take. The request is as it was."""


class Kind(NamedTuple):
    """What an input takes."""

    dtype: np.dtype[Any]
    sizes: Sequence[Size]


class BoundInput:
    """One input of an infer request: its own tensor, seen as an array."""

    __slots__ = ("array", "can_be_lent", "dtype", "number", "shape", "sizes", "tensor")

    def __init__(self, number: int, tensor: Any, kind: Kind) -> None:
        self.number = number
        self.tensor = tensor
        self.sizes = kind.sizes
        self.dtype = dtype = kind.dtype
        self.array: Array = tensor.data.view(dtype)  # OpenVINO shows bfloat16 as float16
        self.shape = self.array.shape
        self.can_be_lent = tensor.data.dtype == dtype

    def resize(self, shape: tuple[int, ...]) -> None:
        """Make room for another shape."""
        self.tensor.shape = shape
        self.array = self.tensor.data.view(self.dtype)
        self.shape = shape


class BoundRequest:
    """One infer request, for inputs of these kinds. It takes one call at a time."""

    __slots__ = ("_inputs", "_run", "_runtime", "_stateful", "request")

    def __init__(self, runtime: ModuleType, compiled: Any, kinds: Sequence[Kind]) -> None:
        self.request = request = compiled.create_infer_request()
        self._runtime = runtime
        # What `InferRequest.infer` calls after it has sorted out what it was given.
        plain: Any = super(runtime.InferRequest, request)
        self._run: Run = plain.infer
        self._inputs = [
            BoundInput(number, request.get_input_tensor(number), kind) for number, kind in enumerate(kinds)
        ]
        self._stateful = bool(request.query_state())

    def infer(self, arrays: Sequence[Array]) -> list[Array]:
        """The values of all outputs for these of all inputs, whose types fit.

        Errors: MisfitError. After any other error the request is not to be used again.
        """
        if self._stateful:
            self.request.reset_state()  # else an answer would depend on whose call came before
        lent = None
        try:
            for bound, array in zip(self._inputs, arrays, strict=True):
                shape = array.shape
                if shape != bound.shape and not fit(shape, bound.sizes):
                    raise MisfitError
                if array.nbytes > MOST_COPIED and bound.can_be_lent and is_plain(array):
                    lent = [bound] if lent is None else [*lent, bound]
                    self.request.set_input_tensor(bound.number, in_place(self._runtime, array))
                    continue
                if shape != bound.shape:
                    bound.resize(shape)
                bound.array[...] = array
            return list(self._run(BOUND_ALREADY, False, False).values())
        finally:
            if lent is not None:
                for bound in lent:
                    self.request.set_input_tensor(bound.number, bound.tensor)


class RequestPool:
    """Infer requests of one compiled model: those that are free, and further ones as they are needed.

    `shapes` = the only ones that its inputs take; None where there are more.
    """

    __slots__ = ("_make", "free", "shapes")

    def __init__(
        self, make: Callable[[], BoundRequest], shapes: Sequence[tuple[int, ...]] | None = None
    ) -> None:
        self._make: Callable[[], BoundRequest] | None = make
        self.free = [make()]
        self.shapes = None if shapes is None else list(shapes)

    def take(self) -> BoundRequest:
        """A request that nobody else uses.

        Errors: UNAVAILABLE after `close`.
        """
        make = self._make
        if make is None:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        try:
            return self.free.pop()
        except IndexError:
            return make()

    def give_back(self, bound: BoundRequest) -> None:
        """Let others use it."""
        self.free.append(bound)
        if self._make is None:  # closed meanwhile
            self.free.clear()

    def close(self) -> None:
        """Let go of them; one that is running goes when its call ends."""
        self._make = None
        self.free.clear()


def is_plain(array: Array) -> bool:
    """Whether OpenVINO can use the array where it lies."""
    return array.flags.aligned and array.flags.c_contiguous


class Unlocked:
    """An array as one that may be written to, which is what OpenVINO takes."""

    def __init__(self, array: Array) -> None:
        interface = array.__array_interface__
        self.__array_interface__ = {**interface, "data": (interface["data"][0], False)}
        self.array = array


def in_place(runtime: ModuleType, array: Array) -> Any:
    """A tensor in the array's memory, which has to outlive it."""
    return runtime.Tensor(np.asarray(Unlocked(array)), shared_memory=True)
