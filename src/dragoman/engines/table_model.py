"""A loaded model of tables: one method for each signature, each with one output."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import structlog
from msgspec import Struct

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.explanation import TREE_SHAP, Attribution
from dragoman.core.mismatch import find_unknown_output, show_tensors
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.tables import Table, failure_text, to_tensor

PROBABILITIES: Final = "predict_proba"  # the signature, called as scikit-learn's method
CONTRIBUTIONS: Final = TensorSpec("contributions", DType.FP64, (None, None, None), "contributions")


class Method(Struct, frozen=True):
    """One way to call a model: `call` takes the columns. `classes` = the labels, by place in the output.

    `contributions` = what each column adds to each of the output's numbers, as `Attribution` has it.
    """

    call: Callable[[list[Array]], Any]
    output: TensorSpec
    classes: tuple[str, ...] = ()
    contributions: Callable[[list[Array]], Array] | None = None


class TableModel:
    """A model of rows of columns. `refusals` = what its library raises for values that it does not take."""

    def __init__(
        self,
        table: Table,
        methods: Mapping[str, Method],
        concurrency: int,
        title: str,
        refusals: tuple[type[Exception], ...] = (ValueError,),
    ) -> None:
        self.concurrency = concurrency
        self.signatures: Mapping[str, Signature] = {
            name: Signature(
                name,
                table.inputs,
                {method.output.name: method.output},
                name,
                classes=method.classes,
                any_number=True,
                attribution=attribution(method, table),
            )
            for name, method in methods.items()
        }
        self._table = table
        self._methods: Mapping[str, Method] | None = methods
        self._title = title
        self._refusals = refusals

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer of one method.

        Errors: INVALID_ARGUMENT for inputs that do not fit, or that the model refuses; UNAVAILABLE after
        `close`; INTERNAL where the model fails.
        """
        methods = self._methods
        if methods is None:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        method = methods.get(request.signature)
        if method is None:
            raise invalid(f"there is no signature {request.signature!r}; the model has {', '.join(methods)}")
        if method.contributions is not None and request.outputs == [CONTRIBUTIONS.name]:
            method = Method(method.contributions, CONTRIBUTIONS)
        unknown = find_unknown_output(request.outputs or (), {method.output.name: method})
        if unknown is not None:
            raise unknown
        columns = self._table.columns(request.inputs)
        return TensorResponse({method.output.name: self._answer(method, columns, request)})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer as one part."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let go of the model; one that is running goes when its call ends."""
        self._methods = None

    def _answer(self, method: Method, columns: list[Array], request: TensorRequest) -> Tensor:
        if not len(columns[0]):  # which libraries refuse
            shape = [size or 0 for size in method.output.shape or (None,)]
            return to_tensor(np.empty(shape), method.output)
        try:
            return to_tensor(method.call(columns), method.output)
        except DragomanError:
            raise
        except self._refusals as error:
            raise invalid(f"{self._title} refuses these values: {failure_text(error)}") from error
        except Exception as error:
            shown = show_tensors(request.inputs)
            structlog.get_logger("dragoman.engines.tables").error(
                "the model failed", model=self._title, inputs=shown, exc_info=error
            )
            message = f"{self._title} failed while it ran; the server's log tells more"
            raise DragomanError(Code.INTERNAL, message) from error


def attribution(method: Method, table: Table) -> Attribution | None:
    """How the library explains a method's output, where it does."""
    if method.contributions is None:
        return None
    return Attribution(TREE_SHAP, method.output.name, CONTRIBUTIONS.name, tuple(table.inputs))


def check_concurrency(value: int) -> None:
    """Nothing, for a number of calls that may overlap; 0 = the engine's own.

    Errors: INVALID_ARGUMENT.
    """
    if value < 0:
        raise invalid("options.concurrency: the least is 0")
