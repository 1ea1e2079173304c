"""Every flag of OpenVINO Model Server, and what becomes of it here."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level

HONOURED, IGNORED, UNSUPPORTED = Level.HONOURED, Level.IGNORED, Level.UNSUPPORTED

SERVER: Final[tuple[Flag, ...]] = (  # of the server
    Flag("port", 0, HONOURED, "the gRPC listener's port; 0 = none"),
    Flag("rest_port", 0, HONOURED, "the REST listener's port; 0 = none"),
    Flag("grpc_bind_address", "0.0.0.0", HONOURED, "a gRPC listener for each address"),  # noqa: S104
    Flag("rest_bind_address", "0.0.0.0", HONOURED, "a REST listener for each address"),  # noqa: S104
    Flag("grpc_workers", 1, IGNORED, "gRPC runs on one event loop"),
    Flag("rest_workers", 0, IGNORED, "REST runs on one event loop"),
    Flag("grpc_max_threads", 0, IGNORED, "gRPC runs on one event loop"),
    Flag("grpc_memory_quota", 0, IGNORED, "limits bound what a peer may take"),
    Flag("grpc_channel_arguments", "", IGNORED, "limits bound what a peer may take"),
    Flag("config_path", "", HONOURED, "the file of models and pipelines"),
    Flag(
        "file_system_poll_wait_seconds", 1, HONOURED,
        "polling.poll_s and config_poll_s; 0 = only on request",
    ),
    Flag("sequence_cleaner_poll_wait_minutes", 5, IGNORED, "models keep no state between requests"),
    Flag("custom_node_resources_cleaner_interval_seconds", 300, IGNORED, "workers free what a node holds"),
    Flag("metrics_enable", False, HONOURED, "metrics.ovms"),
    Flag("metrics_list", "", HONOURED, "metrics.ovms_families"),
    Flag("log_level", "INFO", HONOURED, "log.level"),
    Flag("log_path", "", IGNORED, "the log goes to standard error"),
    Flag("cache_dir", "", HONOURED, "engine_options: openvino: cache_dir"),
    Flag("cpu_extension", "", UNSUPPORTED, "libraries of kernels are not loaded"),
    Flag("allowed_origins", "*", HONOURED, "cors.origin of the REST listeners"),
    Flag("allowed_methods", "*", HONOURED, "cors.methods of the REST listeners"),
    Flag("allowed_headers", "*", HONOURED, "cors.headers of the REST listeners"),
    Flag("allow_credentials", False, IGNORED, "pages send no credentials"),
    Flag("api_key_file", "", UNSUPPORTED, "keys are given to deployments; see docs/security.md"),
    Flag("allowed_local_media_path", "", IGNORED, "there are no chats with images"),
    Flag("allowed_media_domains", "", IGNORED, "there are no chats with images"),
)  # fmt: skip
MODEL: Final[tuple[Flag, ...]] = (  # of the one model of a command line without a file
    Flag("model_name", "", HONOURED, "the model's name"),
    Flag("model_path", "", HONOURED, "the model's folder of version folders"),
    Flag("mean", "", HONOURED, "preprocessing: mean"),
    Flag("scale", "", HONOURED, "preprocessing: scale"),
    Flag("color_format", "", HONOURED, "preprocessing: color_format"),
    Flag("precision", "", HONOURED, "preprocessing: precision"),
    Flag("batch_size", "", HONOURED, "options: batch_size"),
    Flag("shape", "", HONOURED, "options: shape"),
    Flag("layout", "", HONOURED, "options: layout"),
    Flag("model_version_policy", "", HONOURED, "versions"),
    Flag("nireq", 0, HONOURED, "options: nireq"),
    Flag("target_device", "CPU", HONOURED, "options: target_device"),
    Flag("plugin_config", "", HONOURED, "options: plugin_config"),
    Flag("allow_cache", False, IGNORED, "what is compiled is cached where cache_dir is given"),
    Flag("stateful", False, UNSUPPORTED, "models keep no state between requests"),
    Flag("idle_sequence_cleanup", True, IGNORED, "models keep no state between requests"),
    Flag("low_latency_transformation", False, UNSUPPORTED, "models keep no state between requests"),
    Flag("max_sequence_number", 500, IGNORED, "models keep no state between requests"),
)  # fmt: skip
EDITING: Final[tuple[Flag, ...]] = (  # of commands that edit a file, or tell something, and end
    Flag("add_to_config", False, HONOURED, "adds a model to the file of --config_path, and ends"),
    Flag("remove_from_config", False, HONOURED, "takes a model out of that file, and ends"),
    Flag("list_models", False, HONOURED, "lists the models of a repository, and ends"),
    Flag("model_repository_path", "", HONOURED, "where those models lie"),
    Flag("version", False, HONOURED, "prints the version and ends"),
    Flag("pull", False, UNSUPPORTED, "models are not fetched from hubs"),
    Flag("source_model", "", UNSUPPORTED, "models are not fetched from hubs"),
    Flag("task", "", UNSUPPORTED, "models are not fetched from hubs"),
)  # fmt: skip
MODEL_FLAGS: Final = frozenset(flag.name for flag in MODEL)
ROWS: Final[tuple[Flag, ...]] = (*SERVER, *MODEL, *EDITING)
FLAGS: Final[Mapping[str, Flag]] = {flag.name: flag for flag in ROWS}
