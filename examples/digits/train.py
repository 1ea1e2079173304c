"""Train the digits classifier that `dragoman demo` serves, on scikit-learn's real handwritten digits.

    python examples/digits/train.py [DIRECTORY]

The data comes with scikit-learn (1,797 scanned digits of 8 x 8 pixels, UCI "Optical Recognition of
Handwritten Digits"), so nothing is downloaded. DIRECTORY (default: the package's own demo folder) gets

    digits/1/model.onnx    image float32 [N, 64], pixels 0 to 16
                           -> probabilities float32 [N, 10], label int64 [N]
    digits/model.yaml      the signatures: predict and classify
    images/digit-<d>.png   ten of the held-out images, the most typical one of each digit

Needs scikit-learn, onnx and pillow. Everything random is seeded.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

DEMO = Path(__file__).parents[2] / "src" / "dragoman" / "demo"
SEED = 7
DARKEST = 16.0  # the largest value a pixel of this data set has
OPSET, IR_VERSION = 17, 8  # the lowest that have all we need, so that older runtimes read the file too

MODEL_YAML = """\
# What the graph alone cannot say: how callers name things, and that this model classifies.
signatures:
  serving_default:
    method: predict
    inputs: {image: image}
    outputs: {probabilities: probabilities, label: label}
  classify_digit:
    method: classify
    inputs: {image: image}
    outputs: {scores: probabilities}
features:
  image: {dtype: float32, shape: [64]}
classes: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
"""


def train(pixels: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> MLPClassifier:
    """A network with one hidden layer, fitted to pixels scaled to 0..1."""
    network = MLPClassifier(hidden_layer_sizes=(96,), alpha=0.01, max_iter=400, random_state=SEED)
    return network.fit(pixels / DARKEST, digits)


def export(network: MLPClassifier) -> onnx.ModelProto:
    """The network as a graph that scales the pixels itself and gives probabilities and label."""
    (hidden, out), (hidden_bias, out_bias) = network.coefs_, network.intercepts_
    constants = {
        "scale": np.array(1 / DARKEST),
        "hidden": hidden,
        "hidden_bias": hidden_bias,
        "out": out,
        "out_bias": out_bias,
    }
    nodes = [
        helper.make_node("Mul", ["image", "scale"], ["scaled"]),
        helper.make_node("Gemm", ["scaled", "hidden", "hidden_bias"], ["summed"]),
        helper.make_node("Relu", ["summed"], ["active"]),
        helper.make_node("Gemm", ["active", "out", "out_bias"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
        helper.make_node("ArgMax", ["scores"], ["label"], axis=1, keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 64])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 10]),
            helper.make_tensor_value_info("label", TensorProto.INT64, ["N"]),
        ],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model, full_check=True)
    return model


def write_images(folder: Path, pixels: np.ndarray[Any, Any], digits: np.ndarray[Any, Any]) -> None:
    """The most typical image of each digit (nearest to their mean), as a greyscale PNG with ink in white."""
    folder.mkdir(parents=True, exist_ok=True)
    for digit in range(10):
        same = pixels[digits == digit]
        typical = same[np.argmin(np.linalg.norm(same - same.mean(axis=0), axis=1))]
        grey = np.rint(typical.reshape(8, 8) * (255 / DARKEST)).astype(np.uint8)
        Image.fromarray(grey).save(folder / f"digit-{digit}.png", optimize=True)


def main(directory: Path) -> None:
    """Train, export, write, and say how good it is on images it has not seen."""
    pixels, digits = load_digits(return_X_y=True)
    seen, unseen, seen_digits, unseen_digits = train_test_split(
        pixels, digits, test_size=0.2, random_state=SEED, stratify=digits
    )
    network = train(seen, seen_digits)
    version = directory / "digits" / "1"
    version.mkdir(parents=True, exist_ok=True)
    onnx.save(export(network), version / "model.onnx")
    (directory / "digits" / "model.yaml").write_text(MODEL_YAML, encoding="utf-8")
    write_images(directory / "images", unseen, unseen_digits)
    right = int((network.predict(unseen / DARKEST) == unseen_digits).sum())
    print(f"{right} of {len(unseen)} held-out images right ({right / len(unseen):.1%})")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO)
