"""Paths that two protocols own, and who answers there.

Two protocols may claim one (method, template) when they put the very same operation there, as shared status
views do. Any other collision stops the start unless it is named here with its arbiter: a pure function that
gets what each of the path's owners would do there, by its protocol's name, and says what is done.
"""

from collections.abc import Mapping
from typing import Final

from dragoman.assembly.division import by_what_is_read
from dragoman.protocols.torchserve.routes import EVERY_METHOD
from dragoman.wire.cloud_event import event_mode
from dragoman.wire.messages import Headers
from dragoman.wire.operation import Arbiter, Choice, InferOperation, Operation
from dragoman.wire.target import MODELS, VERSIONS


def events_to_kserve(owners: Mapping[str, Operation]) -> Choice:
    """Predict is TensorFlow Serving's, whose answers KServe's clients read too; a CloudEvent is KServe's."""
    usual, events = owners["tfs"], owners["kserve_v1"]

    def choose(headers: Headers) -> Operation:
        return usual if event_mode(headers) is None else events

    return Choice(choose)


def bodies_to_torchserve(owners: Mapping[str, Operation]) -> InferOperation:
    """On TorchServe's own listener V2's path is for models that read bodies; the others have V2's tensors."""
    bodies, tensors = owners["torchserve"], owners["kserve_v2"]
    if not isinstance(bodies, InferOperation) or not isinstance(tensors, InferOperation):
        raise TypeError("only calls of models can be divided by what the model reads")
    return by_what_is_read(bodies, tensors)


def all_but_management(owners: Mapping[str, Operation]) -> Operation:
    """Where TorchServe's management shares an address with other protocols, these answer what both do.

    The others put one operation there, or are TorchServe's own inference.
    """
    return next(operation for name, operation in owners.items() if name != MANAGEMENT)


MANAGEMENT: Final = "torchserve_management"
DESCRIBED: Final = [
    *((method, path) for method in EVERY_METHOD for path in ("/api-description", "/api-description/")),
    ("OPTIONS", "/"),
    ("GET", "/v1/models/{model}"),
    ("GET", "/v1/models/{model}/"),
]
ARBITERS: Final[Mapping[tuple[str, str], Arbiter]] = {
    **dict.fromkeys(DESCRIBED, all_but_management),
    **{("POST", f"{MODELS}/{{model}}{version}:predict"): events_to_kserve for version in VERSIONS},
    ("POST", "/v2/models/{model}/infer"): bodies_to_torchserve,
}
