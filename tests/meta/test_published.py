"""What is published of the settings is what the code does."""

import json

import pytest

from dragoman.config.dialects.ovms import config_file
from dragoman.config.dialects.ovms.flags import FLAGS as OVMS_FLAGS
from dragoman.config.dialects.tensorflow_serving.flags import FLAGS
from dragoman.config.dialects.tensorflow_serving.schemas import BATCHING, KEYS, MODEL, MONITORING, SSL
from dragoman.config.dialects.torchserve.flags import FLAGS as TORCHSERVE_FLAGS
from dragoman.settings.server import ServerSettings
from tests.meta import published


def test_no_published_file_is_stale():
    assert published.stale() == []


def test_the_schema_knows_every_section():
    definitions = json.loads(published.SCHEMA.read_text(encoding="utf-8"))["$defs"]
    assert set(definitions["ServerSettings"]["properties"]) == set(ServerSettings.__struct_fields__)


@pytest.mark.parametrize(
    ("page", "flags"),
    [
        (published.TENSORFLOW_SERVING, FLAGS),
        (published.OVMS, OVMS_FLAGS),
        (published.TORCHSERVE, TORCHSERVE_FLAGS),
    ],
)
def test_a_migration_page_has_every_flag(page, flags):
    text = page.read_text(encoding="utf-8")
    assert [name for name in flags if f"| `--{name}` |" not in text] == []


# As its documents have them; --help is every verb's own.
OVMS_REFERENCE = (
    "port", "rest_port", "grpc_bind_address", "rest_bind_address", "grpc_workers", "rest_workers",
    "grpc_max_threads", "grpc_memory_quota", "grpc_channel_arguments", "config_path", "model_name",
    "model_path", "batch_size", "shape", "layout", "model_version_policy", "nireq", "target_device",
    "plugin_config", "mean", "scale", "color_format", "precision", "stateful", "idle_sequence_cleanup",
    "low_latency_transformation", "max_sequence_number", "file_system_poll_wait_seconds",
    "sequence_cleaner_poll_wait_minutes", "custom_node_resources_cleaner_interval_seconds",
    "metrics_enable", "metrics_list", "log_level", "log_path", "cache_dir", "cpu_extension",
    "allowed_origins", "allowed_methods", "allowed_headers", "allow_credentials", "api_key_file",
    "allowed_local_media_path", "allowed_media_domains", "add_to_config", "remove_from_config",
    "list_models", "model_repository_path", "pull", "source_model", "task", "version",
)  # fmt: skip


def test_every_flag_of_the_reference_is_known():
    assert [name for name in OVMS_REFERENCE if name not in OVMS_FLAGS] == []


def test_every_key_of_the_other_config_file_says_what_becomes_of_it():
    parts = {
        "the file": config_file.Config,
        "a model": config_file.Model,
        "a pipeline": config_file.Pipeline,
        "a node": config_file.Node,
        "a version policy": config_file.Policy,
        "a library": config_file.Library,
        "a graph": config_file.Graph,
        "`monitoring.metrics`": config_file.Metrics,
    }
    assert {part: set(keys) for part, keys in config_file.KEYS.items()} == {
        part: set(kind.__struct_fields__) for part, kind in parts.items()
    }


def test_every_key_that_a_file_may_have_says_what_becomes_of_it():
    monitoring = {f"prometheus_config.{key}" for key in MONITORING["prometheus_config"].fields}
    assert {file: set(keys) for file, keys in KEYS.items()} == {
        "model_config_file": {*MODEL, "custom_model_config"},
        "batching_parameters_file": set(BATCHING),
        "ssl_config_file": set(SSL),
        "monitoring_config_file": monitoring,
    }


def test_every_flag_that_names_a_file_of_keys_is_a_flag():
    assert KEYS.keys() <= FLAGS.keys()
