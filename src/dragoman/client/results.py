"""What calls give: the tensors of an answer, and what a server says of its models."""

from collections.abc import Iterator, Mapping, Sequence

from msgspec import Struct

from dragoman.client.errors import BadAnswer
from dragoman.core.tensors import Array, DType, Shape, show_shape
from dragoman.wire.datatypes import DATATYPES

Parameter = bool | int | float | str
Parameters = Mapping[str, Parameter]


class Result(Mapping[str, Array]):
    """The outputs of a model by name, as NumPy arrays in the model's order.

    BYTES outputs are object arrays of `bytes`; `text` gives them as `str`. Numbers may be views of the
    answer's bytes, which are the caller's own: they can be written to.
    """

    __slots__ = ("arrays", "id", "model", "parameters", "version")

    def __init__(
        self, arrays: Mapping[str, Array], *, model: str, version: str, id: str, parameters: Parameters
    ) -> None:
        self.arrays = arrays
        self.model = model  # which answered, and the version of it
        self.version = version
        self.id = id  # the request's; empty where it had none
        self.parameters = parameters  # what the server adds

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        return len(self.arrays)

    def text(self, name: str) -> Array:
        """A BYTES output as an object array of `str`.

        Errors: BadAnswer where the output is none, or no UTF-8.
        """
        array = self.arrays[name]
        if array.dtype != DType.BYTES.numpy:
            raise BadAnswer(f"the output {name!r} is no text but {array.dtype}", model=self.model)
        texts = array.copy()
        try:
            texts.reshape(-1)[:] = [element.decode() for element in array.reshape(-1)]
        except UnicodeDecodeError:
            raise BadAnswer(f"the output {name!r} is no UTF-8", model=self.model) from None
        return texts

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}: {array.dtype} {array.shape}" for name, array in self.arrays.items())
        return f"Result({self.model!r} version {self.version}, {shown or 'no outputs'})"


class TensorMetadata(Struct, frozen=True):
    """An input or output of a model. A None in `shape` = any size."""

    name: str
    dtype: DType
    shape: Shape

    def __str__(self) -> str:
        return f"{self.name!r}: {DATATYPES[self.dtype]} {show_shape(self.shape)}"


class ModelMetadata(Struct, frozen=True):
    """What a model takes and gives."""

    name: str
    versions: Sequence[str]
    platform: str
    inputs: Mapping[str, TensorMetadata]
    outputs: Mapping[str, TensorMetadata]


class ModelState(Struct, frozen=True):
    """One version of a model in a server's repository. `reason` says why it is not ready."""

    name: str
    version: str
    state: str  # READY, UNAVAILABLE, LOADING, UNLOADING or UNKNOWN
    reason: str

    @property
    def ready(self) -> bool:
        """Whether it can be called."""
        return self.state == "READY"
