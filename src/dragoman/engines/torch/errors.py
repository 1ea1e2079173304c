"""PyTorch's refusals in words for strangers: no path, no traceback, no class name of PyTorch's.

What operators say of shapes, types and indices is passed on: "mat1 and mat2 shapes cannot be multiplied (2x4
and 3x4)" helps the caller, who chose them, and tells of nothing else.
"""

import re
from collections.abc import Mapping
from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.mismatch import show_tensors
from dragoman.core.tensors import Tensor

LOAD_CAUSES: Final = (
    (r"PytorchStreamReader failed|Unexpected end|failed finding central directory",
     "the file is truncated or damaged"),
    (r"Unknown builtin op: ([\w:]+)", "the installed torch has no operator {}"),
    (r"Could not find schema for ([\w:.]+)|No such operator ([\w:.]+)",
     "the installed torch has no operator {}"),
    (r"Unknown type name '([^']*torch\.classes[^']*)'|Class type for (\S+) not found",
     "it needs the class {}, which no installed package brings"),
    (r"version .*(?:does not match|but the maximum supported version)|Unsupported .*version",
     "it was written by another release of torch than the installed one reads"),
    (r"CUDA|cuda", "it was saved from a GPU that this machine does not have"),
)  # fmt: skip
NO_MEMORY: Final = re.compile(r"can't allocate memory|out of memory")
CALLERS_FAULT: Final = re.compile(
    r"shapes? cannot be multiplied|must have (?:the )?same|must match|size mismatch|mismatch in shape"
    r"|[Ee]xpected .*(?:got|but|to be|to have)|[Ee]xpected (?:scalar type|input|size|tensor)"
    r"|not implemented for|out of (?:range|bounds)|invalid for input of size|[Kk]ernel size can't be greater"
    r"|must be equal to|should contain \d+ elements|need to be at least|must be .*D|inconsistent tensor size"
    r"|not broadcastable|cannot broadcast|doesn't match the broadcast shape|Guard failed|is not divisible"
    r"|can't be cast|do not match|should be the same|dimension specified as"
)
# The end of a traceback of TorchScript's, the one line of it that is not indented.
RAISED: Final = re.compile(r"^(?:builtins\.)?([A-Za-z]\w*): (.*)", re.MULTILINE)
INTERPRETER: Final = "The following operation failed in the TorchScript interpreter"
KINDS: Final = (ValueError, AssertionError)
VALUE, ASSERTION = (kind.__name__ for kind in KINDS)
MOST_CHARS: Final = 1024


def refused_file(error: Exception, file: str) -> DragomanError:
    """INTERNAL: PyTorch does not take the file."""
    text = str(error)
    for pattern, sentence in LOAD_CAUSES:
        if found := re.search(pattern, text):
            details = [group for group in found.groups() if group]
            return DragomanError(Code.INTERNAL, f"{file} does not load: {sentence.format(*details)}")
    return DragomanError(Code.INTERNAL, f"{file} does not load: PyTorch refuses it; the log tells more")


def callers_fault(error: Exception, inputs: Mapping[str, Tensor], title: str) -> DragomanError | None:
    """What was wrong with the values, in the words of an operator or of the model's own code.

    None where the fault is the model's.
    """
    kind, text = told(error)
    if NO_MEMORY.search(text):
        return DragomanError(
            Code.RESOURCE_EXHAUSTED, f"{title} has not enough memory to run on {show_tensors(inputs)}"
        )
    if kind == VALUE:  # as of any Python model
        return invalid(text or f"{title} refuses these inputs")
    if kind == ASSERTION or ASSERTION in text or CALLERS_FAULT.search(text):
        why = text.removeprefix(f"{ASSERTION}: ")
        why = f": {why}" if why else ""
        return invalid(f"{title} does not take {show_tensors(inputs)}{why}")
    return None


def told(error: Exception) -> tuple[str, str]:
    """What kind of error it is, and its own sentence, without TorchScript's traceback around it."""
    text = str(error)
    if INTERPRETER in text and (raised := RAISED.search(text)):
        kind, text = raised.groups()
    else:
        kind = next((each.__name__ for each in KINDS if isinstance(error, each)), "")
    return kind, text.strip().split("\n", 1)[0][:MOST_CHARS]
