"""KServe's command line: what is refused, and in which words. Pairs: tests/config."""

import pytest

from dragoman.config.dialect import Level, Source
from dragoman.config.dialects.kserve import DIALECT
from dragoman.config.dialects.kserve.flags import FLAGS
from dragoman.core.errors import DragomanError

MODEL = "--model_dir=/mnt/models"


def translate(*arguments, environment=None, path=None):
    return DIALECT.translate(Source(arguments, environment or {}, str, lambda _: (), path))


def mistake(*arguments, **more):
    with pytest.raises(DragomanError) as raised:
        translate(*arguments, **more)
    return raised.value.message


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--model_dir: is not given: name the model's file or folder, or a PATH"),
        (["--model_dir=s3://bucket/m"], "--model_dir: s3://bucket/m is not on this machine"),
        ([MODEL, "--http_port=70000"], "--http_port: 70000 is no port"),
        ([MODEL, "--grpc_port=-1"], "--grpc_port: -1 is no port"),
        ([MODEL, "--http_port=http"], "--http_port: 'http' is not int"),
        ([MODEL, "--enable_grpc=maybe"], "--enable_grpc: 'maybe' is not a boolean"),
        ([MODEL, "--ssl_certfile=c"], "--ssl_certfile: and --ssl_keyfile are given together, or neither"),
    ],
)
def test_a_command_line_that_serves_nothing_says_why(words, told):
    assert mistake(*words).startswith(told)


def test_every_mistake_is_told_at_once():
    assert len(mistake("--http_port=70000").splitlines()) == 2


def test_a_port_that_is_not_listened_on_is_not_looked_at():
    listeners = translate(MODEL, "--enable_grpc=false", "--grpc_port=-1").tree["listeners"]
    assert [listener["transport"] for listener in listeners] == ["http"]


def test_a_path_takes_the_place_of_the_folder():
    assert "models" not in translate(path="models").tree


@pytest.mark.parametrize("word", ["y", "Yes", "TRUE", "on", "1"])
def test_yes_is_said_in_many_ways(word):
    assert translate(MODEL, "--enable_grpc", word).tree["listeners"][1]["port"] == 8081


@pytest.mark.parametrize("word", ["n", "No", "FALSE", "off", "0"])
def test_and_so_is_no(word):
    assert len(translate(MODEL, "--enable_grpc", word).tree["listeners"]) == 1


def test_the_code_of_the_named_folder_is_trusted():
    assert translate(MODEL).tree["models"] == [{"name": "model", "path": "/mnt/models", "trust": "code"}]


def test_a_smaller_message_limit_than_ours_changes_nothing():
    assert "limits" not in translate(MODEL, "--grpc_max_receive_message_length=8388608").tree


def test_a_predictor_elsewhere_ends_the_start():
    levels = {note.key: note.level for note in translate(MODEL, "--predictor_host=p").notes}
    assert levels["--predictor_host"] is Level.UNSUPPORTED


def test_a_word_that_is_no_flag_is_told_as_such():
    (note,) = [note for note in translate(MODEL, "--frob=1").notes if note.level is Level.IGNORED]
    assert (note.key, note.text) == ("--frob=1", "unknown argument: --frob=1")


def test_the_words_of_the_command_line_are_parted():
    own, others = DIALECT.separate(
        ["--enable_grpc", "No", "models", "--timeout-keep-alive", "9", "--host", "h"]
    )
    assert (own, others) == (["--enable_grpc", "No", "--timeout-keep-alive", "9"], ["models", "--host", "h"])


def test_no_file_is_taken_for_one_of_kserves():
    assert DIALECT.recognise("kind: InferenceService", "service.yaml") == []


def test_every_flag_says_what_becomes_of_it():
    assert all(flag.text for flag in FLAGS.values())
