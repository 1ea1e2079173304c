"""Settings in environment variables."""

import pytest

from dragoman.config.environment import environment_overrides
from dragoman.config.overlay import Override
from dragoman.core.errors import DragomanError


@pytest.mark.parametrize(
    ("name", "text", "override"),
    [
        ("DRAGOMAN_LIMITS__BODY_BYTES", "1000", ("limits.body_bytes", 1000, None)),
        ("DRAGOMAN_LOG__LEVEL", "debug", ("log.level", "debug", None)),
        ("DRAGOMAN_ALLOW_REMOTE_CONTROL", "true", ("allow_remote_control", True, None)),
        ("DRAGOMAN_CONFIG_POLL_S", "0.5", ("config_poll_s", 0.5, None)),
        ("DRAGOMAN_REPOSITORY", "models", ("repository", "models", None)),
        ("DRAGOMAN_HOST", "::", ("host", "::", "*")),
        ("DRAGOMAN_HTTP_PORT", "9000", ("port", 9000, "http")),
        ("DRAGOMAN_GRPC_PORT", "9001", ("port", 9001, "grpc")),
        ("CE_TYPE", "a type", ("cloud_events.type", "a type", None)),
        ("CE_SOURCE", "a source", ("cloud_events.source", "a source", None)),
        ("CE_MERGE", "True", ("cloud_events.merge", True, None)),
        ("CE_MERGE", "yes", ("cloud_events.merge", False, None)),
    ],
)
def test_a_variable_sets_one_value(name, text, override):
    key, value, transport = override
    assert environment_overrides({name: text}) == [Override(key, value, f"environment {name}", transport)]


@pytest.mark.parametrize(
    "name",
    ["PATH", "DRAGOMAN_CONFIG", "DRAGOMAN_SERVICE_HOST", "DRAGOMAN_SERVICE_PORT", "DRAGOMAN_PORT",
     "DRAGOMAN_PORT_8000_TCP", "DRAGOMAN_PORT_8000_TCP_ADDR", "DRAGOMAN_SERVICE_PORT_HTTP", "CE_OTHER"],
)  # fmt: skip
def test_variables_of_others_are_left_alone(name):
    assert environment_overrides({name: "tcp://10.0.0.1:8000"}) == []


def test_a_variable_of_kserves_that_is_empty_says_nothing():
    assert environment_overrides({"CE_TYPE": "", "CE_SOURCE": "", "CE_MERGE": ""}) == []


def test_a_variable_of_our_own_wins_over_kserves():
    found = environment_overrides({"DRAGOMAN_CLOUD_EVENTS__TYPE": "ours", "CE_TYPE": "kserve's"})
    assert [(override.key, override.value) for override in found] == [
        ("cloud_events.type", "kserve's"),
        ("cloud_events.type", "ours"),
    ]


@pytest.mark.parametrize(
    ("name", "text", "mistake"),
    [
        ("DRAGOMAN_LIMITS__BODY_BYTE", "1", "there is no such key; did you mean body_bytes?"),
        ("DRAGOMAN_LIMITS", "1", "this is a section: name a key of it, as limits__header_bytes"),
        ("DRAGOMAN_LIMITS__BODY_BYTES", "many", "expected int, got str"),
        ("DRAGOMAN_HTTP_PORT", "65536", "expected int <= 65535"),
        ("DRAGOMAN_LOG__LEVEL", "loud", "invalid enum value 'loud'"),
        ("DRAGOMAN_LOG__LEVEL__X", "1", "this key holds no others"),
    ],
)
def test_a_variable_that_means_nothing_is_told(name, text, mistake):
    with pytest.raises(DragomanError) as raised:
        environment_overrides({name: text})
    assert raised.value.message.startswith(f"{name}: {mistake}")


def test_every_mistake_is_told_at_once():
    with pytest.raises(DragomanError) as raised:
        environment_overrides({"DRAGOMAN_X": "1", "DRAGOMAN_HTTP_PORT": "x", "DRAGOMAN_LOG__LEVEL": "info"})
    assert [line.partition(":")[0] for line in raised.value.message.splitlines()] == [
        "DRAGOMAN_HTTP_PORT",
        "DRAGOMAN_X",
    ]
