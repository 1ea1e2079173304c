"""TensorFlow's refusals in words for strangers: no path, no host, no class name of TensorFlow's.

What a graph says of the values it was given is passed on, as TensorFlow Serving does: "Feature: x (data type:
float) is required but could not be found." helps the caller and tells of nothing else.
"""

import posixpath
import re
from types import ModuleType
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid

LOAD_CAUSES: Final = (
    (r"Cannot parse file", "it is no SavedModel: the file is truncated, damaged or of another kind"),
    (r"available tags '\[\]'", "it holds no graph: the file is empty or no SavedModel"),
    (r"associated with tags ('.*') could not be found in SavedModel, with available tags '\[(.*)\]'",
     "it has no graph with the tags {}; it has {} (options.saved_model_tags)"),
    (r"Op type not registered '([^']*)'", "the installed TensorFlow has no operator {}"),
    (r"No OpKernel was registered to support Op '([^']*)'",
     "the installed TensorFlow has no implementation of the operator {} for the types and devices used"),
    (r"NodeDef mentions attr '([^']*)' not in Op<name=([^;]*);",
     "it is newer than the installed TensorFlow, which does not know {} of the operator {}"),
    (r"variables/variables.* is not a valid checkpoint|is not a valid checkpoint: .*variables",
     "its folder variables is missing or incomplete"),
    (r"([^ /]+); No such file or directory", "its file {} is missing"),
    (r"Read less bytes than requested|Checksum does not match|Data loss|truncated|Unable to open table file"
     r"|not an sstable|Perhaps the file is corrupt",
     "the files of its variables are truncated or damaged"),
    (r"(?:Tensor|name) '?([^ ',]+:\d+)'?,? (?:specified in|refers to)",
     "a signature names the tensor {}, which its graph does not have"),
)  # fmt: skip
# What the caller can do something about; anything else is the model's failure.
CALLERS_FAULT: Final = {
    "InvalidArgumentError": Code.INVALID_ARGUMENT,
    "OutOfRangeError": Code.INVALID_ARGUMENT,
    "UnimplementedError": Code.UNIMPLEMENTED,
    "ResourceExhaustedError": Code.RESOURCE_EXHAUSTED,
}
MARKUP: Final = re.compile(r"\{\{[^{}]*\}\}\s*|\n?\s*\[\[.*\]\]\s*", re.DOTALL)
MOST_CHARS: Final = 1024


def refused_folder(error: Exception, file: str) -> DragomanError:
    """INTERNAL: TensorFlow does not take the SavedModel."""
    text = str(error)
    for pattern, sentence in LOAD_CAUSES:
        if found := re.search(pattern, text):
            details = [posixpath.basename(group) for group in found.groups()]
            return DragomanError(Code.INTERNAL, f"{file} does not load: {sentence.format(*details)}")
    return DragomanError(Code.INTERNAL, f"{file} does not load: TensorFlow refuses it; the log tells more")


def callers_fault(runtime: ModuleType, error: Exception) -> DragomanError | None:
    """What the graph says was wrong with the values; None where the fault is the model's."""
    if isinstance(error, UnicodeDecodeError):
        # TensorFlow quotes the bytes that it could not parse, and its Python binding takes them for text.
        return invalid(graph_words(error.object.decode("utf-8", "backslashreplace")))
    for name, code in CALLERS_FAULT.items():
        if isinstance(error, getattr(runtime.errors, name)):
            return DragomanError(code, graph_words(str(error)))
    return None


def graph_words(text: str) -> str:
    """A message of TensorFlow's without the names of the graph's nodes."""
    return MARKUP.sub("", text).strip()[:MOST_CHARS]
