"""Explanations by Captum."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engines.torch_models import CLASSIFIER, EAGER, TEXTS, picture, png, write
from tests.handler_layer import Layer, in_process

METHODS = ["integrated_gradients", "saliency", "occlusion", "feature_ablation", "layer_gradcam"]


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layer]:
    with in_process(tmp_path, monkeypatch) as made:
        write(tmp_path, CLASSIFIER.format(classes=10))
        yield made


def explained(the: Layer, target: bytes = b"3", **explanation: Any) -> np.ndarray[Any, Any]:
    """The explanation of a picture."""
    config = {"explanation": explanation} if explanation else {}
    service = the.loaded("", "image_classifier", model=EAGER, model_yaml_config=config)
    module = the.module("service")
    parts = [module.Part("data", None, png(picture())), module.Part("target", None, target)]
    (answer,) = service.predict([module.Request("id", {"explain": "True"}, parts)])
    return np.array(json.loads(answer.body))


def refused(the: Layer, target: bytes = b"3", **explanation: Any) -> tuple[int, str]:
    with pytest.raises(the.module("service").BatchFailureError) as caught:
        explained(the, target, **explanation)
    return caught.value.status, caught.value.message


def test_integrated_gradients_add_up_to_the_score_less_that_of_a_black_image(layer: Layer) -> None:
    model = write(layer.folder, CLASSIFIER.format(classes=10))
    image = layer.module("torch_handler.image_processing").imagenet()(picture()).unsqueeze(0)
    with torch.inference_mode():
        difference = (model(image) - model(torch.zeros_like(image)))[0, 3].item()
    found = explained(layer, steps=200)
    assert found.shape == (3, 224, 224)
    assert found.sum() == pytest.approx(difference, abs=0.02 * abs(difference) + 1e-4)


def test_fifteen_steps_of_integrated_gradients_are_the_default(layer: Layer) -> None:
    assert np.array_equal(explained(layer), explained(layer, method="integrated_gradients", steps=15))


@pytest.mark.parametrize(("method", "channels"), list(zip(METHODS, [3, 3, 3, 3, 1], strict=True)))
def test_each_method_speaks_of_every_place_of_the_image(layer: Layer, method: str, channels: int) -> None:
    options = {"patch": 64} if method in {"occlusion", "feature_ablation"} else {}
    found = explained(layer, method=method, **options)
    assert found.shape == (channels, 224, 224)
    assert np.isfinite(found).all()
    assert np.abs(found).max() > 0


@pytest.mark.parametrize("method", ["occlusion", "feature_ablation"])
def test_a_square_of_an_image_is_changed_at_once(layer: Layer, method: str) -> None:
    found = explained(layer, method=method, patch=112)
    corners = found.reshape(3, 2, 112, 2, 112)
    assert np.allclose(corners, corners[:1, :, :1, :, :1])
    assert len(np.unique(corners[0, :, 0, :, 0].round(9))) == 4


def test_occlusion_and_ablation_of_the_same_squares_agree(layer: Layer) -> None:
    occluded = explained(layer, method="occlusion", patch=112)
    assert np.allclose(occluded, explained(layer, method="feature_ablation", patch=112), atol=1e-6)


def test_a_layer_can_be_named(layer: Layer) -> None:
    assert np.array_equal(
        explained(layer, method="layer_gradcam", layer="conv"), explained(layer, method="layer_gradcam")
    )
    assert refused(layer, method="layer_gradcam", layer="head") == (
        501,
        "explanation.layer head is no layer of this model",
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_target_that_is_no_class_is_the_callers_fault(layer: Layer, method: str) -> None:
    assert refused(layer, b"99", method=method, patch=112) == (400, "target 99 is no class of this model")


def test_a_target_that_is_no_number_is_the_callers_fault(layer: Layer) -> None:
    assert refused(layer, b"cat") == (400, "target has to be the number of a class")


def test_an_unknown_method_stops_the_load(layer: Layer) -> None:
    with pytest.raises(layer.module("service").LoadFailureError, match="ValueError"):
        explained(layer, method="guessing")


def test_without_captum_the_answer_says_what_to_install(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    assert refused(layer) == (501, "explanations need captum, which is not installed: pip install captum")


def test_a_handler_without_explanations_says_so(layer: Layer) -> None:
    service = layer.loaded("", "base_handler", model=EAGER, envelope="kserve")
    with pytest.raises(layer.module("service").BatchFailureError) as caught:
        service.predict([layer.request(b'{"instances": [1]}', explain="True")])
    assert (caught.value.status, caught.value.message) == (501, "this model's handler gives no explanations")


def test_each_word_of_a_text_has_its_share(layer: Layer) -> None:
    write(layer.folder, TEXTS)
    words = ["a", "good", "movie"]
    vocabulary = {word: index for index, word in enumerate([*words, "a good", "good movie"])}
    torch.save(vocabulary, layer.folder / "source_vocab.pt")
    service = layer.loaded("", "text_classifier", model=EAGER)
    (answer,) = service.predict([layer.request(b"A good movie.", "text/plain", explain="True")])
    found = json.loads(answer.body)
    assert found["words"] == words
    assert np.array(found["importances"]).shape == (1, 8)
