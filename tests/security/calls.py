"""Every call that a client can make, built from the tables of routes and methods.

A route or method that is added is in the table by itself. What cannot be made up from a template or a message
definition (a form that a codec insists on before it looks at the model) stands in BODIES and FILLED.
"""

import http.client
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, Final, NamedTuple

import grpc
from prometheus_client import CollectorRegistry

from dragoman.assembly.builtin import protocols
from dragoman.assembly.exposition import metrics_protocol
from dragoman.core.access import Permission
from dragoman.wire.operation import ControlOperation, Operation, ProtocolSpec, StatusOperation, in_dialect
from dragoman.wire.protobuf import message_class, shared_pool
from tests.server_process import Address

WAIT_S: Final = 30.0
NO_KEY: Final = b"Token Authorization failed."
PLACEHOLDER: Final = re.compile(r"\{(\w+)(?::(\w+))?\}")
MODEL: Final = ("model", "named")  # behind a mount V2's clients name the model once more
FILLERS: Final = {"version": "1", "label": "stable"}

# By operation: a body that is good for the model digits.
PIXELS: Final = [[0.0] * 64]
BODIES: Final[Mapping[str, Any]] = {
    "kserve_v2.rest.infer": {
        "inputs": [{"name": "image", "shape": [1, 64], "datatype": "FP32", "data": PIXELS}]
    },
    "tfs.rest.predict": {"inputs": PIXELS},
    "tfs.rest.classify": {"signature_name": "classify_digit", "examples": [{"pixels": PIXELS[0]}]},
    "tfs.rest.regress": {"examples": [{"pixels": PIXELS[0]}]},
    "kserve_v1.rest.predict": {"instances": PIXELS},
    "kserve_v1.rest.explain": {"instances": PIXELS},
    "deeploy.rest.predict": {"instances": PIXELS},
    "deeploy.rest.explain": {"instances": PIXELS},
    "native.scale": {"min_workers": 1},
    "torchserve.rest.predict": {"data": PIXELS},
    "torchserve.rest.explain": {"data": PIXELS},
}
# By operation: headers without which another protocol answers on a listener that has both.
HEADERS: Final[Mapping[str, Mapping[str, str]]] = {
    "kserve_v1.rest.predict": {"ce-id": "1", "ce-source": "s", "ce-specversion": "1.0", "ce-type": "t"},
}
# By message: what a codec needs besides the model's name.
FILLED: Final[Mapping[str, Mapping[str, Any]]] = {
    "tensorflow.serving.GetModelMetadataRequest": {"metadata_field": ["signature_def"]},
    "org.pytorch.serve.grpc.inference.PredictionsRequest": {
        "input": {"data": json.dumps(PIXELS).encode()},
        "sequence_id": "1",
    },
}


class Answer(NamedTuple):
    """What came back, whichever protocol it is: an HTTP status or a gRPC code, headers or trailers, bytes."""

    status: int | grpc.StatusCode
    headers: Mapping[str, str]
    body: bytes

    @property
    def anonymous(self) -> bool:
        """Whether the caller is asked who it is; TorchServe does so with 400 and PERMISSION_DENIED."""
        if self.status == 400 and b'"InvalidKeyException"' in self.body:
            return True
        if self.status is grpc.StatusCode.PERMISSION_DENIED and self.body.startswith(NO_KEY):
            return True
        return self.status in (401, grpc.StatusCode.UNAUTHENTICATED)

    @property
    def forbidden(self) -> bool:
        """Whether the caller is known, and may not."""
        return self.status in (403, grpc.StatusCode.PERMISSION_DENIED)


class RestCall(NamedTuple):
    """A route of a dialect. `model` = the model's name stands in its path."""

    dialect: str
    method: str
    template: str
    operation: Operation
    model: bool

    def __str__(self) -> str:
        return f"{self.dialect} {self.method} {self.template}"

    @property
    def way(self) -> tuple[str, str]:
        return self.dialect, "http"

    @property
    def control(self) -> bool:
        return isinstance(self.operation, ControlOperation)

    @property
    def measures(self) -> bool:
        return isinstance(self.operation, StatusOperation) and self.operation.permission is Permission.METRICS

    def send(self, address: Address, model: str, headers: Mapping[str, str]) -> Answer:
        path = PLACEHOLDER.sub(
            lambda found: model if found[1] in MODEL else FILLERS.get(found[1], "x"), self.template
        )
        name = self.operation.name
        body = json.dumps(BODIES[name]) if name in BODIES else None
        with closing(http.client.HTTPConnection(*address, timeout=WAIT_S)) as connection:
            connection.request(self.method, path, body, {**HEADERS.get(name, {}), **headers})
            answer = connection.getresponse()
            return Answer(answer.status, joined(answer.getheaders()), answer.read())


class GrpcCall(NamedTuple):
    """A method. `model` = its message names a model."""

    dialect: str
    method: str
    operation: Operation
    model: bool

    def __str__(self) -> str:
        return f"{self.dialect} {self.method}"

    @property
    def way(self) -> tuple[str, str]:
        return self.dialect, "grpc"

    @property
    def control(self) -> bool:
        return isinstance(self.operation, ControlOperation)

    @property
    def measures(self) -> bool:
        return isinstance(self.operation, StatusOperation) and self.operation.permission is Permission.METRICS

    def send(self, address: Address, model: str, headers: Mapping[str, str]) -> Answer:
        with grpc.insecure_channel(f"{address.host}:{address.port}") as channel:
            call = channel.unary_unary(self.method)
            metadata = [(name.lower(), value) for name, value in headers.items()]
            try:
                body, done = call.with_call(message(self.method, model), timeout=WAIT_S, metadata=metadata)
            except grpc.RpcError as error:
                return Answer(error.code(), joined(error.trailing_metadata()), error.details().encode())
            return Answer(done.code(), joined(done.trailing_metadata()), body)


def rest_calls(dialect: str) -> Iterator[RestCall]:
    """Every route of every protocol in that dialect, or of the one of that name, which stands alone."""
    for spec in spoken((*protocols(), metrics_protocol(CollectorRegistry())), dialect):
        for route in in_dialect(spec.routes, dialect):
            named = "{model}" in route.template
            yield RestCall(dialect, route.method, route.template, route.operation, named)


def spoken(specs: Iterable[ProtocolSpec], dialect: str) -> list[ProtocolSpec]:
    """The protocol of that name, if there is one that stands alone; else all that need not be named."""
    given = list(specs)
    named = [spec for spec in given if spec.only_named and spec.name == dialect]
    return named or [spec for spec in given if not spec.only_named]


def mount_calls(prefix: str, target: str) -> Iterator[RestCall]:
    """The same routes by way of a mount, whose deployment or model takes the model's place."""
    for call in rest_calls("superset"):
        if call.template.startswith(target):
            template = prefix + call.template.removeprefix(target)
            yield RestCall("superset", call.method, template, call.operation, True)


def grpc_calls(dialect: str) -> Iterator[GrpcCall]:
    """Every method of every protocol in that dialect, or of the one of that name."""
    for spec in spoken(protocols(), dialect):
        for route in in_dialect(spec.grpc, dialect):
            yield GrpcCall(dialect, route.method, route.operation, b"MODEL" in message(route.method, "MODEL"))


def joined(headers: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Headers by their lower-case names; those of one name joined."""
    found: dict[str, str] = {}
    for name, value in headers:
        key = name.lower()
        found[key] = f"{found[key]}, {value}" if key in found else value
    return found


def message(method: str, model: str) -> bytes:
    """A message for a gRPC method that names the model."""
    service, _, name = method.strip("/").partition("/")
    kind = shared_pool().FindServiceByName(service).methods_by_name[name].input_type
    made = message_class(kind.full_name)(**FILLED.get(kind.full_name, {}))
    if "SharedMemory" not in kind.name:  # whose names are those of regions
        fill(made, model)
    filled: bytes = made.SerializeToString()
    return filled


def fill(made: Any, model: str) -> None:
    """Put the model's name wherever a message has a place for it."""
    for field in made.DESCRIPTOR.fields:
        if field.name == "model_spec":
            made.model_spec.name = model
        elif field.name == "tasks":
            fill(made.tasks.add(method_name="tensorflow/serving/classify"), model)
        elif field.name == "input" and field.message_type.full_name == "tensorflow.serving.Input":
            example = made.input.example_list.examples.add()
            example.features.feature["pixels"].float_list.value.extend(PIXELS[0])
        elif field.name == "config" and field.message_type is not None:
            made.config.model_config_list.config.add(name=model, base_path="/models")
        elif field.name in ("model_name", "name") and field.message_type is None:
            setattr(made, field.name, model)
