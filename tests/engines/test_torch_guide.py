"""TorchServe's page on its inference API, on models of torch behind the built-in handlers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from PIL import Image

from tests.clients.torchserve_guide import (
    DIGIT,
    LISTENERS,
    Live,
    archive,
    digit,
    lines,
    live,
    write_files,
)
from tests.engines.torch_models import DIGITS, EAGER, RESNET, write
from tests.handler_layer import in_process

# As that of TorchServe's example, whose transforms are torchvision's.
HANDLER: Final = """
import numpy as np
import torch
from ts.torch_handler.image_classifier import ImageClassifier


def image_processing(image):
    pixels = torch.from_numpy(np.array(image, np.float32))
    return ((pixels / 255 - 0.1307) / 0.3081).unsqueeze(0)


class MNISTDigitClassifier(ImageClassifier):
    image_processing = staticmethod(image_processing)

    def postprocess(self, data):
        return data.argmax(1).tolist()
"""
TABBY: Final = "tabby"


def tensor(number: int) -> torch.Tensor:
    """A digit as the model of digits takes it."""
    pixels = torch.from_numpy(np.array(digit(number), np.float32))
    return ((pixels / 255 - 0.1307) / 0.3081).view(1, 1, 28, 28)


def digits(folder: Path) -> Any:
    """The model of digits, whose score is best for the digit that a picture is nearest to."""
    model = write(folder, DIGITS)
    known = torch.cat([torch.relu(tensor(number)).flatten(1) for number in range(10)])
    kernel = torch.zeros(1, 1, 3, 3)
    kernel[0, 0, 1, 1] = 1
    scale = 0.01
    model.load_state_dict(
        {
            "conv.weight": kernel,
            "conv.bias": torch.zeros(1),
            "fc.weight": scale * known,
            "fc.bias": -scale / 2 * (known**2).sum(dim=1),
        }
    )
    torch.save(model.state_dict(), folder / "weights.pt")
    return model


class Stage:
    """The models by their names, and their archives."""

    def __init__(self, folder: Path, image: torch.Tensor) -> None:
        self.store = folder / "store"
        self.models: dict[str, Any] = {}
        for name in ("resnet-18", "squeezenet1_1", "mnist"):
            (folder / name).mkdir()
        for name in ("resnet-18", "squeezenet1_1"):
            self.models[name] = write(folder / name, RESNET, labels=10)
        self.models["mnist"] = digits(folder / "mnist")
        self.best = int(self.models["resnet-18"](image).argmax())
        for name in ("resnet-18", "squeezenet1_1"):
            labels = folder / name / "index_to_name.json"
            text = labels.read_text(encoding="utf-8")
            labels.write_text(text.replace(f"label {self.best}", TABBY), encoding="utf-8")
            self._archive(folder / name, name, "1.0", "image_classifier")
        self._archive(folder / "resnet-18", "resnet-18", "2.0", "image_classifier")
        (folder / "mnist" / "handler.py").write_text(HANDLER, encoding="utf-8")
        self._archive(folder / "mnist", "mnist", "1.0", "handler.py")

    def _archive(self, folder: Path, name: str, version: str, handler: str) -> None:
        held = {path.name: path.read_bytes() for path in folder.iterdir()}
        archive(self.store, name, held, version, handler=handler, **EAGER)

    def classes(self, name: str, image: torch.Tensor) -> Mapping[str, float]:
        """The five likeliest classes of an image by their labels."""
        with torch.inference_mode():
            likely = torch.softmax(self.models[name](image), dim=1)[0].topk(5)
        found = zip(likely.indices.tolist(), likely.values.tolist(), strict=True)
        return {TABBY if index == self.best else f"label {index}": value for index, value in found}

    def explanation(self, number: int) -> np.ndarray[Any, Any]:
        """Captum's integrated gradients of a digit, for the score of 0, in TorchServe's number of steps."""
        gradients = IntegratedGradients(self.models["mnist"])
        found = gradients.attribute(tensor(number), target=0, n_steps=15)
        return np.array(found.tolist())


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module")
def images(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, torch.Tensor]:
    """The page's pictures as models of ImageNet take them."""
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        in_process(tmp_path_factory.mktemp("layer"), monkeypatch) as layer,
    ):
        transform = layer.module("torch_handler.image_processing").imagenet()
        folder = files / "docs" / "images"
        return {path.stem: transform(Image.open(path)).unsqueeze(0) for path in folder.iterdir()}


@pytest.fixture(scope="module")
def stage(images: Mapping[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(tmp_path_factory.mktemp("models"), images["kitten_small"])


@pytest.fixture(scope="module", params=LISTENERS)
def server(request: pytest.FixtureRequest, stage: Stage, files: Path) -> Iterator[Live]:
    with live(request.param, stage.store, files, repeated_parts="all") as found:
        yield found


@pytest.mark.parametrize("index", [0, 1, 3, 4], ids=["-T", "-F", "2.0 -T", "2.0 -F"])
def test_the_picture_is_most_likely_a_tabby_cat(
    server: Live, stage: Stage, images: Mapping[str, torch.Tensor], index: int
) -> None:
    answer = server.curl(lines("Predictions API")[index])
    expected = stage.classes("resnet-18", images["kitten_small"])
    assert answer.status == 200, answer.body
    assert answer.json == pytest.approx(expected)
    assert list(answer.json) == list(expected)
    assert next(iter(answer.json)) == TABBY


def test_each_of_two_pictures_is_classified(
    server: Live, stage: Stage, images: Mapping[str, torch.Tensor]
) -> None:
    answer = server.curl(lines("Predictions API")[2])
    assert answer.status == 200, answer.body
    dogs, kitten = answer.json
    assert dogs == pytest.approx(stage.classes("squeezenet1_1", images["dogs-before"]))
    assert kitten == pytest.approx(stage.classes("squeezenet1_1", images["kitten_small"]))


def test_a_digit_is_explained_by_integrated_gradients(server: Live, stage: Stage) -> None:
    answer = server.curl(lines("Explanations API")[0])
    assert answer.status == 200, answer.body
    assert np.allclose(np.array(answer.json), stage.explanation(0)[0], atol=1e-5)
    assert np.abs(answer.json).max() > 0


def test_kserves_path_recognizes_the_digit(server: Live) -> None:
    answer = server.curl(lines("KServe Inference API")[0])
    assert (answer.status, answer.json) == (200, {"predictions": [DIGIT]})


def test_kserves_path_explains_the_digit(server: Live, stage: Stage) -> None:
    answer = server.curl(lines("KServe Explanations API")[0])
    assert answer.status == 200, answer.body
    assert np.allclose(np.array(answer.json["explanations"]), stage.explanation(DIGIT), atol=1e-5)


def test_each_digit_is_recognized_from_its_file(server: Live, tmp_path: Path) -> None:
    found = []
    for number in range(10):
        digit(number).save(tmp_path / f"{number}.png")
        line = f"curl http://localhost:8080/predictions/mnist -T {tmp_path / str(number)}.png"
        found.append(server.curl(line).json)
    assert found == list(range(10))
