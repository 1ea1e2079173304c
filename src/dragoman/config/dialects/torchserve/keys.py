"""Every key of `config.properties`, and what becomes of it here."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level
from dragoman.config.dialects.torchserve.flags import HONOURED, IGNORED, NO_TOKENS, UNSUPPORTED

LOOPBACK: Final = "127.0.0.1"
NO_METRICS: Final = "enable_metrics_api is false: nothing answers at its address"
LOOP: Final = "requests are served on one event loop"
URLS: Final = "registration.allowed_urls; without it no URL is, where TorchServe allows all"
SEQUENCE: Final = "requests of a sequence are not kept together; a handler sees the usual names"
NO_WORKFLOWS: Final = "workflows are not served; pipelines are"
NO_COMMAND: Final = "the server itself looks at the machine"
AGE: Final = "connections last as long as their clients keep them"

# A key whose default is empty has none. The environment sets TS_ and the key in capitals.
ROWS: Final[tuple[Flag, ...]] = (
    Flag("inference_address", "http://127.0.0.1:8080", HONOURED, "the listener; https:// with TLS"),
    Flag("management_address", "http://127.0.0.1:8081", HONOURED, "the listener; https:// with TLS"),
    Flag("metrics_address", "http://127.0.0.1:8082", HONOURED, "the listener of the metrics alone"),
    Flag("grpc_inference_address", LOOPBACK, HONOURED, "the host of the listener for gRPC"),
    Flag("grpc_inference_port", 7070, HONOURED, "its port"),
    Flag("grpc_management_address", LOOPBACK, HONOURED, "the host of the listener for management over gRPC"),
    Flag("grpc_management_port", 7071, HONOURED, "its port"),
    Flag("model_store", "", HONOURED, "where archives lie, registration.store; their code is trusted"),
    Flag("load_models", "", HONOURED, "models and repository, each with all its versions"),
    Flag("models", "", HONOURED, "handler of each model that load_models loads"),
    Flag("model_snapshot", "", HONOURED, "models, in the place of load_models"),
    Flag("default_workers_per_model", 0, HONOURED, "handler.min_workers; 0 = one per GPU or core, at start"),
    Flag("default_response_timeout", 120, HONOURED, "handler.response_timeout_s"),
    Flag("default_startup_timeout", 120, HONOURED, "handler.startup_timeout_s"),
    Flag("unregister_model_timeout", 120, IGNORED, "a version goes when its last request has been answered"),
    Flag("job_queue_size", 100, HONOURED, "handler.job_queue_size"),
    Flag("max_request_size", 6_553_500, HONOURED, "limits.body_bytes"),
    Flag("max_response_size", 6_553_500, IGNORED, "answers of any size are sent"),
    Flag("default_service_handler", "", HONOURED, "handler.handler, where a manifest names none"),
    Flag("service_envelope", "", HONOURED, "handler.service_envelope: body, json, kserve or kservev2"),
    Flag("decode_input_request", True, HONOURED, "handler.decode_input"),
    Flag("limit_max_image_pixels", True, HONOURED, "handler.limit_image_pixels"),
    Flag("install_py_dep_per_model", False, HONOURED, "archives.install_requirements"),
    Flag("keystore", "", HONOURED, "tls.keystore of listeners at https://; wins over the two files below"),
    Flag("keystore_pass", "changeit", HONOURED, "tls.keystore_password"),
    Flag("keystore_type", "PKCS12", UNSUPPORTED, "only PKCS12 is read: keytool -importkeystore makes one"),
    Flag("private_key_file", "", HONOURED, "tls.key of listeners at https://"),
    Flag("certificate_file", "", HONOURED, "tls.certificate of listeners at https://"),
    Flag("enable_grpc_ssl", False, HONOURED, "tls of the listeners for gRPC"),
    Flag("cors_allowed_origin", "", HONOURED, "cors.origin of the listener"),
    Flag("cors_allowed_methods", "", HONOURED, "cors.methods of the listener"),
    Flag("cors_allowed_headers", "", HONOURED, "cors.headers of the listener"),
    Flag(NO_TOKENS, False, HONOURED, "whether access is open; else tokens.file is key_file.json"),
    Flag("token_expiration_min", 60, HONOURED, "tokens.expiration_min"),
    Flag("enable_model_api", False, HONOURED, "registration.enabled"),
    Flag("allowed_urls", "file://.*|http(s)?://.*", HONOURED, URLS),
    Flag("use_env_allowed_urls", False, HONOURED, "whether TS_ALLOWED_URLS counts, too"),
    Flag("enable_envvars_config", False, HONOURED, "whether TS_ variables win over this file and the flags"),
    Flag("blacklist_env_vars", "", HONOURED, "worker.hidden_environment"),
    Flag("number_of_gpu", 0, HONOURED, "engine_options: handler: gpus, the first so many"),
    Flag("initial_worker_port", 9000, IGNORED, "workers have no ports"),
    Flag("initial_distribution_port", 29500, IGNORED, "workers have no ports"),
    Flag("ts_open_inference_protocol", False, HONOURED, "V2 is always there; server_name becomes Torchserve"),
    Flag("ts_header_key_sequence_id", "ts_request_sequence_id", IGNORED, SEQUENCE),
    Flag("ts_header_key_sequence_start", "ts_request_sequence_start", IGNORED, SEQUENCE),
    Flag("ts_header_key_sequence_end", "ts_request_sequence_end", IGNORED, SEQUENCE),
    Flag("workflow_store", "", IGNORED, NO_WORKFLOWS),
    Flag("debug", False, HONOURED, "one worker for each model"),
    Flag("metrics_mode", "log", HONOURED, "metrics.torchserve: log, prometheus or legacy"),
    Flag("metrics_config", "", HONOURED, "metrics.torchserve_file, handler.metrics_file"),
    Flag("model_metrics_auto_detect", False, HONOURED, "metrics.torchserve_auto_detect"),
    Flag("enable_metrics_api", True, HONOURED, "whether the metrics have a listener"),
    Flag("disable_system_metrics", False, HONOURED, "metrics.torchserve_system_s: 0"),
    Flag("metric_time_interval", 60, HONOURED, "metrics.torchserve_system_s"),
    Flag("system_metrics_cmd", "", IGNORED, NO_COMMAND),
    Flag("plugins_path", "", UNSUPPORTED, "Java plug-ins are not loaded"),
    Flag("vmargs", "", IGNORED, "there is no Java"),
    Flag("async_logging", False, IGNORED, "log is what configures the log"),
    Flag("cpp_log_config", "", IGNORED, "there are no workers in C++"),
    Flag("number_of_netty_threads", 0, IGNORED, LOOP),
    Flag("netty_client_threads", 0, IGNORED, LOOP),
    Flag("prefer_direct_buffer", False, IGNORED, LOOP),
    Flag("use_native_io", True, IGNORED, LOOP),
    Flag("io_ratio", 50, IGNORED, LOOP),
    Flag("grpc_inference_max_connection_age_ms", 0, IGNORED, AGE),
    Flag("grpc_inference_max_connection_age_grace_ms", 0, IGNORED, AGE),
    Flag("grpc_management_max_connection_age_ms", 0, IGNORED, AGE),
    Flag("grpc_management_max_connection_age_grace_ms", 0, IGNORED, AGE),
    Flag("ipex_enable", False, IGNORED, "Intel's extension is not applied; models answer the same"),
    Flag("ipex_gpu_enable", False, IGNORED, "Intel's extension is not applied; models answer the same"),
    Flag("cpu_launcher_enable", False, IGNORED, "each worker has its share of the cores"),
    Flag("cpu_launcher_args", "", IGNORED, "each worker has its share of the cores"),
    Flag("model_server_home", "", IGNORED, "nothing is looked for there"),
    Flag("python", "", IGNORED, "workers run this server's Python"),
    Flag("tsConfigFile", "", IGNORED, "snapshots name the file that they came from"),
    Flag("version", "", IGNORED, "snapshots name the release that wrote them"),
)
KEYS: Final[Mapping[str, Flag]] = {key.name: key for key in ROWS}
FILE_ONLY: Final = frozenset(  # no TS_ variable sets these
    {
        "enable_envvars_config", "io_ratio", "metric_time_interval", "model_snapshot", "models", "python",
        "system_metrics_cmd", "tsConfigFile", "use_env_allowed_urls", "use_native_io", "version", "vmargs",
        "plugins_path",
    }
)  # fmt: skip

VERSION_KEYS: Final[Mapping[str, tuple[Level, str]]] = {
    "defaultVersion": (HONOURED, "versions.default"),
    "marName": (HONOURED, "path"),
    "minWorkers": (HONOURED, "handler.min_workers"),
    "maxWorkers": (HONOURED, "handler.max_workers"),
    "batchSize": (HONOURED, "handler.batch_size"),
    "maxBatchDelay": (HONOURED, "handler.max_batch_delay_ms"),
    "responseTimeout": (HONOURED, "handler.response_timeout_s"),
    "startupTimeout": (HONOURED, "handler.startup_timeout_s"),
    "runtimeType": (IGNORED, "the manifest's runtime counts"),
    "parallelLevel": (IGNORED, "a model runs in one process"),
}
