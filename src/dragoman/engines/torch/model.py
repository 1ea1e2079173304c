"""A loaded model of PyTorch: its inputs checked and converted, the call, its outputs by name.

Types and shapes are checked first, as PyTorch checks them only where an operator minds. Calls run without
gradients. An untyped model is called with whatever tensors bear the names of its arguments.
"""

import threading
from collections.abc import Iterator, Mapping
from types import ModuleType

import structlog
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.explanation import PLACES
from dragoman.core.mismatch import find_mismatch, find_unknown_output, show_tensors
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import Chunk, TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.core.tensors import Tensor
from dragoman.engines.torch.answers import broken, check_declared, check_names, named
from dragoman.engines.torch.errors import callers_fault
from dragoman.engines.torch.gradients import OUTPUT as GRADIENTS
from dragoman.engines.torch.gradients import attribution, gradients
from dragoman.engines.torch.program import Program, find_misnamed
from dragoman.engines.torch.values import UnsendableError, from_torch, to_torch


class TorchModel:
    """One program. `device` None = the CPU; `threads` 0 = as PyTorch has it."""

    def __init__(
        self,
        runtime: ModuleType,
        program: Program,
        device: object,
        threads: int,
        concurrency: int,
        title: str,
    ) -> None:
        signature = replace(program.signature, attribution=attribution(program.signature))
        program = replace(program, signature=signature)
        self.signatures: Mapping[str, Signature] = {DEFAULT_SIGNATURE: signature}
        self.concurrency = concurrency
        self._runtime = runtime
        self._program: Program | None = program
        self._device = device
        self._threads = threads
        self._title = title
        self._set = threading.local()

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        """The answer to one request.

        Errors: INVALID_ARGUMENT for inputs that do not fit, or that the model refuses; UNAVAILABLE after
        `close`; RESOURCE_EXHAUSTED without memory; INTERNAL where the model fails.
        """
        if request.outputs == [GRADIENTS] and self._is_explained:
            return self._explained(request)
        program = self._checked(request)
        self._set_threads()
        try:
            with self._runtime.inference_mode():
                outputs = self._run(program, request)
        except DragomanError:
            raise
        except Exception as error:
            raise self._refusal(request, error) from error
        wanted = request.outputs
        if wanted is None:
            return TensorResponse(outputs)
        if (unknown := find_unknown_output(list(wanted), outputs)) is not None:
            raise unknown
        return TensorResponse({name: outputs[name] for name in wanted})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        """The answer as one part."""
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Let go of the model; calls that are still running keep it until they end."""
        self._program = None

    @property
    def _is_explained(self) -> bool:
        program = self._program
        return program is not None and program.signature.attribution is not None

    def _explained(self, request: TensorRequest) -> TensorResponse:
        """The gradients that an explanation asks for."""
        inputs = {name: one for name, one in request.inputs.items() if name != PLACES}
        program = self._checked(TensorRequest(request.signature, inputs))
        self._set_threads()
        try:
            found = gradients(self._runtime, program, request.inputs, self._device)
        except DragomanError:
            raise
        except Exception as error:
            raise self._refusal(request, error) from error
        return TensorResponse({GRADIENTS: found})

    def _checked(self, request: TensorRequest) -> Program:
        """The program, if the request is one for it."""
        program = self._program
        if program is None:
            raise DragomanError(Code.UNAVAILABLE, "the model was closed")
        if request.signature != DEFAULT_SIGNATURE:
            raise invalid(f"there is no signature {request.signature!r}; the model has {DEFAULT_SIGNATURE}")
        signature = program.signature
        if signature.untyped:
            found = find_misnamed(request.inputs, program)
        else:
            found = (
                find_mismatch(request.inputs, signature.inputs)
                or program.misfit(request.inputs)
                or find_unknown_output(request.outputs or (), signature.outputs)
            )
        if found is not None:
            raise found
        return program

    def _run(self, program: Program, request: TensorRequest) -> dict[str, Tensor]:
        """All outputs, or those that are declared."""
        given = {}
        for name, tensor in request.inputs.items():
            argument = program.arguments.get(name)
            if argument is None or argument.number is None:
                given[name] = to_torch(self._runtime, tensor, self._device)
            else:
                given[name] = argument.value_of(tensor)
        declared = program.signature.outputs
        parts = named(program.call(given), tuple(declared))
        check_names(parts, declared)
        fed = [tensor.array for tensor in request.inputs.values()]
        outputs = {}
        for name in declared or parts:
            try:
                outputs[name] = from_torch(self._runtime, parts[name], fed)
            except UnsendableError as error:
                raise broken(f'output "{name}" is {error}, and has to be a tensor') from error
        check_declared(outputs, declared)
        return outputs

    def _set_threads(self) -> None:
        """PyTorch keeps the number for each thread that calls it."""
        if self._threads and not hasattr(self._set, "done"):
            self._runtime.set_num_threads(self._threads)
            self._set.done = True

    def _refusal(self, request: TensorRequest, error: Exception) -> DragomanError:
        """What the caller did wrong, else that the model failed."""
        found = callers_fault(error, request.inputs, self._title)
        if found is not None:
            return found
        shown = show_tensors(request.inputs)
        structlog.get_logger("dragoman.engines.torch").error(
            "the model failed", model=self._title, inputs=shown, exc_info=error
        )
        return DragomanError(Code.INTERNAL, f"{self._title} failed while it ran on {shown}")
