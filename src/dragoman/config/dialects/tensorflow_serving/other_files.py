"""`SSLConfig` and `MonitoringConfig` as native settings."""

from collections.abc import Iterator
from typing import Any, Final

from dragoman.config.dialect import Note
from dragoman.config.dialects.tensorflow_serving.schemas import KEYS, MONITORING, SSL
from dragoman.config.text_message import Message
from dragoman.config.text_proto import read_text_proto
from dragoman.core.errors import invalid

DEFAULT_PATH: Final = "/monitoring/prometheus/metrics"


def read_ssl(text: str, file: str) -> tuple[dict[str, Any], list[Note]]:
    """`tls` of the gRPC listener.

    Errors: INVALID_ARGUMENT naming file and line.
    """
    config = read_text_proto(text, file, SSL)
    for key in ("server_key", "server_cert"):
        if not config.text(key):
            raise invalid(f"{file}: {key} is missing")
    tls = {"certificate": config.text("server_cert"), "key": config.text("server_key")}
    if config.text("custom_ca"):
        tls["client_ca"] = config.text("custom_ca")
    if config.flag("client_verify"):
        tls["client_certificates"] = "required"
    return tls, list(notes(config, file, "ssl_config_file", ""))


def read_monitoring(text: str, file: str) -> tuple[str, list[Note]]:
    """The path at which metrics are shown; empty = at none.

    Errors: INVALID_ARGUMENT naming file and line.
    """
    config = read_text_proto(text, file, MONITORING)
    prometheus = config.message("prometheus_config")
    if prometheus is None:
        return "", []
    path = prometheus.text("path", DEFAULT_PATH) or DEFAULT_PATH
    if not path.startswith("/"):
        raise invalid(f"{file}:{prometheus.line}: path: {path!r} does not begin with /")
    told = list(notes(prometheus, file, "monitoring_config_file", "prometheus_config."))
    return path if prometheus.flag("enable") else "", told


def notes(message: Message, file: str, flag: str, prefix: str) -> Iterator[Note]:
    """A note for each key that is given."""
    for key, given in message.given.items():
        yield Note(f"{file}:{given[0].line}: {prefix}{key}", *KEYS[flag][prefix + key])
