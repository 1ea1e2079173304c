"""Archives of handlers that do what those of TorchServe's own examples do, without a model behind them."""

from pathlib import Path
from typing import Final

from tests.conformance.handler_archives import contents, write_archive

CLASSIFIER: Final = '''
import io

from PIL import Image


def handle(data, context):
    if data is None:
        return None
    return [[classified(image) for image in images] if len(images) > 1 else classified(images[0])
            for images in (given(row) for row in data)]


def given(row):
    """The images of one request, one or several."""
    images = row.get("data") or row.get("body")
    return images if isinstance(images, list) else [images]


def classified(image):
    red, green, blue = Image.open(io.BytesIO(image)).convert("RGB").resize((1, 1)).getpixel((0, 0))
    name = "n02123045 tabby, tabby cat" if red > blue else "n02110063 malamute"
    return {"class": name, "probability": 0.42514491081237793}
'''
STREAM: Final = """
from ts.handler_utils.utils import send_intermediate_predict_response


def handle(data, context):
    if type(data) is list:
        for i in range(3):
            send_intermediate_predict_response(
                ["hello"], context.request_ids, "Intermediate Prediction success", 200, context)
        return ["hello world "]
"""
DIGITS: Final = """
def handle(data, context):
    if data is None:
        return None
    rows = [row["data"] if isinstance(row, dict) and "data" in row else row for row in data]
    if context.get_request_header(0, "explain") == "True":
        return [[[[0.004570948731989492, 0.006216969640322402]]] for _ in rows]
    return [2 for _ in rows]
"""


def write(folder: Path) -> Path:
    """A model store of these archives."""
    for name, version, source in (
        ("resnet-18", "1.0", CLASSIFIER),
        ("resnet-18", "2.0", CLASSIFIER),
        ("squeezenet1_1", "1.0", CLASSIFIER),
        ("echo_stream", "1.0", STREAM),
        ("mnist", "1.0", DIGITS),
    ):
        held = {
            "model_name": name,
            "version": version,
            "handler_file": "handler.py",
            "handler_source": source,
        }
        write_archive(folder / f"{name}_{version}.mar", contents(held))
    return folder
