"""The route table, in the form for the default listener and in KServe's own."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.kserve_v1.errors import fail, refuse
from dragoman.protocols.kserve_v1.example import make_example
from dragoman.protocols.kserve_v1.status import answer_alive, answer_models, answer_ready
from dragoman.wire import v1_models
from dragoman.wire.effort import json_to_read
from dragoman.wire.explanation import numbers_to_write
from dragoman.wire.http_errors import fail_status
from dragoman.wire.operation import HttpRoute, InferOperation, ProtocolSpec, StatusOperation
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.target import MODELS, VERSIONS
from dragoman.wire.v1.predict import bind_predict, encode_predictions, parse_predict

ALIVE: Final = StatusOperation("kserve_v1.rest.alive", answer_alive, fail_status, permission=None)
LIST: Final = StatusOperation("kserve_v1.rest.list", answer_models, fail_status)
READY: Final = StatusOperation("kserve_v1.rest.ready", answer_ready, fail_status)


def make_protocol(surroundings: Surroundings) -> ProtocolSpec:
    """KServe V1, whose events need new ids and the time."""
    return ProtocolSpec(
        name="kserve_v1",
        prefixes=("/v1/",),
        routes={
            "superset": tuple(routes(surroundings, superset=True)),
            "kserve": tuple(routes(surroundings, superset=False)),
        },
        refuse=refuse,
        examples={"superset": (make_example,), "kserve": (make_example,)},
    )


def routes(surroundings: Surroundings, superset: bool) -> Iterator[HttpRoute]:
    """The routes of one form."""
    predict = InferOperation(
        name="kserve_v1.rest.predict",
        verb=Verb.INFER,
        parse=partial(parse_predict, superset),
        bind=partial(bind_predict, False),
        encode=partial(encode_predictions, "predictions", surroundings),
        fail=fail,
        reading=json_to_read,
    )
    explain = InferOperation(
        name="kserve_v1.rest.explain",
        verb=Verb.EXPLAIN,
        parse=partial(parse_predict, superset),
        bind=partial(bind_predict, True),
        encode=partial(encode_predictions, "explanations", surroundings),
        fail=fail,
        writing=numbers_to_write,
    )
    yield HttpRoute("GET", "/", ALIVE)
    yield HttpRoute("GET", MODELS, v1_models.MODELS if superset else LIST)
    for version in VERSIONS:
        model = f"{MODELS}/{{model}}{version}"
        yield HttpRoute("GET", model, v1_models.MODEL if superset else READY)
        yield HttpRoute("POST", f"{model}:predict", predict)
        yield HttpRoute("POST", f"{model}:explain", explain)
