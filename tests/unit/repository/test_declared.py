"""Signatures that model.yaml declares."""

from collections.abc import Mapping

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import Kind
from dragoman.core.signatures import FeatureSpec, Method, Signature, TensorSpec
from dragoman.core.tensors import DType
from dragoman.repository.declared import merged_signatures
from dragoman.settings.model_document import read_model_settings


def spec(name: str, dtype: DType = DType.FP32, *shape: int | None) -> TensorSpec:
    return TensorSpec(name, dtype, shape, name)


NATIVE = Signature(
    "serving_default",
    {"age": spec("age", DType.INT64, None), "text": spec("text", DType.BYTES, None, 2)},
    {"score": spec("score", DType.FP32, None, 3), "name": spec("name", DType.BYTES, None, 3)},
)
ONE = Signature("serving_default", {"x": spec("x", DType.FP32, None)}, {"y": spec("y", DType.FP32, None)})


def merged(text: str, *native: Signature) -> Mapping[str, Signature]:
    found = {signature.name: signature for signature in native or (NATIVE,)}
    return merged_signatures(found, read_model_settings(text, "model.yaml"))


def refused(text: str, *native: Signature) -> str:
    with pytest.raises(DragomanError) as caught:
        merged(text, *native)
    assert caught.value.code is Code.INVALID_ARGUMENT
    return caught.value.message


BOTH = "{how_old: age, words: text}"
FEATURES = "features: {how_old: {dtype: int64, default: 7}, words: {dtype: string, shape: [2]}}"


# Predict


def test_without_a_declaration_the_engines_signatures_stand() -> None:
    assert merged("") == {"serving_default": NATIVE}


def test_class_labels_are_those_of_every_signature() -> None:
    made = merged("classes: [cat, dog]\nsignatures: {rate: {}}", ONE)
    assert [signature.classes for signature in made.values()] == [("cat", "dog")] * 2


def test_callers_see_aliases_and_the_engine_its_own_names() -> None:
    made = merged(f"signatures: {{rate: {{inputs: {BOTH}, outputs: {{s: score}}}}}}")
    assert made["serving_default"] == NATIVE
    rate = made["rate"]
    assert {name: (s.name, s.source, s.dtype) for name, s in rate.inputs.items()} == {
        "how_old": ("how_old", "age", DType.INT64),
        "words": ("words", "text", DType.BYTES),
    }
    assert list(rate.outputs) == ["s"]
    assert (rate.source, rate.method, rate.accepts) == (
        "serving_default",
        Method.PREDICT,
        frozenset({Kind.TENSORS}),
    )


def test_a_declared_serving_default_takes_the_engines_place() -> None:
    made = merged("signatures: {serving_default: {inputs: {a: x}}}", ONE)
    assert list(made["serving_default"].inputs) == ["a"]
    assert list(made["serving_default"].outputs) == ["y"]


def test_empty_maps_show_all_tensors_under_their_own_names() -> None:
    made = merged("signatures: {again: {}}")["again"]
    assert (made.inputs, made.outputs) == (NATIVE.inputs, NATIVE.outputs)


def test_a_declared_signature_calls_the_engines_one_of_the_same_name() -> None:
    other = Signature("other", {"q": spec("q")}, {"r": spec("r")}, source="other")
    made = merged("signatures: {other: {inputs: {a: q}}}", ONE, other)
    assert made["other"].source == "other"


def test_settings_that_hold_for_every_signature_reach_them() -> None:
    made = merged("signatures: {again: {}}\nclasses: [cat, dog]\nadd_trailing_axis: true", ONE)
    assert all(signature.add_trailing_axis for signature in made.values())
    assert made["again"].classes == ("cat", "dog")


def test_any_number_is_taken_where_the_owner_or_the_engine_says_so() -> None:
    assert not merged("signatures: {again: {}}", ONE)["again"].any_number
    assert all(made.any_number for made in merged("signatures: {again: {}}\nany_number: true", ONE).values())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "signatures: {s: {inputs: {a: nothing}}}",
            "signatures.s.inputs.a: the model has no input 'nothing'; its inputs are age, text",
        ),
        (
            f"signatures: {{s: {{inputs: {BOTH}, outputs: {{a: age}}}}}}",
            "signatures.s.outputs.a: the model has no output 'age'; its outputs are name, score",
        ),
        ("signatures: {s: {inputs: {a: age}}}", "signatures.s.inputs: the model's input 'text' is left out"),
        (
            "signatures: {s: {inputs: {a: age, b: age, t: text}}}",
            "signatures.s.inputs: two names stand for the model's input 'age'",
        ),
    ],
)
def test_names_that_do_not_fit_the_model_are_refused_with_those_that_do(text: str, message: str) -> None:
    assert refused(text) == message


def test_several_signatures_without_a_default_have_to_be_called_by_name() -> None:
    one, two = (Signature(name, {"x": spec("x")}, {"y": spec("y")}, source=name) for name in ("one", "two"))
    assert refused("signatures: {three: {}}", one, two) == (
        "signatures.three: the model has no such signature; it has one, two"
    )


# Regress and classify


def test_a_regress_signature_takes_examples_and_gives_one_float_a_row() -> None:
    text = (
        f"signatures: {{rate: {{method: regress, inputs: {BOTH}, outputs: {{outputs: score}}}}}}\n{FEATURES}"
    )
    rate = merged(text)["rate"]
    assert rate.inputs == {"inputs": TensorSpec("inputs", DType.BYTES, (None,), "inputs")}
    assert rate.outputs == {"outputs": TensorSpec("outputs", DType.FP32, (None,), "score")}
    assert (rate.method, rate.accepts, rate.source) == (
        Method.REGRESS,
        frozenset({Kind.EXAMPLES}),
        "serving_default",
    )
    assert rate.features == {
        "how_old": FeatureSpec("how_old", DType.INT64, (), "age", (7,)),
        "words": FeatureSpec("words", DType.BYTES, (2,), "text", None),
    }


def test_a_classify_signature_gives_classes_and_scores() -> None:
    text = (
        f"signatures: {{c: {{method: classify, inputs: {BOTH}, outputs: {{scores: score, classes: name}}}}}}"
        f"\n{FEATURES}\nclasses: [a, b]"
    )
    made = merged(text)["c"]
    assert made.outputs == {
        "scores": TensorSpec("scores", DType.FP32, (None, None), "score"),
        "classes": TensorSpec("classes", DType.BYTES, (None, None), "name"),
    }
    assert (made.method, made.classes) == (Method.CLASSIFY, ("a", "b"))


def test_without_names_the_features_feed_inputs_of_their_own_names_and_the_only_output_is_regressed() -> None:
    made = merged("signatures: {r: {method: regress}}\nfeatures: {x: {dtype: float32}}", ONE)["r"]
    assert made.features["x"].source == "x"
    assert made.outputs["outputs"].source == "y"


def test_one_default_stands_for_every_value_of_a_feature() -> None:
    text = "signatures: {r: {method: regress}}\nfeatures: {x: {dtype: float32, shape: [3], default: 0.5}}"
    wide = Signature("serving_default", {"x": spec("x", DType.FP32, None, 3)}, ONE.outputs)
    assert merged(text, wide)["r"].features["x"].default == (0.5, 0.5, 0.5)


REGRESS = "signatures: {r: {method: regress}}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REGRESS, "signatures.r.inputs: no feature feeds the model's input 'x'"),
        (
            "signatures: {r: {method: regress, inputs: {a: x}}}",
            "signatures.r.inputs.a: there is no such entry under features",
        ),
        (
            REGRESS + "features: {z: {dtype: float32}}",
            "signatures.r.inputs.z: the model has no input 'z'; its inputs are x",
        ),
        (REGRESS + "features: {x: {dtype: int64}}", "features.x.dtype: int64 feeds an input of float32"),
        (
            REGRESS + "features: {x: {dtype: float32, shape: [2]}}",
            "features.x.shape: rows of (2,) do not fit an input of (?,)",
        ),
        (
            REGRESS + "features: {x: {dtype: float32, default: [1, 2]}}",
            "features.x.default: 2 values, and the shape takes 1",
        ),
        (
            REGRESS + "features: {x: {dtype: float32, default: one}}",
            "features.x.default: the values are not float32",
        ),
        (
            "signatures: {r: {method: regress, outputs: {scores: y}}}\nfeatures: {x: {dtype: float32}}",
            "signatures.r.outputs.scores: a regress signature gives outputs",
        ),
        (
            "signatures: {c: {method: classify, outputs: {classes: y}}}\nfeatures: {x: {dtype: float32}}",
            "signatures.c.outputs.classes: 'y' is float32, and classes is bytes",
        ),
        (
            "signatures: {c: {method: classify}}\nfeatures: {x: {dtype: float32}}",
            "signatures.c.outputs: name the model's outputs that give classes, scores",
        ),
    ],
)
def test_a_declaration_that_cannot_work_is_refused(text: str, message: str) -> None:
    assert refused(text, ONE) == message
