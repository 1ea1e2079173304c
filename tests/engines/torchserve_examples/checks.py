"""What the examples have to answer, on a live server."""

import base64
import io
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import requests
import torch
from PIL import Image

from tests.engines.torch_models import picture, png, prepared
from tests.engines.torchserve_examples.models import WORDS, Made, as_digit, digit

PATIENCE_S: Final = 120
PICTURES: Final = tuple(png(picture(width, 260)) for width in (300, 310, 320, 330, 340, 350, 360, 370))


class Server:
    """A live server; what it answers has to be a success."""

    def __init__(self, url: str, checkout: Path) -> None:
        self.url = url
        self.checkout = checkout

    def post(self, path: str, data: Any = None, **more: Any) -> requests.Response:
        """The answer to a POST."""
        answer = requests.post(f"{self.url}{path}", data=data, timeout=PATIENCE_S, **more)
        assert answer.ok, f"{path}: {answer.status_code} {answer.text}"
        return answer

    def predict(self, model: str, data: Any = None, **more: Any) -> Any:
        """The JSON that `/predictions` answers with."""
        return self.post(f"/predictions/{model}", data, **more).json()

    def digit(self, number: int) -> bytes:
        """A digit of the checkout."""
        return digit(self.checkout, number)


def likely(model: Any, image: bytes, *, labels: bool = True) -> Any:
    """What an image classifier is to answer: the five likeliest classes."""
    with torch.inference_mode():
        scores = model(prepared(Image.open(io.BytesIO(image))).unsqueeze(0))
    found = torch.softmax(scores, dim=1)[0].topk(min(5, scores.shape[1]))
    pairs = zip(found.indices.tolist(), found.values.tolist(), strict=True)
    return pytest.approx({f"label {index}" if labels else index: value for index, value in pairs}, rel=1e-4)


def digits(server: Server, made: Made) -> None:
    for number in range(10):
        assert server.predict("digits", server.digit(number)) == number
    data = base64.b64encode(server.digit(2)).decode()
    answer = server.post("/v1/models/digits:predict", json={"instances": [{"data": data}, {"data": data}]})
    assert answer.json() == {"predictions": [2, 2]}
    tensor = {"name": "data", "datatype": "BYTES", "shape": [1], "data": [data]}
    (output,) = server.post("/v2/models/digits/infer", json={"inputs": [tensor]}).json()["outputs"]
    assert output["data"] == [2]
    explained = server.post("/explanations/digits", server.digit(3)).json()
    assert np.array(explained).shape == (1, 28, 28)


def digits_as_numbers(server: Server, made: Made) -> None:
    image = as_digit(server.digit(7)).tolist()
    assert server.predict("digits_as_numbers", json={"image": image}) == 7


def measured_digits(server: Server, made: Made) -> None:
    assert [server.predict("measured_digits", server.digit(number)) for number in (4, 5)] == [4, 5]
    shown = requests.get(f"{server.url}/metrics", timeout=PATIENCE_S).text
    values = dict(line.rsplit(" ", 1) for line in shown.splitlines() if 'model="measured_digits"' in line)

    def value(name: str) -> float:
        (found,) = [value for key, value in values.items() if key.startswith(f"dragoman_handler_{name}{{")]
        return float(found)

    for name in ("InferenceRequestCount", "PreprocessCallCount", "PostprocessCallCount"):
        assert value(f"{name}_total") == 2
    assert value("InitializeCallCount_total") == 1
    assert value("RequestBatchSize") == 1  # which the example's file of metrics alone defines
    assert value("SizeOfImage") == pytest.approx(len(server.digit(5)) / 1024)
    assert value("ExamplePercentMetric_sum") == 100


def resnet(server: Server, made: Made) -> None:
    image = (server.checkout / "examples/image_classifier/kitten.jpg").read_bytes()
    answer = server.predict("resnet", image)
    expected = likely(made.model, image, labels=False).expected
    assert list(answer.values()) == pytest.approx(list(expected.values()), rel=1e-3)
    names = json.loads((server.checkout / "examples/image_classifier/index_to_name.json").read_text("utf-8"))
    assert list(answer) == [names[str(index)][-1] for index in expected]


def batched(server: Server, made: Made) -> None:
    with ThreadPoolExecutor(len(PICTURES)) as pool:
        answers = list(pool.map(lambda image: server.predict("batched", image), PICTURES))
    for image, answer in zip(PICTURES, answers, strict=True):
        assert answer == likely(made.model, image)


def classified(name: str) -> Any:
    """A check of a model that classifies an image as the built-in handler does."""

    def check(server: Server, made: Made) -> None:
        assert server.predict(name, PICTURES[0]) == likely(made.model, PICTURES[0])
        form = server.predict(name, files={"data": ("x.png", PICTURES[1], "image/png")})
        assert form == likely(made.model, PICTURES[1])

    return check


def frames(server: Server, made: Made) -> None:
    body = {str(index): base64.b64encode(image).decode() for index, image in enumerate(PICTURES[:3])}
    assert server.predict("frames", json=body) == [likely(made.model, image) for image in PICTURES[:3]]


def cat_or_dog(server: Server, made: Made) -> None:
    answer = server.post("/predictions/cat_or_dog", base64.b64encode(PICTURES[0])).text
    assert answer == best_of(made, PICTURES[0])


def best_of(made: Made, image: bytes) -> str:
    with torch.inference_mode():
        scores = made.model(prepared(Image.open(io.BytesIO(image))).unsqueeze(0))
    return ["cat", "dog"][int(scores.argmax())]


def breed(server: Server, made: Made) -> None:
    """Two parts of one form: what the model before it found, and the image."""
    image = base64.b64encode(PICTURES[0]).decode()
    cat = parts(cat_dog_classification="cat", pre_processing=image)
    assert server.post("/predictions/breed", files=cat).text == "It's a cat!"
    dog = parts(cat_dog_classification="dog", pre_processing=image)
    assert server.predict("breed", files=dog) == likely(made.model, PICTURES[0])


def parts(**texts: str) -> Mapping[str, Any]:
    return {name: (None, text) for name, text in texts.items()}


def workflow(server: Server, made: Made) -> None:
    assert base64.b64decode(server.post("/predictions/workflow", PICTURES[0]).content) == PICTURES[0]


def sums(server: Server, made: Made) -> None:
    def add(sequence: str, number: int) -> int:
        return int(server.predict("sums", str(number), headers={"ts_request_sequence_id": sequence}))

    assert [add("a", 1), add("b", 10), add("a", 2), add("b", 20), add("a", 3)] == [1, 10, 3, 30, 6]


def images(server: Server, made: Made) -> None:
    answer = server.post("/predictions/images", json={"number_of_images": 2, "input_gender": "Men"})
    assert Image.open(io.BytesIO(answer.content)).format == "JPEG"


def streamed(server: Server, made: Made) -> None:
    params = {"temperature": 1.0, "top_p": 1.0, "max_new_tokens": 5}
    with server.post("/predictions/streamed", json={"prompt": "a", "params": params}, stream=True) as answer:
        assert answer.headers["transfer-encoding"] == "chunked"
        assert list(answer.raw.read_chunked()) == [b"b", b"c", b"d", b"e", b"f"]


def segmented(server: Server, made: Made) -> None:
    with torch.inference_mode():
        scores = made.model(prepared(Image.open(io.BytesIO(PICTURES[0]))).unsqueeze(0))["out"]
    best = torch.softmax(scores, dim=1)[0].max(dim=0)
    answer = np.array(server.predict("segmented", PICTURES[0]))
    assert np.array_equal(answer[:, :, 0], best.indices.numpy())
    assert np.allclose(answer[:, :, 1], best.values.numpy())


def detected(server: Server, made: Made) -> None:
    assert server.predict("detected", PICTURES[0]) == [
        {"label 1": [0.0, 1.0, 2.0, 3.0], "score": pytest.approx(0.9)},
        {"label 1": [8.0, 9.0, 10.0, 11.0], "score": 0.5},
    ]


def text(server: Server, made: Made) -> None:
    answer = server.predict("text", b"<b>The</b> movie wasn't BAD.")
    places = [WORDS.index(word) for word in ("the", "movie", "was", "not", "bad")]
    pairs = [WORDS.index(word) for word in ("the movie", "movie was", "was not", "not bad")]
    with torch.inference_mode():
        scores = torch.softmax(made.model(torch.tensor([*places, *pairs]), torch.tensor([0])), dim=1)[0]
    assert answer == pytest.approx({f"label {index}": score for index, score in enumerate(scores.tolist())})


def rows(server: Server, made: Made) -> None:
    given = [[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]
    with torch.inference_mode():
        expected = made.model(torch.tensor(given)).tolist()
    (answer,) = server.post("/v1/models/rows:predict", json={"instances": given}).json().values()
    assert np.allclose(answer, expected)


def densenet(server: Server, made: Made) -> None:
    row = torch.tensor([1.0, 2.0, 3.0, 4.0])  # which the handler puts into a batch
    sent = io.BytesIO()
    torch.save(row, sent)
    answer = server.post("/predictions/densenet", sent.getvalue()).content
    with torch.inference_mode():
        assert torch.allclose(torch.load(io.BytesIO(answer), weights_only=True), made.model(row[None]))
