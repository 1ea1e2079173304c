"""Writes a number with sample digits and asks the pipeline which it is.

python examples/pipelines/ask.py NUMBER [URL]
"""

import json
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

IMAGES = Path(__file__).parents[2] / "src" / "dragoman" / "demo" / "images"
BRIGHTEST = 16  # what the model was trained with


def written(number: str) -> np.ndarray:
    """The number as a strip of 8 lines, 8 pixels a digit; a blank is a blank."""
    squares = []
    for digit in number:
        square = np.zeros((8, 8))
        if digit != " ":
            with Image.open(IMAGES / f"digit-{digit}.png") as image:
                square = np.asarray(image.convert("L").resize((8, 8))) / 255 * BRIGHTEST
        squares.append(square)
    return np.concatenate(squares, axis=1)


def ask(number: str, url: str) -> str:
    """What the pipeline reads, or why it does not."""
    body = json.dumps({"inputs": written(number).tolist()})
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=10)) as connection:
        connection.request("POST", "/v1/models/number:predict", body)
        answer = json.load(connection.getresponse())
    return answer["outputs"][0] if "outputs" in answer else answer["error"]


if __name__ == "__main__":
    print(ask(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "http://127.0.0.1:8000"))
