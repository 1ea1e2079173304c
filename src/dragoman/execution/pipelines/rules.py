"""What a pipeline has to keep to, in the words that OpenVINO Model Server has for breaking it."""

import enum
from typing import Final

from msgspec import Struct

from dragoman.core.errors import Code, DragomanError, Reason


class Rule(enum.Enum):
    """One rule, by what is said of a pipeline that breaks it."""

    NODE_TWICE = "Pipeline definition has multiple nodes with the same name"
    MISSING_NODE = "Pipeline definition has reference to missing node"
    MISSING_SOURCE = "Pipeline definition has reference to missing data source"
    RESPONSE_AS_SOURCE = "Pipeline definition has response node used as dependency node"
    INPUT_TWICE = "Pipeline definition has multiple connections to the same input of underlying model"
    CYCLE = "Pipeline definition contains a cycle"
    UNCONNECTED = "Pipeline definition has unconnected nodes"
    GATHER_MISSING = "Gather node refers to not existing node"
    GATHER_ORDINARY = "Gather node refers to node that isn't demultiplexer"
    ORDER = "Demultiplexer and gather nodes are not in LIFO order"
    SEVERAL_DYNAMIC = "Functionality not implemented"
    LIBRARY = "Pipeline refers to incorrect library"
    MISSING_MODEL = "Pipeline definition has reference to missing model"
    MISSING_OUTPUT = "Pipeline definition has reference to missing model output"
    MISSING_INPUT = "Pipeline definition has connection to non existing model input"
    UNCONNECTED_INPUT = "Pipeline definition does not have connections for all inputs of underlying models"
    SHAPE = "Invalid input shape"
    DTYPE = "Invalid input precision"
    AMBIGUOUS_INPUT = "Multiple nodes connected to the same pipeline input require different tensor metadata"
    TOO_FEW_DIMENSIONS = "Pipeline has not enough shape dimensions to demultiply"
    COUNT = "Demultiplication count does not match tensor first dimension"


# The reference answers a reload with 400 for these, and with 500 for the others.
MISFITS: Final = frozenset({Rule.SHAPE, Rule.DTYPE})


class Fault(Struct, frozen=True):
    """A rule that is broken: by what, and at which key of the pipeline."""

    rule: Rule
    key: str
    detail: str

    @property
    def message(self) -> str:
        """The rule's words and the detail."""
        return f"{self.rule.value} - {self.detail}"

    def error(self) -> DragomanError:
        """The fault as the cause of a failed load."""
        if self.rule in MISFITS:
            return DragomanError(Code.INVALID_ARGUMENT, self.message, reason=Reason.MODELS_MISFIT)
        return DragomanError(Code.FAILED_PRECONDITION, self.message)


def broken(rule: Rule, detail: str) -> DragomanError:
    """The error for a rule that is broken, where no key can be named."""
    return Fault(rule, "", detail).error()
