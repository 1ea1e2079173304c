"""The gRPC methods: PredictionService and ModelService."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.core.tensors import Tensor
from dragoman.protocols.tfs.grpc import bind_predict, fail_predict
from dragoman.protocols.tfs.grpc_examples import (
    CLASSIFY,
    REGRESS,
    Task,
    bind_task,
    encode_task,
    encode_tasks,
    fail_task,
    fail_tasks,
    parse_task,
    parse_tasks,
)
from dragoman.protocols.tfs.grpc_reload import encode_reload, fail_reload, parse_reload
from dragoman.protocols.tfs.grpc_status import (
    about_metadata,
    about_status,
    answer_metadata,
    answer_status,
    fail_status,
)
from dragoman.wire.effort import predict_message_to_read
from dragoman.wire.operation import (
    ControlOperation,
    GrpcForm,
    GrpcRoute,
    InferOperation,
    MultiInferOperation,
    StatusOperation,
)
from dragoman.wire.predict_message import encode_predict, parse_predict
from dragoman.wire.tensor_proto import Written, write_content, write_values

PREDICTION: Final = "/tensorflow.serving.PredictionService"
MODEL: Final = "/tensorflow.serving.ModelService"


def grpc_routes(superset: bool) -> Iterator[GrpcRoute]:
    """Every method, bound to the dialect's answers."""
    yield GrpcRoute(f"{PREDICTION}/Predict", predict(superset, write_values), partial(predicted, superset))
    yield GrpcRoute(f"{PREDICTION}/Classify", examples("tfs.grpc.classify", superset, CLASSIFY))
    yield GrpcRoute(f"{PREDICTION}/Regress", examples("tfs.grpc.regress", superset, REGRESS))
    yield GrpcRoute(f"{PREDICTION}/MultiInference", multi_inference(superset))
    metadata = StatusOperation(
        "tfs.grpc.metadata", partial(answer_metadata, superset), fail_status, about=about_metadata
    )
    yield GrpcRoute(f"{PREDICTION}/GetModelMetadata", metadata)
    status = StatusOperation(
        "tfs.grpc.status", partial(answer_status, superset), fail_status, about=about_status
    )
    yield GrpcRoute(f"{MODEL}/GetModelStatus", status)
    reload = ControlOperation("tfs.grpc.reload", parse_reload, encode_reload, fail_reload)
    yield GrpcRoute(f"{MODEL}/HandleReloadConfigRequest", reload)


def predicted(superset: bool, form: GrpcForm) -> InferOperation:
    """Predict as a listener's settings form it."""
    return predict(superset, write_content if form.raw_tensors else write_values)


def predict(superset: bool, write: Callable[[Tensor], Written]) -> InferOperation:
    """Predict with its tensors written in that form."""
    return InferOperation(
        name="tfs.grpc.predict",
        verb=Verb.INFER,
        parse=partial(parse_predict, superset),
        bind=partial(bind_predict, superset),
        encode=partial(encode_predict, write),
        fail=partial(fail_predict, superset),
        binds_at_once=True,
        reading=predict_message_to_read,
    )


def examples(name: str, superset: bool, task: Task) -> InferOperation:
    """Classify or Regress."""
    return InferOperation(
        name=name,
        verb=Verb.INFER,
        parse=partial(parse_task, superset, task),
        bind=bind_task,
        encode=encode_task,
        fail=partial(fail_task, superset),
    )


def multi_inference(superset: bool) -> MultiInferOperation:
    """Several classifications and regressions at once."""
    return MultiInferOperation(
        name="tfs.grpc.multi_inference",
        verb=Verb.INFER,
        parse=partial(parse_tasks, superset),
        bind=bind_task,
        encode=encode_tasks,
        fail=partial(fail_tasks, superset),
    )
