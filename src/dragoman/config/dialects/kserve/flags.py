"""Every flag of KServe's Python model server and of the servers built on it, and what becomes of it here."""

from collections.abc import Mapping
from typing import Final

from dragoman.config.command_line import Flag
from dragoman.config.dialect import Level

HONOURED, IGNORED, UNSUPPORTED = Level.HONOURED, Level.IGNORED, Level.UNSUPPORTED
ALONE: Final = "a transformer's; it goes on as a server of its own before this one"

ROWS: Final[tuple[Flag, ...]] = (
    Flag("http_port", 8080, HONOURED, "the HTTP listener's port"),
    Flag("grpc_port", 8081, HONOURED, "the gRPC listener's port"),
    Flag("enable_grpc", True, HONOURED, "whether there is a gRPC listener"),
    Flag("model_name", "model", HONOURED, "the model's name"),
    Flag("model_dir", "", HONOURED, "the model's file or folder; code that lies there is trusted"),
    Flag("timeout-keep-alive", 65, HONOURED, "limits.keep_alive_timeout_s; 75 where it is not given"),
    Flag("grpc_max_receive_message_length", 8_388_608, HONOURED, "limits.body_bytes, where it is above it"),
    Flag("grpc_max_send_message_length", 8_388_608, IGNORED, "answers of any size are sent"),
    Flag("ssl_certfile", "", HONOURED, "tls of the HTTP listener; else KSERVE_TLS_CERT_FILE"),
    Flag("ssl_keyfile", "", HONOURED, "tls of the HTTP listener; else KSERVE_TLS_KEY_FILE"),
    Flag("workers", 1, IGNORED, "one process serves, and models run beside its event loop"),
    Flag("max_threads", 4, IGNORED, "gRPC runs on one event loop"),
    Flag("max_asyncio_workers", 0, IGNORED, "threads, in a model's settings, bounds its calls at once"),
    Flag("event-loop", "auto", IGNORED, "the event loop is uvloop, where there is one"),
    Flag("enable_docs_url", False, IGNORED, "each model has a page of its own below /v2/docs instead"),
    Flag("enable_latency_logging", True, IGNORED, "log.access: full logs every request with its time"),
    Flag("configure_logging", True, IGNORED, "log is what configures the log"),
    Flag("log_config_file", "", IGNORED, "log is what configures the log"),
    Flag("access_log_format", "", IGNORED, "log.format: json logs every field"),
    Flag("predictor_host", "", UNSUPPORTED, ALONE),
    Flag("protocol", "v1", IGNORED, "only with --predictor_host"),
    Flag("predictor_protocol", "v1", IGNORED, "only with --predictor_host"),
    Flag("predictor_use_ssl", False, IGNORED, "only with --predictor_host"),
    Flag("predictor_request_timeout_seconds", 600, IGNORED, "only with --predictor_host"),
    Flag("predictor_request_retries", 0, IGNORED, "only with --predictor_host"),
    Flag("enable_predictor_health_check", False, IGNORED, "only with --predictor_host"),
    Flag("nthread", 1, IGNORED, "threads are an option of each model's engine"),
    Flag("framework", "sklearn", IGNORED, "the files of a model tell its engine"),
)
FLAGS: Final[Mapping[str, Flag]] = {flag.name: flag for flag in ROWS}

WORDS: Final = {True: ("y", "yes", "t", "true", "on", "1"), False: ("n", "no", "f", "false", "off", "0")}
BOOLEANS: Final[Mapping[str, bool]] = {  # in small letters, capitals, and as Python writes them
    written(word): value
    for value, words in WORDS.items()
    for word in words
    for written in (str.lower, str.upper, str.capitalize)
}
