"""From what the caller supplied to what the engine takes, and back.

`ADAPTERS` is what lets one loaded model answer every protocol: a pair without an entry is UNIMPLEMENTED, with
both kinds named. Tensors need no adapter, only the callers' names exchanged for the engine's own where they
differ. Bodies (payloads and trees) have no entry: a codec, which knows their form, reads them as tensors
where the signature takes those.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import (
    ChatRequest,
    CoreRequest,
    EmbedRequest,
    ExampleRequest,
    GenerateRequest,
    Kind,
    PayloadRequest,
    RankRequest,
    TensorRequest,
    TokenizeRequest,
    TreeRequest,
)
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import Signature
from dragoman.core.text_signature import makes_vectors
from dragoman.execution.examples import tensors_from_examples
from dragoman.execution.serialized_examples import serialized_tensor
from dragoman.execution.texts import texts_to_embed


def engine_examples(request: ExampleRequest, signature: Signature) -> TensorRequest:
    """Examples for a model that takes features as tensors, or for one that parses serialized Examples."""
    make = tensors_from_examples if signature.features else serialized_tensor
    return make(request, signature)


KIND_OF: Final[Mapping[type, Kind]] = {
    TensorRequest: Kind.TENSORS,
    ExampleRequest: Kind.EXAMPLES,
    PayloadRequest: Kind.PAYLOAD,
    TreeRequest: Kind.TREE,
    GenerateRequest: Kind.GENERATE,
    ChatRequest: Kind.CHAT,
    EmbedRequest: Kind.EMBED,
    TokenizeRequest: Kind.TOKENIZE,
    RankRequest: Kind.RANK,
}
ADAPTERS: Final[Mapping[tuple[Kind, Kind], Callable[[Any, Signature], TensorRequest]]] = {
    (Kind.EXAMPLES, Kind.TENSORS): engine_examples,
    (Kind.EMBED, Kind.TENSORS): texts_to_embed,
}


class SignatureAdapter:
    """One signature's way to the engine and back, worked out once when the version loads.

    `native` is the engine's own signature that `signature` calls.
    """

    __slots__ = ("_direct", "_inputs", "_outputs", "_takes_tensors", "signature")

    def __init__(self, signature: Signature, native: Signature) -> None:
        self.signature = signature
        self._takes_tensors = Kind.TENSORS in signature.accepts
        self._inputs = {name: spec.source for name, spec in signature.inputs.items()}
        self._outputs = {name: spec.source for name, spec in signature.outputs.items()}
        # Most signatures are the engine's own, and then nothing needs another name on the way.
        self._direct = (
            signature.name == native.name
            and all(name == source for name, source in self._inputs.items())
            and self._outputs == {name: name for name in native.outputs}
        )

    def to_engine(self, request: CoreRequest) -> TensorRequest:
        """The request in the engine's names.

        Errors: UNIMPLEMENTED where this kind of request cannot become what the engine takes.
        """
        if type(request) is TensorRequest and self._takes_tensors:
            return request if self._direct else self._renamed(request)
        kind = KIND_OF[type(request)]
        adapter = ADAPTERS.get((kind, Kind.TENSORS))
        # What takes examples says so; what makes vectors of texts is seen by its tensors.
        taken = makes_vectors(self.signature) if kind is Kind.EMBED else kind in self.signature.accepts
        if adapter is None or not taken:
            raise self._refusal(kind)
        return adapter(request, self.signature)

    def from_engine(self, response: TensorResponse, version: int) -> TensorResponse:
        """The answer in the callers' names, with the version that gave it."""
        if self._direct:
            response.version = version
            return response
        given = response.outputs
        outputs = {name: given[source] for name, source in self._outputs.items() if source in given}
        return TensorResponse(outputs, version, response.run)

    def _renamed(self, request: TensorRequest) -> TensorRequest:
        inputs = {self._inputs.get(name, name): tensor for name, tensor in request.inputs.items()}
        wanted = self._outputs if request.outputs is None else request.outputs
        outputs = [self._outputs[name] for name in wanted]
        return TensorRequest(self.signature.source, inputs, outputs, request.parameters)

    def _refusal(self, kind: Kind) -> DragomanError:
        takes = " or ".join(sorted(accepted.value for accepted in self.signature.accepts))
        return DragomanError(
            Code.UNIMPLEMENTED,
            f"signature {self.signature.name!r} takes {takes}, and the request holds {kind.value}",
        )
