"""onnxruntime's refusals in words for strangers: no path, no source file, no class name of the runtime's.

The runtime's own text goes to the log with the exception; `LOAD_CAUSES` picks from it what helps.
"""

import posixpath
import re
from typing import Final

from dragoman.core.errors import Code, DragomanError

LOAD_CAUSES: Final = (
    (r"Unsupported model IR version: (\d+), max supported IR version: (\d+)",
     "its ONNX IR version {} is newer than the installed onnxruntime reads (up to {})"),
    (r"official support for domain (\S+) is till opset (\d+)",
     "it wants a newer opset of {} than the installed onnxruntime has (up to {})"),
    (r"No Op registered for (\S+) with domain_version of (\d+)",
     "the installed onnxruntime has no operator {} (opset {})"),
    (r"(\S+) is not a registered function/op",
     "the installed onnxruntime has no operator {}"),
    (r"Could not find an implementation for (\S+) node",
     "the installed onnxruntime has no implementation of the operator {} for the types used"),
    (r"External data path does not exist: \"([^\"]*)\"",
     "its file of external data, {}, is missing"),
    (r"External data path validation failed",
     "its file of external data is missing, or lies outside the model's folder"),
    (r"External initializer: .* are out of bounds or can not be read in full",
     "its file of external data is truncated or another model's"),
    (r"ORT model verification failed",
     "it is no model of onnxruntime's: the file is truncated or damaged"),
    (r"ShapeInferenceError\] ([^/]*)$",
     "its shapes do not fit together: {}"),
    (r"No graph was found in the protobuf",
     "it holds no graph: the file is empty, truncated or no ONNX model"),
    (r"Protobuf parsing failed",
     "it is no ONNX model: the file is truncated, damaged or of another kind"),
)  # fmt: skip


def refused_file(error: Exception, file: str) -> DragomanError:
    """INTERNAL: the runtime does not take the file."""
    text = str(error)
    for pattern, sentence in LOAD_CAUSES:
        if found := re.search(pattern, text):
            details = [posixpath.basename(group.strip()) for group in found.groups()]
            return DragomanError(Code.INTERNAL, f"{file} does not load: {sentence.format(*details)}")
    return DragomanError(Code.INTERNAL, f"{file} does not load: onnxruntime refuses it; the log tells more")
