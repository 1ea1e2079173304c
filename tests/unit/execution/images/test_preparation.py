"""What a request goes through before the model's runner sees it."""

import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.images import Preprocessing
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.images.preparation import SHORT_BYTES, Preparation
from dragoman.settings.limits import Limits
from tests.unit.execution.images.samples import bytes_array, encoded, image_spec, ramp

STEPS = Preprocessing(DType.FP32, mean=(1.0,))
SPECS = {
    "picture": TensorSpec("picture", DType.FP32, (None, 2, 2, 3), "p", image=image_spec()),
    "level": TensorSpec("level", DType.UINT8, (None, 2), "l", preprocessing=STEPS),
    "note": TensorSpec("note", DType.BYTES, (None,), "n"),
}
PREPARATION = Preparation(Signature("s", SPECS, {}), Limits())
CALL = CallContext("id")
LEVEL = Tensor(DType.UINT8, np.array([[1, 2]], np.uint8))


def request(**inputs: Tensor) -> TensorRequest:
    return TensorRequest("s", inputs, ["y"])


def test_images_and_values_are_prepared_and_the_rest_is_left_alone() -> None:
    note = Tensor(DType.BYTES, bytes_array(b"text"))
    images = Tensor(DType.BYTES, bytes_array(encoded(ramp())))
    made = PREPARATION.prepared(request(picture=images, level=LEVEL, note=note), CALL)
    assert (made.signature, made.outputs) == ("s", ["y"])
    assert made.inputs["note"] is note
    assert made.inputs["level"].array.tolist() == [[0.0, 1.0]]
    assert made.inputs["picture"].array.shape == (1, 2, 2, 3)


def test_pixels_in_numbers_are_not_prepared() -> None:
    pixels = Tensor(DType.FP32, np.zeros((1, 2, 2, 3), np.float32))
    assert PREPARATION.size(request(picture=pixels)) == 0
    assert PREPARATION.prepared(request(picture=pixels), CALL).inputs["picture"] is pixels


def test_images_are_always_long_and_values_by_their_size() -> None:
    tiny = Tensor(DType.BYTES, bytes_array(b""))
    assert PREPARATION.size(request(picture=tiny)) > SHORT_BYTES
    assert PREPARATION.size(request(note=tiny)) == 0
    assert PREPARATION.size(request(level=LEVEL)) == 2


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (Tensor(DType.INT64, np.zeros((1, 2), np.int64)), 'input "level": int64 given, uint8 expected'),
        (
            Tensor(DType.UINT8, np.zeros((1, 3), np.uint8)),
            'input "level": shape (1, 3) does not fit (?, 2)',
        ),
        (Tensor(DType.UINT8, np.zeros(2, np.uint8)), 'input "level": shape (2,) does not fit (?, 2)'),
    ],
)
def test_values_have_to_be_what_callers_were_told(tensor: Tensor, message: str) -> None:
    with pytest.raises(DragomanError) as caught:
        PREPARATION.prepared(request(level=tensor), CALL)
    assert caught.value.message == message


def test_an_input_that_the_signature_does_not_have_is_the_models_to_refuse() -> None:
    assert PREPARATION.prepared(request(other=LEVEL), CALL).inputs["other"] is LEVEL
