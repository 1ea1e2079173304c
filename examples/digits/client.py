"""Ask a running `dragoman demo` about an image file, the way Gradient's and TensorFlow Serving's users do.

    python examples/digits/client.py [IMAGE [URL]]

Needs requests, numpy and pillow: pip install 'dragoman[client]'.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import requests
from PIL import Image

IMAGES = Path(__file__).parents[2] / "src" / "dragoman" / "demo" / "images"
URL = "http://127.0.0.1:8000/v1/models/digits:predict"


def read_image(file: str | Path) -> np.ndarray[Any, Any]:
    """An image file as 8 x 8 numbers from 0 (paper) to 16 (ink), which is what the model was trained on."""
    with Image.open(file) as image:
        grey = np.asarray(image.convert("L").resize((8, 8)), dtype=np.float32)
    return np.rint(grey * (16 / 255))


def make_vector(image: np.ndarray[Any, Any]) -> list[float]:
    """The rows of the image, one after another."""
    return [pixel for row in image.tolist() for pixel in row]


def make_prediction_request(image: np.ndarray[Any, Any], prediction_url: str) -> None:
    """Send the image and print what comes back."""
    response = requests.post(prediction_url, json={"inputs": [make_vector(image)]}, timeout=10)
    print(f"HTTP Response {response.status_code}")
    print(response.text)


if __name__ == "__main__":
    file = sys.argv[1] if len(sys.argv) > 1 else IMAGES / "digit-7.png"
    make_prediction_request(read_image(file), sys.argv[2] if len(sys.argv) > 2 else URL)
