"""The built-in handlers on small models, and what they make of images, text and tensors."""

import base64
import io
import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from PIL import Image

from tests.engines.torch_models import (
    CLASSIFIER,
    DETECTOR,
    EAGER,
    SEGMENTER,
    TEXTS,
    picture,
    png,
    prepared,
    write,
)
from tests.handler_layer import Layer, in_process

TEN = CLASSIFIER.format(classes=10)
SENTENCE = "<b>The</b> movie wasn't BAD."


@pytest.fixture
def layer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layer]:
    with in_process(tmp_path, monkeypatch) as made:
        yield made


def served(layer: Layer, handler: str, source: str = "", **options: Any) -> Any:
    """A loaded service of a handler, on the model of the folder unless another is named."""
    return layer.loaded(source, handler, **{"model": EAGER, **options})


def answered(service: Any, layer: Layer, *bodies: bytes, **headers: str) -> list[Any]:
    """The bodies of the answers as JSON."""
    requests = [layer.request(body, number=index, **headers) for index, body in enumerate(bodies)]
    return [json.loads(answer.body) for answer in service.predict(requests)]


def refused(service: Any, layer: Layer, *parts: Any) -> tuple[int, str]:
    """Status and message of the failure of a request with these parts."""
    module = layer.module("service")
    with pytest.raises(module.BatchFailureError) as caught:
        service.predict([module.Request("id", {}, list(parts))])
    return caught.value.status, caught.value.message


def test_an_image_becomes_the_tensor_that_models_of_imagenet_take(layer: Layer) -> None:
    transform = layer.module("torch_handler.image_processing").imagenet()
    assert torch.equal(transform(picture()), prepared(picture()))


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_an_image_of_other_colours_is_made_rgb(layer: Layer, mode: str) -> None:
    transform = layer.module("torch_handler.image_processing").imagenet()
    image = picture(mode=mode)
    assert torch.equal(transform(image), prepared(image.convert("RGB")))


@pytest.mark.parametrize(
    ("mode", "dtype", "scale"), [("L", torch.float32, 255), ("I", torch.int32, 1), ("F", torch.float32, 1)]
)
def test_an_image_that_is_not_normalized_keeps_its_channels(
    layer: Layer, mode: str, dtype: torch.dtype, scale: int
) -> None:
    tensor = layer.module("torch_handler.image_processing").ImageTransform()(picture(5, 4, mode))
    expected = np.asarray(picture(5, 4, mode))
    assert (tuple(tensor.shape), tensor.dtype) == ((1, 4, 5), dtype)
    assert np.allclose(tensor[0].numpy() * scale, expected)


def test_an_image_smaller_than_the_centre_is_set_in_black(layer: Layer) -> None:
    tensor = layer.module("torch_handler.image_processing").ImageTransform(crop=6)(picture(2, 4))
    assert tuple(tensor.shape) == (3, 6, 6)
    assert torch.count_nonzero(tensor[:, :, :2]) == 0
    assert torch.count_nonzero(tensor[:, 1:5, 2:4]) > 0


def test_the_classifier_answers_with_the_labels_of_the_likeliest_classes(layer: Layer) -> None:
    model = write(layer.folder, TEN, labels=10)
    (answer,) = answered(served(layer, "image_classifier"), layer, png(picture()))
    with torch.inference_mode():
        expected = torch.softmax(model(prepared(picture()).unsqueeze(0)), dim=1)[0].tolist()
    best = sorted(range(10), key=lambda index: -expected[index])[:5]
    assert answer == pytest.approx({f"label {index}": expected[index] for index in best})
    assert list(answer) == [f"label {index}" for index in best]


@pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")
def test_a_model_of_torchscript_answers_the_same(layer: Layer) -> None:
    model = write(layer.folder, TEN)
    torch.jit.trace(model, torch.zeros(1, 3, 224, 224)).save(layer.folder / "script.pt")
    eager = answered(served(layer, "image_classifier"), layer, png(picture()))
    script = answered(
        served(layer, "image_classifier", model={"serializedFile": "script.pt"}), layer, png(picture())
    )
    assert script[0] == pytest.approx(eager[0])


def test_an_image_may_be_base64_or_nested_lists(layer: Layer) -> None:
    write(layer.folder, TEN)
    service = served(layer, "image_classifier")
    part = layer.module("service").Part
    forms = [
        part("data", None, png(picture())),
        part("body", "text/plain", base64.b64encode(png(picture()))),
        part("body", "application/json", json.dumps(prepared(picture()).tolist()).encode()),
    ]
    requests = [layer.module("service").Request(str(index), {}, [form]) for index, form in enumerate(forms)]
    first, second, third = (json.loads(answer.body) for answer in service.predict(requests))
    assert first == pytest.approx(second)
    assert first == pytest.approx(third)


def test_each_of_several_images_of_one_name_is_classified_in_its_request(layer: Layer) -> None:
    write(layer.folder, TEN)
    service, module = served(layer, "image_classifier"), layer.module("service")
    first, second = png(picture()), png(picture(260, 300))
    (one,), (other,) = answered(service, layer, first), answered(service, layer, second)
    several = [module.Part("data", None, image) for image in (first, second)]
    requests = [
        module.Request("a", {}, several),
        module.Request("b", {}, several[1:]),
    ]
    pair, single = (json.loads(answer.body) for answer in service.predict(requests))
    assert [list(each) for each in pair] == [list(one), list(other)]
    assert pair[0] == pytest.approx(one)
    assert single == pytest.approx(other)


def test_a_handler_that_miscounts_several_images_is_told_so(layer: Layer) -> None:
    write(layer.folder, TEN)
    source = (
        "from ts.torch_handler.image_classifier import ImageClassifier\n"
        "class Mine(ImageClassifier):\n    def postprocess(self, data):\n        return [1, 2, 3]\n"
    )
    parts = [layer.module("service").Part("data", None, png(picture()))] * 2
    assert refused(served(layer, "handler.py", source), layer, *parts) == (
        503,
        "number of batch response mismatched",
    )


def test_a_model_with_few_classes_answers_with_all_of_them(layer: Layer) -> None:
    write(layer.folder, CLASSIFIER.format(classes=2))
    (answer,) = answered(served(layer, "image_classifier"), layer, png(picture()))
    assert sorted(answer) == ["0", "1"]


def test_an_image_that_cannot_be_read_is_the_callers_fault(layer: Layer) -> None:
    write(layer.folder, TEN)
    service, part = served(layer, "image_classifier"), layer.module("service").Part
    assert refused(service, layer, part("body", None, b"no image")) == (
        400,
        "the image cannot be read: UnidentifiedImageError",
    )
    assert refused(service, layer, part("body", None, png(picture())[:200]))[0] == 400
    assert refused(service, layer, part("body", "text/plain", b"odd")) == (
        400,
        "the image is text, but not base64",
    )
    assert refused(service, layer, part("other", None, b"x"))[0] == 400


@pytest.mark.parametrize("limited", [True, False])
def test_the_limit_on_pixels_is_the_servers(
    layer: Layer, monkeypatch: pytest.MonkeyPatch, limited: bool
) -> None:
    write(layer.folder, TEN)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    service = served(layer, "image_classifier", limit_max_image_pixels=limited)
    if limited:
        part = layer.module("service").Part("body", None, png(picture()))
        assert refused(service, layer, part) == (400, "the image cannot be read: DecompressionBombError")
    else:
        assert len(answered(service, layer, png(picture()))) == 1


def test_the_segmenter_answers_with_class_and_probability_of_each_pixel(layer: Layer) -> None:
    model = write(layer.folder, SEGMENTER)
    (answer,) = answered(served(layer, "image_segmenter"), layer, png(picture()))
    with torch.inference_mode():
        best = torch.softmax(model(prepared(picture()).unsqueeze(0))["out"], dim=1)[0].max(dim=0)
    pixels = np.array(answer)
    assert pixels.shape == (224, 224, 2)
    assert np.array_equal(pixels[:, :, 0], best.indices.numpy())
    assert np.allclose(pixels[:, :, 1], best.values.numpy())


def test_the_detector_answers_with_what_reaches_the_threshold(layer: Layer) -> None:
    write(layer.folder, DETECTOR, labels=2)
    (answer,) = answered(served(layer, "object_detector"), layer, png(picture(40, 30)))
    assert answer == [
        {"label 1": [0.0, 1.0, 2.0, 3.0], "score": pytest.approx(0.9)},
        {"label 1": [8.0, 9.0, 10.0, 11.0], "score": 0.5},
    ]


@pytest.fixture
def texts(layer: Layer) -> Any:
    """The classifier of texts, on a vocabulary of a sentence."""
    model = write(layer.folder, TEXTS, labels=3)
    words = ["the", "movie", "was", "not", "bad", "the movie", "movie was", "was not", "not bad"]
    torch.save({word: index for index, word in enumerate(words)}, layer.folder / "source_vocab.pt")
    return served(layer, "text_classifier"), model


def test_the_classifier_of_texts_answers_with_every_class(layer: Layer, texts: Any) -> None:
    service, model = texts
    (answer,) = answered(service, layer, SENTENCE.encode())
    with torch.inference_mode():
        expected = torch.softmax(model(torch.arange(9), torch.tensor([0])), dim=1)[0].tolist()
    assert answer == pytest.approx({f"label {index}": value for index, value in enumerate(expected)})


def test_text_that_cannot_be_read_is_the_callers_fault(layer: Layer, texts: Any) -> None:
    part = layer.module("service").Part
    assert refused(texts[0], layer, part("body", None, b"\xff\xfe")) == (400, "the text is no UTF-8")
    assert refused(texts[0], layer, part("body", "application/json", b"[1]"))[0] == 400


def test_a_classifier_of_texts_without_a_vocabulary_does_not_load(layer: Layer) -> None:
    write(layer.folder, TEXTS)
    with pytest.raises(layer.module("service").LoadFailureError, match="RuntimeError"):
        served(layer, "text_classifier")


def test_the_base_handler_takes_instances_behind_an_envelope(layer: Layer) -> None:
    write(
        layer.folder,
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x * 2\n",
    )
    service = served(layer, "base_handler", envelope="kserve")
    assert answered(service, layer, b'{"instances": [[1.0, 2.0]]}') == [{"predictions": [[2.0, 4.0]]}]


def test_a_handler_that_derives_from_the_base_is_timed(layer: Layer) -> None:
    write(layer.folder, TEN)
    taken: list[Any] = []
    service = served(layer, "image_classifier", take_metrics=taken.extend)
    answered(service, layer, png(picture()))
    assert [record.name for record in taken] == ["HandlerTime", "PredictionTime"]


def test_a_handler_may_describe_itself(layer: Layer) -> None:
    write(layer.folder, TEN)
    source = (
        "from ts.torch_handler.image_classifier import ImageClassifier\n"
        "class Mine(ImageClassifier):\n    def describe_handle(self):\n        return {'kind': 'mine'}\n"
    )
    service = served(layer, "handler.py", source)
    assert answered(service, layer, b"", describe="True") == [{"kind": "mine"}]


def test_an_onnx_model_is_a_session(layer: Layer) -> None:
    graph = onnx.parser.parse_graph("net (float[N] x) => (float[N] y) { y = Add(x, x) }")
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, layer.folder / "net.onnx")
    source = (
        "import numpy as np\n"
        "from ts.torch_handler.base_handler import BaseHandler\n"
        "class Mine(BaseHandler):\n"
        "    def preprocess(self, data):\n"
        "        return np.array([row['body'] for row in data], np.float32)\n"
        "    def inference(self, data):\n        return self.model.run(None, {'x': data})[0]\n"
    )
    service = served(layer, "handler.py", source, model={"serializedFile": "net.onnx"})
    (answer,) = service.predict([layer.request(b"1.5", "application/json")])
    assert answer.body == b"3.0"


@pytest.mark.parametrize("model", [{}, {"serializedFile": "weights.bin"}, {"modelFile": "missing.py"}])
def test_a_manifest_without_a_model_that_can_be_loaded_does_not_load(
    layer: Layer, model: dict[str, str]
) -> None:
    with pytest.raises(layer.module("service").LoadFailureError, match="RuntimeError"):
        served(layer, "base_handler", model=model)


def test_a_file_with_two_classes_is_no_model(layer: Layer) -> None:
    write(layer.folder, TEN)
    (layer.folder / "net.py").write_text("class A:\n    pass\n\n\nclass B:\n    pass\n", encoding="utf-8")
    with pytest.raises(layer.module("service").LoadFailureError, match="ValueError"):
        served(layer, "image_classifier")


def test_a_model_is_compiled_where_its_config_says_so(layer: Layer) -> None:
    write(layer.folder, TEN)
    plain = answered(served(layer, "image_classifier"), layer, png(picture()))
    config = {"pt2": {"compile": {"enable": True, "backend": "eager"}}}
    service = served(layer, "image_classifier", model_yaml_config=config)
    assert answered(service, layer, png(picture()))[0] == pytest.approx(plain[0])
    assert config == {"pt2": {"compile": {"enable": True, "backend": "eager"}}}


def test_a_handler_in_micro_batches_answers_as_it_does_without(layer: Layer) -> None:
    write(layer.folder, TEN)
    source = """
from ts.handler_utils.micro_batching import MicroBatching
from ts.torch_handler.image_classifier import ImageClassifier

class Mine(ImageClassifier):
    def __init__(self):
        self.handle = MicroBatching(self, micro_batch_size=2, parallelism={"inference": 2})
"""
    images = [png(picture(width)) for width in (300, 320, 340, 360, 380)]
    plain = answered(served(layer, "image_classifier"), layer, *images)
    pieces = answered(served(layer, "handler.py", source), layer, *images)
    assert [list(answer) for answer in pieces] == [list(answer) for answer in plain]


def test_the_profiler_writes_what_the_steps_took(
    layer: Layer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    write(layer.folder, TEN)
    monkeypatch.setenv("ENABLE_TORCH_PROFILER", "1")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "profiles"))
    service = served(layer, "image_classifier")
    assert len(answered(service, layer, png(picture()))) == 1
    assert len(list((tmp_path / "profiles" / "pytorch_profiler" / "m").glob("*.json"))) == 1


def test_a_tensor_is_sent_as_torch_saves_it(layer: Layer) -> None:
    source = "import torch\ndef handle(data, context):\n    return data and [torch.arange(3)]\n"
    (answer,) = layer.loaded(source).predict([layer.request()])
    assert torch.equal(torch.load(io.BytesIO(answer.body), weights_only=True), torch.arange(3))


def test_tensors_come_and_go_as_torch_saves_them(layer: Layer) -> None:
    write(
        layer.folder,
        "import torch\n\n\nclass Net(torch.nn.Module):\n    def forward(self, x):\n        return x + 1\n",
    )
    buffer = io.BytesIO()
    torch.save(torch.tensor([1.0, 2.0]), buffer)
    (answer,) = served(layer, "densenet_handler").predict([layer.request(buffer.getvalue())])
    assert torch.load(io.BytesIO(answer.body), weights_only=True).tolist() == [[2.0, 3.0]]


class Trap:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (open, ("sprung.txt", "w"))


def test_a_clients_pickle_is_not_opened(layer: Layer) -> None:
    write(layer.folder, TEN)
    part = layer.module("service").Part("body", None, pickle.dumps(Trap()))
    service = served(layer, "densenet_handler")
    assert refused(service, layer, part) == (400, "the body is no tensor as torch.save writes them")
    assert not (layer.folder / "sprung.txt").exists()


def test_a_model_runs_on_the_processor_where_there_is_no_gpu(
    layer: Layer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    choose = layer.module("torch_handler.loading").choose_device
    assert choose(0) == ("cpu", torch.device("cpu"))


def test_a_model_runs_on_the_gpu_of_its_number(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    choose = layer.module("torch_handler.loading").choose_device
    assert choose(1) == ("cuda", torch.device("cuda:1"))
    assert choose(None) == ("cpu", torch.device("cpu"))
