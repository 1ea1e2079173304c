"""Signatures as `model.yaml` declares them, over what the engine found in the model.

1. A declared signature calls the engine's one of the same name, else the default one, else the only one.
2. `predict` shows the tensors named in `inputs` and `outputs` under the callers' names; where a map is empty,
   all tensors of that side under their own. Every input of the model has to be named.
3. `regress` and `classify` take Examples. They show one BYTES input `inputs`, as TensorFlow Serving's
   signatures of these methods do, and float32 outputs: `outputs` for regress, `scores` and (BYTES) `classes`
   for classify. `features` says how Examples become the model's inputs; every input needs its feature.
4. What the engine found stays, except where a declared signature has the same name.
5. Inputs are declared over what they look like once they are preprocessed (`preprocessing.py`).
"""

from collections.abc import Mapping
from math import prod
from typing import Final

from msgspec.structs import replace

from dragoman.core.errors import invalid
from dragoman.core.requests import Kind
from dragoman.core.signatures import DEFAULT_SIGNATURE, FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.tensors import DType, Shape, show_shape
from dragoman.repository.preprocessing import preprocessed
from dragoman.settings.model import FeatureSettings, ModelSettings, SignatureSettings

Specs = Mapping[str, TensorSpec]

EXAMPLES_INPUT: Final = {"inputs": TensorSpec("inputs", DType.BYTES, (None,), "inputs")}
# What a method's outputs are called, and what callers see of them.
METHOD_OUTPUTS: Final[Mapping[Method, Mapping[str, tuple[DType, Shape]]]] = {
    Method.REGRESS: {"outputs": (DType.FP32, (None,))},
    Method.CLASSIFY: {"classes": (DType.BYTES, (None, None)), "scores": (DType.FP32, (None, None))},
}
DTYPE_NAMES: Final = {**{dtype.value: dtype for dtype in DType}, "string": DType.BYTES}


def merged_signatures(found: Mapping[str, Signature], settings: ModelSettings) -> Mapping[str, Signature]:
    """The engine's signatures and the declared ones.

    Errors: INVALID_ARGUMENT naming the key that does not fit the model, and what would.
    """
    found = preprocessed(found, settings.preprocessing)
    made = {name: declared_signature(name, found, settings) for name in settings.signatures}
    return {
        name: replace(
            signature,
            add_trailing_axis=settings.add_trailing_axis,
            any_number=signature.any_number or settings.any_number,
            classes=tuple(settings.classes),
        )
        for name, signature in {**found, **made}.items()
    }


def declared_signature(name: str, found: Mapping[str, Signature], settings: ModelSettings) -> Signature:
    """One declared signature."""
    declared = settings.signatures[name]
    native = native_signature(name, found)
    key = f"signatures.{name}"
    if declared.method == "predict":
        return Signature(
            name=name,
            inputs=aliased(declared.inputs, native.inputs, f"{key}.inputs", "input", complete=True),
            outputs=aliased(declared.outputs, native.outputs, f"{key}.outputs", "output"),
            source=native.name,
            classes=tuple(settings.classes),
            answers=native.answers,
            attribution=native.attribution,
        )
    method = Method(declared.method)
    return Signature(
        name=name,
        inputs=EXAMPLES_INPUT,
        outputs=method_outputs(method, declared, native, f"{key}.outputs"),
        source=native.name,
        method=method,
        accepts=frozenset({Kind.EXAMPLES}),
        features=feature_specs(declared, native, settings, f"{key}.inputs"),
        classes=tuple(settings.classes),
        answers=native.answers,
    )


def native_signature(name: str, found: Mapping[str, Signature]) -> Signature:
    """The engine's signature that a declared one calls."""
    native = found.get(name) or found.get(DEFAULT_SIGNATURE)
    if native is None and len(found) == 1:
        native = next(iter(found.values()))
    if native is None:
        raise invalid(f"signatures.{name}: the model has no such signature; it has {listed(found)}")
    return native


def aliased(names: Mapping[str, str], specs: Specs, key: str, role: str, *, complete: bool = False) -> Specs:
    """Tensors under the callers' names; `complete`: each of the model's has to be among them."""
    if not names:
        return specs
    made = {}
    for alias, own in names.items():
        made[alias] = replace(lookup(own, specs, f"{key}.{alias}", role), name=alias)
    sources = [spec.source for spec in made.values()]
    for own in specs:
        if sources.count(specs[own].source) > 1:
            raise invalid(f"{key}: two names stand for the model's {role} {own!r}")
        if complete and specs[own].source not in sources:
            raise invalid(f"{key}: the model's {role} {own!r} is left out")
    return made


def lookup(own: str, specs: Specs, key: str, role: str) -> TensorSpec:
    """The model's own tensor of that name."""
    if own not in specs:
        raise invalid(f"{key}: the model has no {role} {own!r}; its {role}s are {listed(specs)}")
    return specs[own]


def method_outputs(method: Method, declared: SignatureSettings, native: Signature, key: str) -> Specs:
    """The outputs that a regress or classify signature shows."""
    known = METHOD_OUTPUTS[method]
    names = declared.outputs
    if not names and len(known) == 1 and len(native.outputs) == 1:
        names = {next(iter(known)): next(iter(native.outputs))}
    if not names:
        raise invalid(f"{key}: name the model's outputs that give {listed(known)}")
    made = {}
    for public, own in names.items():
        if public not in known:
            raise invalid(f"{key}.{public}: a {method.value} signature gives {listed(known)}")
        dtype, shape = known[public]
        spec = lookup(own, native.outputs, f"{key}.{public}", "output")
        if (spec.dtype is DType.BYTES) != (dtype is DType.BYTES):
            raise invalid(f"{key}.{public}: {own!r} is {spec.dtype.value}, and {public} is {dtype.value}")
        made[public] = TensorSpec(public, dtype, shape, spec.source)
    return made


def feature_specs(
    declared: SignatureSettings, native: Signature, settings: ModelSettings, key: str
) -> Mapping[str, FeatureSpec]:
    """The features that feed a signature's inputs: those named in `inputs`, or all where that is empty."""
    names = declared.inputs or {name: name for name in settings.features}
    made = {}
    for feature, own in names.items():
        spec = lookup(own, native.inputs, f"{key}.{feature}", "input")
        if feature not in settings.features:
            raise invalid(f"{key}.{feature}: there is no such entry under features")
        if spec.preprocessing is not None:
            raise invalid(f"{key}.{feature}: features feed inputs as they are, and {own!r} is preprocessed")
        made[feature] = feature_spec(feature, settings.features[feature], spec)
    fed = {feature.source for feature in made.values()}
    for own, spec in native.inputs.items():
        if spec.source not in fed:
            raise invalid(f"{key}: no feature feeds the model's input {own!r}")
    return made


def feature_spec(name: str, declared: FeatureSettings, spec: TensorSpec) -> FeatureSpec:
    """One feature; its type and shape have to be those of the input it feeds."""
    dtype = DTYPE_NAMES[declared.dtype]
    if dtype is not spec.dtype:
        raise invalid(f"features.{name}.dtype: {declared.dtype} feeds an input of {spec.dtype.value}")
    if spec.shape is not None:
        row = spec.shape[1:]
        fits = len(spec.shape) == len(declared.shape) + 1 and all(
            size is None or size == given for size, given in zip(row, declared.shape, strict=True)
        )
        if not fits:
            row_shape, input_shape = show_shape(declared.shape), show_shape(spec.shape)
            raise invalid(f"features.{name}.shape: rows of {row_shape} do not fit an input of {input_shape}")
    return FeatureSpec(name, dtype, declared.shape, spec.source, feature_default(name, declared, dtype))


def feature_default(
    name: str, declared: FeatureSettings, dtype: DType
) -> tuple[bool | int | float | str, ...] | None:
    """The values that stand for a missing feature; one value is repeated."""
    if declared.default is None:
        return None
    size = prod(declared.shape)
    given = declared.default
    values = tuple(given) if isinstance(given, list) else (given,) * size
    if len(values) != size:
        raise invalid(f"features.{name}.default: {len(values)} values, and the shape takes {size}")
    text = dtype is DType.BYTES
    if any(isinstance(value, str) != text for value in values):
        raise invalid(f"features.{name}.default: the values are not {declared.dtype}")
    return values


def listed(names: Mapping[str, object]) -> str:
    """Names for a message."""
    return ", ".join(sorted(names)) or "none"
