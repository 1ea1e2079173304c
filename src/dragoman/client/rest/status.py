"""What a server says of its models, over REST."""

from collections.abc import Mapping
from typing import Any, Final

from dragoman.client.documents import (
    checked,
    member,
    members,
    open_shape,
    read_dtype,
    read_list,
    read_object,
    read_shape,
)
from dragoman.client.exchange import Answer
from dragoman.client.rest.failures import OK, failure
from dragoman.client.results import ModelMetadata, ModelState, TensorMetadata

NOT_READY: Final = frozenset({400, 404, 503})  # Triton's, everyone's for what is unknown, and KServe's


def read_ready(answer: Answer) -> bool:
    """Whether the model, or the server, is ready."""
    if answer.status == OK:
        return True
    if answer.status in NOT_READY:
        return False
    raise failure(answer)


def read_metadata(answer: Answer) -> ModelMetadata:
    """What a model takes and gives."""
    document = read_object(answer.body)
    versions = [
        checked(item, str, "each of the answer's 'versions'")
        for item in member(document, "versions", list, [])
    ]
    return ModelMetadata(
        name=member(document, "name", str),
        versions=versions,
        platform=member(document, "platform", str, ""),
        inputs=read_tensors(document, "inputs"),
        outputs=read_tensors(document, "outputs"),
    )


def read_tensors(document: dict[str, Any], key: str) -> Mapping[str, TensorMetadata]:
    """The inputs or outputs of a model by name."""
    found = [
        TensorMetadata(member(item, "name", str), read_dtype(item), open_shape(read_shape(item)))
        for item in members(document, key)
    ]
    return {tensor.name: tensor for tensor in found}


def read_models(answer: Answer) -> list[ModelState]:
    """The versions in a repository."""
    entries = [checked(item, dict, "each model") for item in read_list(answer.body)]
    return [
        ModelState(
            name=member(entry, "name", str),
            version=member(entry, "version", str, ""),
            state=member(entry, "state", str, ""),
            reason=member(entry, "reason", str, ""),
        )
        for entry in entries
    ]


def read_statistics(answer: Answer) -> list[dict[str, Any]]:
    """What models have done, one entry per version."""
    return members(read_object(answer.body), "model_stats")


def read_config(answer: Answer) -> dict[str, Any]:
    """A model's configuration."""
    return read_object(answer.body)
