"""Small TensorFlow Lite files, made on the spot."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.unit.engines.tensorflow.saved_models import tf

Function = Callable[..., Mapping[str, Any]]
Specs = Sequence[Any]


class Functions(tf.Module):  # type: ignore[misc]
    """Functions by name, each with the specs of what it takes."""

    def __init__(self, functions: Mapping[str, tuple[Function, Specs]]) -> None:
        super().__init__()
        self.made = {
            name: tf.function(function, input_signature=list(specs))
            for name, (function, specs) in functions.items()
        }


def write(folder: Path, **functions: tuple[Function, Specs]) -> Path:
    """`model.tflite` with a signature for each function."""
    module = Functions(functions)
    saved = str(folder / "saved")
    tf.saved_model.save(module, saved, module.made)
    converter = tf.lite.TFLiteConverter.from_saved_model(saved, signature_keys=list(functions))
    return keep(converter.convert(), folder)


def keep(data: bytes, folder: Path) -> Path:
    """The file with this content."""
    file = folder / "model.tflite"
    file.write_bytes(data)
    return file
