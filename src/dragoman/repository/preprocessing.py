"""What inputs go through before the model, as `model.yaml` says it, over what the engine found.

1. Keys beside `inputs` are for the only input of a signature; those below it, for inputs by the model's name.
2. Callers see an input in their layout, colours and type; what they send becomes the model's on the way.
3. An input of four axes takes encoded images, unless its layout is another or `images` is false.
"""

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Final

from msgspec.structs import replace

from dragoman.core.errors import DragomanError, invalid
from dragoman.core.images import Color, ImageSpec, Preprocessing
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Shape
from dragoman.repository.layouts import IMAGE, Layout, image_axes, is_open, read_layout, usual_layout
from dragoman.settings.model import InputPreprocessing, PreprocessingSettings

NONE: Final = InputPreprocessing()
NO_IMAGES: Final = frozenset({DType.BOOL, DType.BYTES})
DTYPES: Final = {**{dtype.value: dtype for dtype in DType}, "string": DType.BYTES}
COLORS: Final[Mapping[tuple[str, str], Color]] = {  # by the model's format and the caller's
    ("RGB", "RGB"): Color.KEEP,
    ("BGR", "BGR"): Color.KEEP,
    ("GRAY", "GRAY"): Color.KEEP,
    ("RGB", "BGR"): Color.REVERSE,
    ("BGR", "RGB"): Color.REVERSE,
    ("GRAY", "BGR"): Color.GRAY_OF_BGR,
    ("GRAY", "RGB"): Color.GRAY_OF_RGB,
}
TO_GRAY: Final = frozenset({Color.GRAY_OF_BGR, Color.GRAY_OF_RGB})
COLORED: Final = 3  # channels of an image that becomes grey


def preprocessed(found: Mapping[str, Signature], settings: PreprocessingSettings) -> Mapping[str, Signature]:
    """The engine's signatures as callers see them.

    Errors: INVALID_ARGUMENT naming the key that does not fit the model.
    """
    only = [name for name, signature in found.items() if len(signature.inputs) == 1]
    for name in settings.inputs:
        if not any(name in signature.inputs for signature in found.values()):
            raise invalid(f"preprocessing.inputs.{name}: the model has no input {name!r}")
    if has_keys(settings) and not only:
        raise invalid("preprocessing: the model has several inputs: say under inputs which is meant")
    return {name: with_preprocessing(signature, settings) for name, signature in found.items()}


def has_keys(settings: PreprocessingSettings) -> bool:
    """Whether something is said of the only input."""
    return any(getattr(settings, name) != getattr(NONE, name) for name in NONE.__struct_fields__)


def needs_preparation(found: Mapping[str, Signature], settings: PreprocessingSettings) -> bool:
    """Whether an input of these signatures takes encoded images or goes through anything else."""
    return any(spec.image is not None or spec.preprocessing is not None for spec in inputs(found, settings))


def takes_images(found: Mapping[str, Signature], settings: PreprocessingSettings) -> bool:
    """Whether an input of these signatures takes encoded images."""
    return any(spec.image is not None for spec in inputs(found, settings))


def inputs(found: Mapping[str, Signature], settings: PreprocessingSettings) -> Iterator[TensorSpec]:
    """The inputs of all signatures as callers see them."""
    for signature in preprocessed(found, settings).values():
        yield from signature.inputs.values()


def with_preprocessing(signature: Signature, settings: PreprocessingSettings) -> Signature:
    """One signature as callers see it."""
    inputs = {}
    for name, spec in signature.inputs.items():
        if name in settings.inputs:
            inputs[name] = Input(spec, settings.inputs[name], f"preprocessing.inputs.{name}").spec()
        else:
            said = settings if len(signature.inputs) == 1 else NONE
            inputs[name] = Input(spec, said, "preprocessing").spec()
    return replace(signature, inputs=inputs)


class Input:
    """One input and what is said of it, at `key`."""

    def __init__(self, spec: TensorSpec, said: InputPreprocessing, key: str) -> None:
        self._spec = spec
        self._said = said
        self._key = key
        self._declared = self._declared_layout()
        usual = None if spec.shape is None else usual_layout(spec.shape)
        # A layout that tells no more than the rows leaves an image's axes where they usually are.
        self._layout = usual if self._declared is None or is_open(self._declared.own) else self._declared

    def spec(self) -> TensorSpec:
        """The input as callers see it."""
        own, said = self._spec, self._said
        preprocessing = self._tensors() if said.tensors else None
        image = self._image() if said.images else None
        if preprocessing is None:
            return replace(own, image=image, layout=None if self._declared is None else self._declared.own)
        layout = self._declared
        shape = own.shape if layout is None or own.shape is None else layout.sent_shape(own.shape)
        if preprocessing.color in TO_GRAY and shape is not None and preprocessing.channel_axis is not None:
            axis = preprocessing.channel_axis
            shape = (*shape[:axis], COLORED, *shape[axis + 1 :])
        sent = None if layout is None else layout.sent
        return replace(
            own, dtype=self._dtype(), shape=shape, layout=sent, image=image, preprocessing=preprocessing
        )

    def _declared_layout(self) -> Layout | None:
        said, own = self._said.layout, self._spec.layout
        if said is not None:
            return self._read(said)
        try:
            return None if own is None else self._read(own)
        except DragomanError:  # the engine's own words for what no image has
            return None

    def _read(self, text: str) -> Layout:
        shape = self._spec.shape
        rank = len(shape) if shape is not None else len(text.rpartition(":")[2])
        return read_layout(text, rank, f"{self._key}.layout")

    def _tensors(self) -> Preprocessing | None:
        """What tensors go through; None where they are the model's already."""
        layout = self._layout
        sent = "" if layout is None else layout.sent
        made = self._made(sent, () if self._declared is None else self._declared.axes, images=False)
        plain = Preprocessing(self._spec.dtype, made.channel_axis)
        return None if made == plain and self._dtype() is self._spec.dtype else made

    def _image(self) -> ImageSpec | None:
        """How encoded images become this input; None where they cannot."""
        own, layout = self._spec, self._layout
        axes = None if layout is None else image_axes(layout.own)
        if own.shape is None or axes is None or own.dtype in NO_IMAGES:
            if self._said.resize is not None:
                raise invalid(f"{self._key}.resize: the input takes no images")
            return None
        made = self._made(IMAGE, () if list(axes) == sorted(axes) else tuple(axes), images=True)
        sizes: dict[int, int | None] = dict(zip(axes, own.shape, strict=True))
        ranges = dict(zip(axes, own.ranges or (None,) * len(axes), strict=True))
        height, width = self._resolution(sizes[1], sizes[2])
        channels = COLORED if made.color in TO_GRAY else sizes[3]
        dtype = self._dtype()
        nothing = made == Preprocessing(dtype, made.channel_axis)
        preprocessing = None if nothing else made
        return ImageSpec(dtype, sizes[0], height, width, channels, preprocessing, ranges[1], ranges[2])

    def _resolution(self, height: int | None, width: int | None) -> Shape:
        """The size that images are brought to."""
        wanted = self._said.resize
        if wanted is None:
            return height, width
        if height not in (None, wanted[0]) or width not in (None, wanted[1]):
            raise invalid(f"{self._key}.resize: the model takes {height} x {width}")
        return wanted

    def _dtype(self) -> DType:
        """The type that callers send."""
        said = self._said.precision
        return self._spec.dtype if said is None else DTYPES[said]

    def _made(self, letters: str, axes: tuple[int, ...], *, images: bool) -> Preprocessing:
        """What values go through that come with these axes."""
        channel_axis = letters.index("C") if "C" in letters else None
        color = self._color(images=images)
        if color is not Color.KEEP and channel_axis is None:
            raise self._no_channels("color_format")
        return Preprocessing(
            dtype=self._spec.dtype,
            channel_axis=channel_axis,
            color=color,
            mean=self._numbers("mean", channel_axis),
            scale=self._numbers("scale", channel_axis),
            axes=axes,
        )

    def _color(self, *, images: bool) -> Color:
        said = self._said.color_format
        if said is None:
            return Color.KEEP
        own, colon, sent = said.upper().partition(":")
        color = COLORS.get((own, sent if colon else "BGR"))
        if color is None:
            raise invalid(
                f"{self._key}.color_format: {said}: write RGB, BGR or GRAY, which the model takes, and "
                "behind a colon what callers send; GRAY becomes nothing else"
            )
        return color if images or colon else Color.KEEP

    def _numbers(self, name: str, channel_axis: int | None) -> tuple[float, ...]:
        said: float | list[float] | None = getattr(self._said, name)
        if said is None:
            return ()
        numbers = tuple(said) if isinstance(said, list) else (said,)
        if not self._spec.dtype.is_float:
            raise invalid(f"{self._key}.{name}: the model takes {self._spec.dtype.value}, no floats")
        if not numbers or not all(map(isfinite, numbers)) or (name == "scale" and 0 in numbers):
            raise invalid(f"{self._key}.{name}: {said} is no {name}")
        if isinstance(said, list):
            self._check_count(name, len(numbers), channel_axis)
        return numbers

    def _check_count(self, name: str, count: int, channel_axis: int | None) -> None:
        layout, shape = self._layout, self._spec.shape
        if channel_axis is None or layout is None or shape is None:
            raise self._no_channels(name)
        channels = shape[layout.own.index("C")]
        if channels not in (None, count):
            raise invalid(f"{self._key}.{name}: {count} numbers for {channels} channels")

    def _no_channels(self, name: str) -> DragomanError:
        return invalid(f"{self._key}.{name}: the layout does not say which axis is that of the channels")
