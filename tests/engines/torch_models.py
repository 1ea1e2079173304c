"""Small models of torch as TorchServe's archives hold them: a file with a class, and its weights."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

CLASSIFIER = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 7, stride=8)
        self.fc = torch.nn.Linear(4, {classes})

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).mean((2, 3)))
"""

# As ResNet is built, of one block; a model's file has one class.
RESNET = """
import torch


class Net(torch.nn.Module):
    def __init__(self, width=4, classes=10):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, width, 7, stride=8)
        self.conv1 = torch.nn.Conv2d(width, width, 3, padding=1)
        self.bn1 = torch.nn.BatchNorm2d(width)
        self.conv2 = torch.nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = torch.nn.BatchNorm2d(width)
        self.fc = torch.nn.Linear(width, classes)

    def forward(self, x):
        x = self.stem(x)
        inner = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(x + self.bn2(self.conv2(inner)))
        return self.fc(x.mean((2, 3)))
"""

# Takes digits as MNIST has them.
DIGITS = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(1, 1, 3, padding=1)
        self.fc = torch.nn.Linear(784, 10)

    def forward(self, x):
        return torch.log_softmax(self.fc(torch.flatten(torch.relu(self.conv(x)), 1)), dim=1)
"""

SEGMENTER = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 1)

    def forward(self, x):
        return {"out": self.conv(x)}
"""

DETECTOR = """
import torch


class Net(torch.nn.Module):
    def forward(self, images):
        boxes = torch.tensor([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0], [8.0, 9.0, 10.0, 11.0]])
        found = {"boxes": boxes, "labels": torch.tensor([1, 2, 1]), "scores": torch.tensor([0.9, 0.2, 0.5])}
        return [found for _ in images]
"""

TEXTS = """
import torch


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding = torch.nn.EmbeddingBag(100, 8)
        self.fc = torch.nn.Linear(8, 3)

    def forward(self, text, offsets):
        return self.fc(self.embedding(text, offsets))
"""

# What the manifest says of a model with its class in net.py, and of one in TorchScript.
EAGER = {"modelFile": "net.py", "serializedFile": "weights.pt"}
SCRIPT = {"serializedFile": "script.pt"}


def write(folder: Path, source: str, labels: int = 0) -> Any:
    """Write the files of a model with this source; the model."""
    (folder / "net.py").write_text(source, encoding="utf-8")
    namespace: dict[str, Any] = {}
    exec(compile(source, "net.py", "exec"), namespace)
    torch.manual_seed(0)
    model = namespace["Net"]().eval()
    torch.save(model.state_dict(), folder / "weights.pt")
    if labels:
        mapping = {str(index): [f"n{index:03}", f"label {index}"] for index in range(labels)}
        (folder / "index_to_name.json").write_text(json.dumps(mapping), encoding="utf-8")
    return model


def picture(width: int = 300, height: int = 260, mode: str = "RGB") -> Image.Image:
    """A picture that is the same each time."""
    y, x = np.mgrid[:height, :width]
    channels = np.stack([x * 7 + y, x * y, x * 3 + y * 5], axis=2) % 256
    return Image.fromarray(channels.astype(np.uint8)).convert(mode)


def png(image: Image.Image) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def prepared(image: Image.Image) -> torch.Tensor:
    """What models of ImageNet take, by its definition, of an image whose shorter side is 260 high."""
    width, height = image.size
    small = image.resize((int(256 * width / height), 256), Image.Resampling.BILINEAR)
    left = round((small.width - 224) / 2)
    cut = np.asarray(small.crop((left, 16, left + 224, 240)), np.float32) / np.float32(255)
    mean, std = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
    return torch.from_numpy(((cut - mean) / std).transpose(2, 0, 1).copy())
