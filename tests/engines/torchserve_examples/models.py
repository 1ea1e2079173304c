"""Small models for TorchServe's examples, and the flags of `dragoman archive` that bring their files."""

import importlib.util
import io
import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch
from PIL import Image

from tests.engines.torch_models import CLASSIFIER, DETECTOR, SEGMENTER, TEXTS, write

DIGITS: Final = "examples/image_classifier/mnist"
STEPS: Final = 40  # after which the model knows the ten digits that come with the example
WORDS: Final = ("the", "movie", "was", "not", "bad", "the movie", "movie was", "was not", "not bad")

# In the place of llama.cpp's binding, with what the handler calls of it: a "model" that counts on.
LLAMA: Final = """
class Llama:
    def __init__(self, model_path):
        self.model_path = model_path

    def tokenize(self, text):
        return list(text)

    def generate(self, tokens, temp, top_p):
        while True:
            tokens = [*tokens, (tokens[-1] + 1) % 128]
            yield tokens[-1]

    def detokenize(self, tokens):
        return bytes(tokens)
"""

# As the class of the example's archive `models.zip`: an image for each row of noise.
DCGAN: Final = """
import torch


class DCGAN:
    def __init__(self, useGPU, storeAVG):
        self.network = torch.nn.ConvTranspose2d(4, 3, 8)

    def load_state_dict(self, state):
        self.network.load_state_dict(state)

    def buildNoiseDataWithConstraints(self, number, labels):
        torch.manual_seed(len(labels))
        return torch.randn(number, 4, 1, 1)

    def test(self, noise, getAvG, toCPU):
        return torch.sigmoid(self.network(noise))
"""


class Made(NamedTuple):
    """The flags of `dragoman archive` that bring the model's files, and the model."""

    flags: Mapping[str, str]
    model: Any = None


def model_class(path: Path) -> Any:
    """The class that a model's file defines."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = [one for one in vars(module).values() if getattr(one, "__module__", "") == module.__name__]
    return found[0]


def eager(source: Path, model: Any, folder: Path, *extra: Path) -> Made:
    """A model with its class in a file, and its weights."""
    weights = folder / "weights.pt"
    torch.save(model.state_dict(), weights)
    flags = {"model-file": str(source), "serialized-file": str(weights)}
    if extra:
        flags["extra-files"] = ",".join(map(str, extra))
    return Made(flags, model)


def classifier(checkout: Path, folder: Path, classes: int = 10) -> Made:
    """A small classifier of images with labels."""
    model = write(folder, CLASSIFIER.format(classes=classes), labels=classes)
    return eager(folder / "net.py", model, folder, folder / "index_to_name.json")


def two_classes(checkout: Path, folder: Path) -> Made:
    """A small classifier of two classes."""
    return classifier(checkout, folder, 2)


def resnet(checkout: Path, folder: Path) -> Made:
    """The example's ResNet-18 with weights of no training, and the labels of ImageNet."""
    source = checkout / "examples/image_classifier/resnet_18/model.py"
    torch.manual_seed(0)
    model = model_class(source)().eval()
    return eager(source, model, folder, checkout / "examples/image_classifier/index_to_name.json")


def digits(checkout: Path, folder: Path) -> Made:
    """The example's model of digits, which has learned those that come with it."""
    source = checkout / DIGITS / "mnist.py"
    torch.manual_seed(0)
    model = model_class(source)().eval()
    images = torch.cat([as_digit(digit(checkout, number)) for number in range(10)])
    optimizer = torch.optim.Adam(model.parameters())
    for _ in range(STEPS):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(model(images), torch.arange(10)).backward()
        optimizer.step()
    return eager(source, model, folder)


def digit(checkout: Path, number: int) -> bytes:
    """The picture of a digit that comes with the example."""
    return (checkout / DIGITS / f"test_data/{number}.png").read_bytes()


def as_digit(picture: bytes) -> torch.Tensor:
    """The picture as the example's model takes it: one channel, mean and deviation of MNIST."""
    pixels = torch.frombuffer(bytearray(Image.open(io.BytesIO(picture)).tobytes()), dtype=torch.uint8)
    return ((pixels / 255 - 0.1307) / 0.3081).view(1, 1, 28, 28)


def measured_digits(checkout: Path, folder: Path) -> Made:
    """The same with the example's file of metrics."""
    made = digits(checkout, folder)
    return made._replace(
        flags={**made.flags, "extra-files": str(checkout / "examples/custom_metrics/metrics.yaml")}
    )


def batches(checkout: Path, folder: Path) -> Made:
    """The small classifier with the example's configuration of batches."""
    made = classifier(checkout, folder)
    return made._replace(
        flags={**made.flags, "config-file": str(checkout / "examples/micro_batching/config.yaml")}
    )


def compiled(checkout: Path, folder: Path) -> Made:
    """The small classifier with a configuration like the example's, for one worker."""
    config = folder / "model-config.yaml"
    cached = {"torch_inductor_caching": {"torch_inductor_fx_graph_cache": True}}
    tree = {"pt2": {"compile": {"enable": True, "backend": "inductor"}}, "handler": cached}
    config.write_text(json.dumps({"minWorkers": 1, "maxWorkers": 1, **tree}), encoding="utf-8")
    made = classifier(checkout, folder)
    return made._replace(flags={**made.flags, "config-file": str(config)})


def sequences(checkout: Path, folder: Path) -> Made:
    """No model, in TorchScript; the example's configuration."""
    script = folder / "model.pt"
    torch.jit.script(torch.nn.Identity()).save(script)
    config = checkout / "examples/stateful/sequence_batching/model-config.yaml"
    return Made({"serialized-file": str(script), "config-file": str(config)})


def llama(checkout: Path, folder: Path) -> Made:
    """A stand-in for the library that the handler streams from."""
    (folder / "llama_cpp.py").write_text(LLAMA, encoding="utf-8")
    config = folder / "model-config.yaml"
    config.write_text("handler: {model_name: counter, manual_seed: 40}", encoding="utf-8")
    return Made({"extra-files": str(folder / "llama_cpp.py"), "config-file": str(config)})


def dcgan(checkout: Path, folder: Path) -> Made:
    """The zip with the model's code, and its weights, that the handler looks for."""
    with zipfile.ZipFile(folder / "models.zip", "w") as written:
        written.writestr("models/DCGAN.py", DCGAN)
    torch.manual_seed(0)
    torch.save(torch.nn.ConvTranspose2d(4, 3, 8).state_dict(), folder / "DCGAN_fashionGen.pth")
    weights = str(folder / "DCGAN_fashionGen.pth")
    return Made({"serialized-file": weights, "extra-files": str(folder / "models.zip")})


def nothing(checkout: Path, folder: Path) -> Made:
    """The handler alone."""
    return Made({})


def segmenter(checkout: Path, folder: Path) -> Made:
    """A small segmenter."""
    return eager(folder / "net.py", write(folder, SEGMENTER), folder)


def detector(checkout: Path, folder: Path) -> Made:
    """What finds the same boxes in every image."""
    model = write(folder, DETECTOR, labels=2)
    return eager(folder / "net.py", model, folder, folder / "index_to_name.json")


def texts(checkout: Path, folder: Path) -> Made:
    """A small classifier of texts with a vocabulary."""
    model = write(folder, TEXTS, labels=3)
    torch.save({word: index for index, word in enumerate(WORDS)}, folder / "source_vocab.pt")
    extra = (folder / "index_to_name.json", folder / "source_vocab.pt")
    return eager(folder / "net.py", model, folder, *extra)


def script(checkout: Path, folder: Path) -> Made:
    """A linear model of TorchScript."""
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 2).eval()
    torch.jit.script(model).save(folder / "model.pt")
    return Made({"serialized-file": str(folder / "model.pt")}, model)
