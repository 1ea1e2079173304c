"""Every flag of TensorFlow Serving's model server, and what becomes of it here."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level

HONOURED, IGNORED, UNSUPPORTED = Level.HONOURED, Level.IGNORED, Level.UNSUPPORTED

ROWS: Final[tuple[Flag, ...]] = (
    Flag("port", 8500, HONOURED, "the gRPC listener's port; 0 = none"),
    Flag("grpc_socket_path", "", UNSUPPORTED, "there are no unix sockets; use --port"),
    Flag("rest_api_port", 0, HONOURED, "the REST listener's port; 0 = none"),
    Flag("rest_api_num_threads", 0, IGNORED, "REST runs on one event loop"),
    Flag("rest_api_timeout_in_ms", 30000, HONOURED, "limits.request_timeout_s, over REST and gRPC"),
    Flag("rest_api_enable_cors_support", False, HONOURED, "cors of the REST listener"),
    Flag("model_name", "default", HONOURED, "the model's name"),
    Flag("model_base_path", "", HONOURED, "the model's folder of version folders"),
    Flag("model_config_file", "", HONOURED, "the list of models"),
    Flag("model_config_file_poll_wait_seconds", 0, HONOURED, "config_poll_s; 0 = the file is read at SIGHUP"),
    Flag("file_system_poll_wait_seconds", 1, HONOURED, "polling.poll_s; 0 = only once"),
    Flag("enable_batching", False, HONOURED, "every_model.batching"),
    Flag("batching_parameters_file", "", HONOURED, "every_model.batching, with --enable_batching"),
    Flag("enable_per_model_batching_parameters", False, HONOURED, "batching of each model"),
    Flag(
        "allow_version_labels_for_unavailable_models", False, HONOURED,
        "labels_before_load; at the start labels may always name any version",
    ),
    Flag("num_load_threads", 0, HONOURED, "loading.at_once"),
    Flag("num_unload_threads", 0, IGNORED, "versions are unloaded beside the requests anyway"),
    Flag("max_num_load_retries", 5, HONOURED, "loading.retries; 2 where it is not given"),
    Flag("load_retry_interval_micros", 60_000_000, HONOURED, "loading.first_pause_s; the pauses stay equal"),
    Flag("ssl_config_file", "", HONOURED, "tls of the gRPC listener"),
    Flag("monitoring_config_file", "", HONOURED, "metrics.tensorflow_serving_path"),
    Flag("enable_model_warmup", True, HONOURED, "loading.recorded_warm_up"),
    Flag("num_request_iterations_for_warmup", 0, IGNORED, "recorded requests are replayed once"),
    Flag("grpc_channel_arguments", "", IGNORED, "limits bound what a peer may take"),
    Flag("grpc_max_threads", 0, IGNORED, "gRPC runs on one event loop"),
    Flag("enable_grpc_healthcheck_service", False, HONOURED, "the health service is always there"),
    Flag("enable_serialization_as_tensor_content", False, HONOURED, "raw_tensors of the gRPC listener"),
    Flag("enable_signature_method_name_check", False, IGNORED, "a signature's shape tells its method"),
    Flag("tensorflow_session_parallelism", 0, HONOURED, "both of these, where they are not given"),
    Flag("tensorflow_intra_op_parallelism", 0, HONOURED, "engine_options: intra_op_threads"),
    Flag("tensorflow_inter_op_parallelism", 0, HONOURED, "engine_options: inter_op_threads"),
    Flag("per_process_gpu_memory_fraction", 0.0, HONOURED, "engine_options: tensorflow: gpu_memory_fraction"),
    Flag("saved_model_tags", "serve", HONOURED, "engine_options: tensorflow: saved_model_tags"),
    Flag("version", False, HONOURED, "prints the version and ends"),
    Flag("platform_config_file", "", IGNORED, "the files of a model tell its engine"),
    Flag("tensorflow_session_config_file", "", IGNORED, "sessions are an engine's own business"),
    Flag("use_alts_credentials", False, UNSUPPORTED, "there is no ALTS; use --ssl_config_file"),
    Flag("flush_filesystem_caches", True, IGNORED, "files are read once, when a version loads"),
    Flag("remove_unused_fields_from_bundle_metagraph", True, IGNORED, "graphs are not kept"),
    Flag("prefer_tflite_model", False, IGNORED, "engine, in a model's settings, chooses among the files"),
    Flag("num_tflite_pools", 1, IGNORED, "threads are an option of each model's engine"),
    Flag("num_tflite_interpreters_per_pool", 1, IGNORED, "threads are an option of each model's engine"),
    Flag("xla_cpu_compilation_enabled", False, IGNORED, "compilation is an engine's own business"),
    Flag("xla_gpu_compilation_enabled", False, IGNORED, "compilation is an engine's own business"),
    Flag("enable_profiler", True, IGNORED, "there is no profiler service"),
    Flag("thread_pool_factory_config_file", "", IGNORED, "there are no thread pools to replace"),
    Flag("mixed_precision", "", IGNORED, "models run in their own precision"),
    Flag("skip_initialize_tpu", False, IGNORED, "there are no TPUs"),
)  # fmt: skip
FLAGS: Final[Mapping[str, Flag]] = {flag.name: flag for flag in ROWS}
