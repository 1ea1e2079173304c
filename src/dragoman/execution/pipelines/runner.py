"""How a pipeline's calls are run: all parts are pinned when a request starts, then the graph is walked."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.mismatch import find_mismatch, find_unknown_output
from dragoman.core.requests import CoreRequest, Target, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, TensorResponse, with_tensors
from dragoman.core.signatures import Signature
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.pipelines.fitting import pipeline_signature
from dragoman.execution.pipelines.graph import Graph
from dragoman.execution.pipelines.plan import Plan, plan_of
from dragoman.execution.pipelines.run import Execution
from dragoman.repository.handle import Handle

Pin = Callable[[Target], Handle]


class PipelineRunner:
    """Runs a pipeline. `libraries` = what answers for its nodes that are no models, by node.

    A part may be served by another version from one request to the next. What fits the new one is worked out
    when it is first met; if callers would have to see it, they are refused until the pipeline is made anew.
    """

    def __init__(
        self,
        graph: Graph,
        signature: Signature,
        libraries: Mapping[str, Handle],
        pin: Pin,
        close: Callable[[], None],
    ) -> None:
        self._graph = graph
        self._signature = signature
        self._pin = pin
        self._close = close
        self._adapter = SignatureAdapter(signature, signature)
        models = {name: node.settings for name, node in graph.nodes.items() if name not in libraries}
        targets = {name: (node.model or "", node.version) for name, node in models.items()}
        numbers = {target: number for number, target in enumerate(dict.fromkeys(targets.values()))}
        self._targets = [(Target(*target), name) for target, name in first_of_each(targets)]
        self._libraries = list(libraries.values())
        self._parts = {name: numbers[target] for name, target in targets.items()}
        self._parts |= {name: number for number, name in enumerate(libraries, len(numbers))}
        self._met: list[Handle] = []  # the versions that the plan is for
        self._plan: Plan | None = None

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> TensorResponse | Awaitable[CoreResponse]:
        """The answer, at once if all parts answer at once, else something to await.

        Errors: INVALID_ARGUMENT for what does not fit the signature; UNAVAILABLE with reason
        PIPELINE_NOT_READY where a part does not serve; those of the parts, naming the node.
        """
        ready = checked(self._adapter.to_engine(request), signature)
        held = self._pinned()
        try:
            plan = self._plan_for(held)
        except DragomanError:
            release(held)
            raise
        handle.hold()
        held.append(handle)
        return Execution(plan, held, handle.version, call).run(ready)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """The answer as one part."""
        answer = self.run(handle, request, signature, call)
        response = answer if isinstance(answer, TensorResponse) else await answer
        yield Chunk(with_tensors(response).outputs)

    def occupancy(self) -> None:
        """Its models say how busy they are."""

    def close(self) -> None:
        """Let go of the libraries."""
        self._close()

    def _pinned(self) -> list[Handle]:
        """Every part, held: one consistent set of versions."""
        held: list[Handle] = []
        for target, node in self._targets:
            try:
                held.append(self._pin(target))
            except DragomanError as error:
                release(held)
                raise not_ready(f'node "{node}": {error.message}') from error
        for library in self._libraries:
            library.hold()
            held.append(library)
        return held

    def _plan_for(self, parts: list[Handle]) -> Plan:
        """The plan for these versions of the parts."""
        if self._plan is not None and parts == self._met:
            return self._plan
        try:
            signatures = {
                name: parts[number].signature(self._graph.nodes[name].settings.signature)
                for name, number in self._parts.items()
            }
            signature = pipeline_signature(self._graph, signatures)
        except DragomanError as error:
            raise not_ready(error.message) from error
        if signature != self._signature:
            raise not_ready("its models have changed just now")
        self._plan = plan_of(self._graph, signatures, self._parts)
        self._met = parts.copy()
        return self._plan


def checked(request: TensorRequest, signature: Signature) -> TensorRequest:
    """The request, which fits the signature. Encoded images are left to the models that decode them.

    Errors: INVALID_ARGUMENT.
    """
    specs = signature.inputs
    if images := encoded_images(request.inputs, signature):
        request = replace(request, inputs={**request.inputs, **images})
        anything = {name: replace(specs[name], dtype=DType.BYTES, shape=None) for name in images}
        specs = {**specs, **anything}
    mismatch = find_mismatch(request.inputs, specs)
    if mismatch is None and request.outputs is not None:
        mismatch = find_unknown_output(request.outputs, signature.outputs)
    if mismatch is not None:
        raise mismatch
    return request


def encoded_images(given: Mapping[str, Tensor], signature: Signature) -> Mapping[str, Tensor]:
    """The inputs that are encoded images, one alone in a row of its own."""
    specs = signature.inputs
    return {
        name: tensor if tensor.array.ndim else Tensor(tensor.dtype, tensor.array.reshape(1))
        for name, tensor in given.items()
        if tensor.dtype is DType.BYTES and name in specs and specs[name].image is not None
    }


def first_of_each(targets: Mapping[str, tuple[str, int | None]]) -> list[tuple[tuple[str, int | None], str]]:
    """Each target once, with the first node that means it."""
    found: dict[tuple[str, int | None], str] = {}
    for name, target in targets.items():
        found.setdefault(target, name)
    return list(found.items())


def release(handles: Sequence[Handle]) -> None:
    """Give pins back."""
    for handle in handles:
        handle.release()


def not_ready(message: str) -> DragomanError:
    """The error for a pipeline whose models do not serve, or do not fit together, just now."""
    return DragomanError(Code.UNAVAILABLE, message, reason=Reason.PIPELINE_NOT_READY, retry_after_s=1.0)
