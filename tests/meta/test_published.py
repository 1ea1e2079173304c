"""What is published of the settings is what the code does."""

import json

import pytest

from dragoman.config.dialects.ovms import config_file
from dragoman.config.dialects.ovms.flags import FLAGS as OVMS_FLAGS
from dragoman.config.dialects.tensorflow_serving.flags import FLAGS
from dragoman.config.dialects.tensorflow_serving.schemas import BATCHING, KEYS, MODEL, MONITORING, SSL
from dragoman.settings.server import ServerSettings
from tests.meta import published


def test_no_published_file_is_stale():
    assert published.stale() == []


def test_the_schema_knows_every_section():
    definitions = json.loads(published.SCHEMA.read_text(encoding="utf-8"))["$defs"]
    assert set(definitions["ServerSettings"]["properties"]) == set(ServerSettings.__struct_fields__)


@pytest.mark.parametrize(
    ("page", "flags"), [(published.TENSORFLOW_SERVING, FLAGS), (published.OVMS, OVMS_FLAGS)]
)
def test_a_migration_page_has_every_flag(page, flags):
    text = page.read_text(encoding="utf-8")
    assert [name for name in flags if f"| `--{name}` |" not in text] == []


def test_every_key_of_the_other_config_file_says_what_becomes_of_it():
    parts = {
        "the file": config_file.Config,
        "a model": config_file.Model,
        "a pipeline": config_file.Pipeline,
        "a node": config_file.Node,
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
