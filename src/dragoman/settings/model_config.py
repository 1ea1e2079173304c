"""`model-config.yaml` of a model archive: what the server reads of it, and all of it for the handler.

A key of another type than its own is a warning, and counts as not given.
Source: TorchServe 0.12, frontend/archive, ModelConfig.java.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, ValidationError, convert, field
from msgspec.structs import fields

from dragoman.settings.yaml_document import refusal
from dragoman.settings.yaml_mapping import read_mapping

NotNegative = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1)]


class ModelConfig(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The keys that are the server's. None = not given; what it then is depends on who else says it."""

    min_workers: NotNegative | None = None
    max_workers: NotNegative | None = None
    batch_size: Positive | None = None
    max_batch_delay_ms: NotNegative | None = field(default=None, name="maxBatchDelay")
    response_timeout_s: Positive | None = field(default=None, name="responseTimeout")
    startup_timeout_s: Positive | None = field(default=None, name="startupTimeout")
    max_retry_timeout_s: NotNegative | None = field(default=None, name="maxRetryTimeoutInSec")
    client_timeout_ms: NotNegative | None = field(default=None, name="clientTimeoutInMills")
    job_queue_size: Positive | None = None
    use_job_ticket: bool | None = None
    use_venv: bool | None = None
    device_type: Literal["cpu", "gpu"] | None = None
    device_ids: tuple[NotNegative, ...] | None = None
    parallel_type: Literal["pp", "tp", "pptp", "custom"] | None = None
    parallel_level: Positive | None = None
    torchrun: dict[str, Any] | None = None
    continuous_batching: bool | None = None
    sequence_batching: bool | None = None
    async_communication: bool | None = None
    sequence_max_idle_ms: NotNegative | None = field(default=None, name="sequenceMaxIdleMSec")
    sequence_timeout_ms: NotNegative | None = field(default=None, name="sequenceTimeoutMSec")
    max_sequence_job_queue_size: Positive | None = None
    max_num_sequence: Positive | None = None


class ModelConfigDocument(msgspec.Struct, frozen=True):
    """A whole file: the server's part, every key for the handler, and warnings."""

    config: ModelConfig = ModelConfig()
    tree: Mapping[Any, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def read_model_config(text: str, file: str) -> ModelConfigDocument:
    """What a `model-config.yaml` says.

    Errors: INVALID_ARGUMENT naming file and line, where this is no YAML mapping.
    """
    document = read_mapping(text, file)
    values: dict[str, Any] = {}
    notes = list(document.notes)
    for key in fields(ModelConfig):
        given = document.tree.get(key.encode_name)
        if given is None:
            continue
        form = get_args(key.type)[0]  # without the None
        try:
            values[key.name] = convert(given, form)
        except ValidationError as error:
            why = refusal(form, given, error)
            notes.append(f"{file}: {key.encode_name}: {why}; the key is ignored")
    return ModelConfigDocument(ModelConfig(**values), document.tree, tuple(notes))
