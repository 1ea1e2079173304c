"""OpenVINO's refusals in words for strangers: no path, no source file, no class name of OpenVINO's.

OpenVINO's own text goes to the log; `LOAD_CAUSES` picks from it what helps.
"""

import posixpath
import re
from typing import Final

from dragoman.core.errors import Code, DragomanError

# What the log says, what the caller is told, and whether another engine may read the file.
LOAD_CAUSES: Final = (
    (r"Empty weights data in bin file or bin file cannot be found",
     "its weights are missing: the file of the same name that ends in .bin is not there, or empty", False),
    (r"Incorrect weights in bin file",
     "its weights, the file that ends in .bin, are truncated or another model's", False),
    (r"doesn't contain the operation with type: ([\w.]+)",
     "the installed OpenVINO has no operator {}", False),
    (r"does not end as a table|the block at \d+ has|a number has no end|entry bounds .* exceed data size|"
     r"Variable index data cannot be mapped",
     "the files of its variables are truncated or damaged", False),
    (r"Invalid usage of method for externally stored data in file \(([^,]*),",
     "its file of external data, {}, is missing or truncated", False),
    (r"is not initialized, model is inconsistent",
     "its folder variables is missing or incomplete", False),
    (r"(?:No conversion rule found for operations|Conversion is failed for): ([\w., ]+)",
     "OpenVINO has no conversion for {}", True),
    (r"references undeclared parameters: \S+ (\S+)",
     "its default signature does not begin at the graph's inputs, and leaves {} open", True),
    (r"Saved Model cannot be parsed|Model can't be parsed|tags mismatch at offset|Unable to read the model|"
     r"Error parsing|parse error|Could not determine tag type|is corrupted or malformed",
     "it is no model that OpenVINO reads: the file is truncated, damaged, of another kind or too new", False),
    (r"doesn't support (\w+) operation with dynamic rank",
     "OpenVINO wants a fixed number of axes, and an operator {} has none", True),
    (r"[Uu]nsupported operation of type: (\w+)",
     "the device has no operator {}", True),
)  # fmt: skip
OTHER_ENGINES: Final = {".pb": "tensorflow", ".tflite": "tflite"}


def refused_file(error: Exception, file: str) -> DragomanError:
    """INTERNAL: OpenVINO does not take the file."""
    for pattern, sentence, elsewhere in LOAD_CAUSES:
        if found := re.search(pattern, str(error)):
            why = sentence.format(*(group.strip() for group in found.groups()))
            return refusal(file, why, elsewhere=elsewhere)
    return refusal(file, "OpenVINO refuses it; the log tells more", elsewhere=True)


def refusal(file: str, why: str, *, elsewhere: bool) -> DragomanError:
    """The error, with the engine that may read the file where there is one."""
    engine = OTHER_ENGINES.get(posixpath.splitext(file)[1])
    hint = f"; the engine {engine} reads more (pip install 'dragoman[{engine}]')"
    return DragomanError(
        Code.INTERNAL, f"{file} does not load: {why}{hint if elsewhere and engine is not None else ''}"
    )
