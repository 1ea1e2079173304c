"""The route table: the same calls below each of the prefixes that clients are pointed at."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Final

from msgspec.structs import replace

from dragoman.core.requests import Verb
from dragoman.protocols.openai.chat import bind_chat, encode_chat, parse_chat
from dragoman.protocols.openai.completions import bind_completion, encode_completion, parse_completion
from dragoman.protocols.openai.embeddings import (
    bind_embedding,
    encode_embedding,
    parse_embedding,
    parse_mounted_embedding,
    written_bytes,
)
from dragoman.protocols.openai.errors import fail, fail_view, refuse
from dragoman.protocols.openai.models import answer_model, answer_models
from dragoman.protocols.openai.mounted import parse_mounted
from dragoman.protocols.openai.rerank import bind_rerank, encode_rerank, parse_rerank
from dragoman.protocols.openai.streaming import stream_chat, stream_completion
from dragoman.protocols.openai.tokenize import bind_tokenize, encode_tokenize, parse_tokenize
from dragoman.wire import v1_models
from dragoman.wire.operation import HttpRoute, InferOperation, ProtocolSpec, StatusOperation
from dragoman.wire.surroundings import Surroundings

V1: Final = "/v1"  # whose models others show, too
MODELS: Final = ("{model}", "{model}/versions/{version:digits}")  # where mounts lead to
OVMS: Final = ("/v3", "/v3/v1")
KSERVE: Final = ("/openai/v1",)
OTHERS: Final = (*OVMS, *KSERVE)
CHAT, COMPLETION, EMBEDDINGS = "chat/completions", "completions", "embeddings"
LIST: Final = StatusOperation("openai.rest.list", answer_models, fail_view)
EMBEDDING: Final = InferOperation(
    name="openai.rest.embedding",
    verb=Verb.INFER,
    parse=parse_embedding,
    bind=bind_embedding,
    encode=encode_embedding,
    fail=fail,
    writing=written_bytes,
    tells_id=True,
)
TOKENIZE: Final = InferOperation(
    name="openai.rest.tokenize",
    verb=Verb.INFER,
    parse=parse_tokenize,
    bind=bind_tokenize,
    encode=encode_tokenize,
    fail=fail,
    tells_id=True,
)
MOUNTED_EMBEDDING: Final = replace(EMBEDDING, parse=parse_mounted_embedding)
MODEL: Final = StatusOperation("openai.rest.model", answer_model, fail_view)


def make_protocol(surroundings: Surroundings) -> ProtocolSpec:
    """OpenAI's API, whose answers need new ids and the time."""
    chat = InferOperation(
        name="openai.rest.chat",
        verb=Verb.INFER,
        parse=partial(parse_chat, surroundings),
        bind=bind_chat,
        encode=encode_chat,
        fail=fail,
        stream=stream_chat,
        tells_id=True,
        ends_at_eof=True,
    )
    completion = InferOperation(
        name="openai.rest.completion",
        verb=Verb.INFER,
        parse=partial(parse_completion, surroundings),
        bind=bind_completion,
        encode=encode_completion,
        fail=fail,
        stream=stream_completion,
        tells_id=True,
        ends_at_eof=True,
    )
    rerank = replace(
        EMBEDDING,
        name="openai.rest.rerank",
        parse=partial(parse_rerank, surroundings),
        bind=bind_rerank,
        encode=encode_rerank,
        writing=None,
    )
    named = {
        CHAT: chat,
        COMPLETION: completion,
        EMBEDDINGS: EMBEDDING,
        "rerank": rerank,
        "tokenize": TOKENIZE,
    }
    of_path = {CHAT: mounted(chat), COMPLETION: mounted(completion), EMBEDDINGS: MOUNTED_EMBEDDING}
    v1 = (
        HttpRoute("POST", "/tokenize", TOKENIZE),
        *calls(V1, named),
        *(route for below in MODELS for route in calls(f"{V1}/models/{below}", of_path)),
        HttpRoute("GET", f"{V1}/models", v1_models.MODELS),
        HttpRoute("GET", f"{V1}/models/{{model}}", v1_models.MODEL),
    )
    below_others = tuple(route for prefix in OTHERS for route in whole(prefix, named))
    below_ovms = tuple(route for prefix in OVMS for route in whole(prefix, named))
    below_kserve = tuple(route for prefix in KSERVE for route in whole(prefix, named))
    return ProtocolSpec(
        name="openai",
        prefixes=("/v1/", "/v3/", "/openai/"),
        routes={"superset": (*v1, *below_others), "ovms": below_ovms, "kserve": below_kserve},
        refuse=refuse,
    )


def mounted(operation: InferOperation) -> InferOperation:
    """The same of a model that the path names."""
    return replace(operation, parse=partial(parse_mounted, operation.parse))


def calls(prefix: str, operations: Mapping[str, InferOperation]) -> Iterator[HttpRoute]:
    """The calls of models."""
    for path, operation in operations.items():
        yield HttpRoute("POST", f"{prefix}/{path}", operation)


def whole(prefix: str, operations: Mapping[str, InferOperation]) -> Iterator[HttpRoute]:
    """The calls and the list of models."""
    yield from calls(prefix, operations)
    yield HttpRoute("GET", f"{prefix}/models", LIST)
    yield HttpRoute("GET", f"{prefix}/models/{{model}}", MODEL)
