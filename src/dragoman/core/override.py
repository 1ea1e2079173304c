"""A configuration that a request brings along, in place of the model's own."""

from collections.abc import Mapping

from msgspec import Struct, field

from dragoman.core.configuration import ModelConfiguration, VersionChoice
from dragoman.core.tensors import DType, Shape


class DemandedTensor(Struct, frozen=True):
    """An input or output that the model has to have; None = nothing is said. Shapes are whole ones."""

    name: str
    dtype: DType | None = None
    shape: Shape | None = None


class Demands(Struct, frozen=True):
    """What has to be true of a model once it is loaded, else it counts as failed.

    Of its default signature: `inputs` empty = any, else exactly these; `outputs` = at least these. Sizes that
    the model leaves open are narrowed to those given here. `file` = what the engine has to load, `parts`
    whether every answer has to come in parts. `options` = those of the engine that a request has changed.
    """

    file: str = ""
    inputs: tuple[DemandedTensor, ...] = ()
    outputs: tuple[DemandedTensor, ...] = ()
    parts: bool = False
    options: frozenset[str] = frozenset()


class Override(Struct, frozen=True):
    """What takes the place of a model's configuration; what it cannot say stays as the model's own files say.

    `engine` None = that of the model. Options lie over the model's own, and all else replaces them. `files`,
    by their paths below the model's folder, are the whole model where there are any.
    """

    engine: str | None = None
    choice: VersionChoice = VersionChoice()
    configuration: ModelConfiguration = ModelConfiguration()
    demands: Demands = Demands()
    files: Mapping[str, bytes] = field(default_factory=dict)
