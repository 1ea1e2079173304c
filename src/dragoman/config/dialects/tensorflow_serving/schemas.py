"""The files of TensorFlow Serving in protobuf's text format, as tables, and what becomes of each key."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.dialect import Level
from dragoman.config.text_message import Field, Fields, Type

HONOURED, IGNORED = Level.HONOURED, Level.IGNORED

STRING: Final = Field(Type.STRING)
INT64: Final = Field(Type.INT64)
BOOL: Final = Field(Type.BOOL)


def wrapped(type_: Type) -> Field:
    """One of protobuf's wrapper messages: `{ value: 3 }`."""
    return Field(Type.MESSAGE, fields={"value": Field(type_)})


POLICY: Final[Fields] = {
    "latest": Field(Type.MESSAGE, fields={"num_versions": Field(Type.INT64)}, choice="policy_choice"),
    "all": Field(Type.MESSAGE, choice="policy_choice"),
    "specific": Field(
        Type.MESSAGE, fields={"versions": Field(Type.INT64, repeated=True)}, choice="policy_choice"
    ),
}
MODEL: Final[Fields] = {
    "name": STRING,
    "base_path": STRING,
    "model_type": Field(Type.NAME, names=("MODEL_TYPE_UNSPECIFIED", "TENSORFLOW", "OTHER")),
    "model_platform": STRING,
    "logging_config": Field(Type.ANY),
    "model_version_policy": Field(Type.MESSAGE, fields=POLICY),
    "version_labels": Field(
        Type.MESSAGE, repeated=True, fields={"key": Field(Type.STRING), "value": Field(Type.INT64)}
    ),
}
MODEL_SERVER: Final[Fields] = {
    "model_config_list": Field(
        Type.MESSAGE,
        fields={"config": Field(Type.MESSAGE, repeated=True, fields=MODEL)},
        choice="config",
    ),
    "custom_model_config": Field(Type.ANY, choice="config"),
}
BATCHING: Final[Fields] = {
    "max_batch_size": wrapped(Type.INT64),
    "batch_timeout_micros": wrapped(Type.INT64),
    "max_enqueued_batches": wrapped(Type.INT64),
    "num_batch_threads": wrapped(Type.INT64),
    "thread_pool_name": wrapped(Type.STRING),
    "allowed_batch_sizes": Field(Type.INT64, repeated=True),
    "pad_variable_length_inputs": BOOL,
    "enable_large_batch_splitting": wrapped(Type.BOOL),
    "max_execution_batch_size": wrapped(Type.INT64),
}
SSL: Final[Fields] = {"server_key": STRING, "server_cert": STRING, "custom_ca": STRING, "client_verify": BOOL}
MONITORING: Final[Fields] = {
    "prometheus_config": Field(Type.MESSAGE, fields={"enable": BOOL, "path": STRING}),
}

# By file and key: what becomes of it.
KEYS: Final[Mapping[str, Mapping[str, tuple[Level, str]]]] = {
    "model_config_file": {
        "name": (HONOURED, "the model's name"),
        "base_path": (HONOURED, "the model's path; absolute, and on this machine"),
        "model_platform": (IGNORED, "has to be there; the files of a model tell its engine"),
        "model_type": (IGNORED, "instead of model_platform; the files of a model tell its engine"),
        "logging_config": (IGNORED, "requests are not recorded"),
        "model_version_policy": (HONOURED, "versions"),
        "version_labels": (HONOURED, "labels; a version that is not loaded has none"),
        "custom_model_config": (Level.UNSUPPORTED, "only a model_config_list can be served"),
    },
    "batching_parameters_file": {
        "max_batch_size": (HONOURED, "batching.max_size; a larger request runs alone and is not refused"),
        "batch_timeout_micros": (HONOURED, "batching.delay_ms; a request that comes alone does not wait"),
        "max_enqueued_batches": (HONOURED, "batching.max_queue, times max_batch_size"),
        "num_batch_threads": (HONOURED, "threads of each model"),
        "thread_pool_name": (IGNORED, "pools have no names"),
        "allowed_batch_sizes": (HONOURED, "batching.allowed_sizes"),
        "pad_variable_length_inputs": (HONOURED, "batching.pad; without it unlike requests run apart"),
        "enable_large_batch_splitting": (HONOURED, "makes max_execution_batch_size count"),
        "max_execution_batch_size": (HONOURED, "batching.max_size, with enable_large_batch_splitting"),
    },
    "ssl_config_file": {
        "server_key": (HONOURED, "tls.key"),
        "server_cert": (HONOURED, "tls.certificate"),
        "custom_ca": (HONOURED, "tls.client_ca"),
        "client_verify": (HONOURED, "tls.client_certificates: required"),
    },
    "monitoring_config_file": {
        "prometheus_config.enable": (HONOURED, "whether there is that path"),
        "prometheus_config.path": (HONOURED, "metrics.tensorflow_serving_path"),
    },
}
