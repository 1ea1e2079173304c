"""The route table: below each model, where mounts lead to, and without a name, where one model is meant."""

from collections.abc import Iterator
from functools import partial
from typing import Final

from dragoman.core.requests import Verb
from dragoman.protocols.deeploy.calls import bind_call, encode_call, parse_explain, parse_predict
from dragoman.protocols.deeploy.errors import fail, refuse
from dragoman.wire.effort import json_to_read
from dragoman.wire.explanation import numbers_to_write
from dragoman.wire.operation import HttpRoute, InferOperation, ProtocolSpec
from dragoman.wire.surroundings import Surroundings
from dragoman.wire.target import MODELS, VERSIONS
from dragoman.wire.v1.predict import bind_predict, encode_predictions

PREFIXES: Final = ("/deployments/", "/workspaces/", "/predict", "/explain")


def make_protocol(surroundings: Surroundings) -> ProtocolSpec:
    """Deeploy's calls; those of texts are OpenAI's, which puts them at the same places."""
    calls = {
        "predict": InferOperation(
            name="deeploy.rest.predict",
            verb=Verb.INFER,
            parse=parse_predict,
            bind=bind_call,
            encode=partial(encode_call, surroundings),
            fail=fail,
            reading=json_to_read,
        ),
        "explain": InferOperation(
            name="deeploy.rest.explain",
            verb=Verb.EXPLAIN,
            parse=parse_explain,
            bind=partial(bind_predict, True),
            encode=partial(encode_predictions, "explanations", surroundings),
            fail=fail,
            writing=numbers_to_write,
        ),
    }
    named = tuple(routes(calls))
    unnamed = tuple(HttpRoute("POST", f"/{word}", operation) for word, operation in calls.items())
    return ProtocolSpec(
        name="deeploy",
        prefixes=PREFIXES,
        routes={"superset": (*named, *unnamed), "kserve": named},
        refuse=refuse,
    )


def routes(calls: dict[str, InferOperation]) -> Iterator[HttpRoute]:
    """The calls of models by their names, as mounts write their paths anew."""
    for version in VERSIONS:
        for word, operation in calls.items():
            yield HttpRoute("POST", f"{MODELS}/{{model}}{version}/{word}", operation)
