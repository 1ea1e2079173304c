"""What a request goes through before the model's runner sees it: images decoded, values preprocessed."""

from collections.abc import Callable
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.images import ImageSpec
from dragoman.core.mismatch import wrong_dtype, wrong_shape
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor, fits
from dragoman.execution.images.steps import apply
from dragoman.settings.limits import Limits

SHORT_BYTES: Final = (
    16 * 1024
)  # values that are preprocessed on the spot; more take as long as a thread's hop
Decode = Callable[[str, ImageSpec, Array, Limits, CallContext], Tensor]


class Preparation:
    """One signature's, worked out once. Names are the callers'."""

    def __init__(self, signature: Signature, limits: Limits) -> None:
        specs = signature.inputs.values()
        self._limits = limits
        self._images = {spec.name: spec.image for spec in specs if spec.image is not None}
        self._steps = {spec.name: spec for spec in specs if spec.preprocessing is not None}
        if self._images:
            self._decode = decoder()

    def size(self, request: TensorRequest) -> int:
        """How many bytes there are to be prepared; more than SHORT_BYTES where one of them is an image's."""
        size = 0
        for name, tensor in request.inputs.items():
            if tensor.dtype is DType.BYTES and name in self._images:
                return SHORT_BYTES + 1
            if name in self._steps:
                size += tensor.array.nbytes
        return size

    def prepared(self, request: TensorRequest, call: CallContext) -> TensorRequest:
        """The same request with the model's own values.

        Errors: INVALID_ARGUMENT naming the input; CANCELLED.
        """
        inputs = {name: self._prepared(name, tensor, call) for name, tensor in request.inputs.items()}
        return TensorRequest(request.signature, inputs, request.outputs, request.parameters)

    def _prepared(self, name: str, tensor: Tensor, call: CallContext) -> Tensor:
        if tensor.dtype is DType.BYTES and (image := self._images.get(name)) is not None:
            return self._decode(name, image, tensor.array, self._limits, call)
        spec = self._steps.get(name)
        return tensor if spec is None else preprocessed(tensor, spec)


def preprocessed(tensor: Tensor, spec: TensorSpec) -> Tensor:
    """A tensor as the model takes it.

    Errors: INVALID_ARGUMENT for another type or shape than the input's.
    """
    steps = spec.preprocessing
    if steps is None:
        return tensor
    if tensor.dtype is not spec.dtype:
        raise wrong_dtype(spec.name, tensor.dtype, spec.dtype)
    if not fits(tensor.array.shape, spec.shape):
        raise wrong_shape(spec.name, tensor.array.shape, spec)
    return Tensor(steps.dtype, apply(steps, tensor.array))


def decoder() -> Decode:
    """What decodes images. Importing it takes a tenth of a second, which only models with images wait."""
    from dragoman.execution.images.decoding import decode  # noqa: PLC0415

    return decode
