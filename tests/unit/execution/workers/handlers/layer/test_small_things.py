"""Labels, classes by name, words, times."""

import math
import re
import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.handler_layer import Layer


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ('{"0": "cat"}', {"0": "cat"}),
        ('{"0": ["n01", "cat"], "1": "dog"}', {"0": "cat", "1": "dog"}),
        ('{"object_type_names": ["cat", "dog"]}', {"0": "cat", "1": "dog"}),
    ],
)
def test_labels_come_in_three_forms(layer: Layer, text: str, labels: dict[str, str]) -> None:
    file = layer.folder / "index_to_name.json"
    file.write_text(text, encoding="utf-8")
    assert layer.module("utils.util").load_label_mapping(file) == labels


@pytest.mark.parametrize("text", ["[]", '{"0": 1}', '{"0": []}'])
def test_labels_of_another_form_are_refused(layer: Layer, text: str) -> None:
    file = layer.folder / "index_to_name.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="label"):
        layer.module("utils.util").load_label_mapping(file)


def test_without_a_file_of_labels_there_are_none(layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    assert layer.module("utils.util").load_label_mapping("index_to_name.json") is None
    assert "there is no index_to_name.json" in caplog.text


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (([[0.9, 0.1]],), [{"0": 0.9, "1": 0.1}]),
        (([[0.9]], {"7": "cat"}, [[7]]), [{"cat": 0.9}]),
        (([[0.9]], {"1": "cat"}, [[7]]), [{"7": 0.9}]),
        (([],), []),
    ],
)
def test_classes_are_called_by_their_labels_else_their_numbers(
    layer: Layer, arguments: tuple[Any, ...], expected: list[dict[str, float]]
) -> None:
    assert layer.module("utils.util").map_class_to_label(*arguments) == expected


@pytest.mark.parametrize("arguments", [((0.5,),), ([[0.5]], ["cat"])])
def test_labels_are_put_to_lists_by_dicts(layer: Layer, arguments: tuple[Any, ...]) -> None:
    with pytest.raises(TypeError, match="have to be a"):
        layer.module("utils.util").map_class_to_label(*arguments)


def test_the_classes_of_a_module_are_those_that_it_defines(layer: Layer) -> None:
    util, handler = layer.module("utils.util"), layer.module("torch_handler.image_classifier")
    assert util.list_classes_from_module(handler) == [handler.ImageClassifier]
    assert util.list_classes_from_module(handler, Exception) == []


def test_only_known_backends_are_valid(layer: Layer, caplog: pytest.LogCaptureFixture) -> None:
    valid = layer.module("utils.util").check_valid_pt2_backend
    assert (valid("inductor"), valid("nonsense")) == (True, False)
    assert "nonsense" in caplog.text


def test_tags_and_entities_are_found_in_text(layer: Layer) -> None:
    assert layer.module("utils.util").CLEANUP_REGEX.sub("", "<b>a</b>&nbsp;&#39;b") == "ab"


def test_what_is_deprecated_says_so_and_works(layer: Layer) -> None:
    @layer.module("utils.util").deprecated("2.0", "new", DeprecationWarning)
    def old(value: int) -> int:
        return value + 1

    with pytest.warns(DeprecationWarning, match=r"old goes in 2\.0; use new"):
        assert old(1) == 2


def test_a_prediction_exception_shows_its_code(layer: Layer) -> None:
    assert str(layer.module("utils.util").PredictionException("sad", 513)) == "sad : 513"


@pytest.mark.parametrize(
    ("name", "prefix"), [("os.path.join", None), ("path.join", "os"), ("join", "os.path")]
)
def test_a_class_is_found_by_its_dotted_name(layer: Layer, name: str, prefix: str | None) -> None:
    import os.path

    assert layer.module("handler_utils.utils").import_class(name, prefix) is os.path.join


@pytest.mark.parametrize(
    ("name", "told"), [("", "missing"), ("join", "missing"), ("os.path.none", "no class none")]
)
def test_a_class_that_is_not_there_is_an_import_error(layer: Layer, name: str, told: str) -> None:
    with pytest.raises(ImportError, match=told):
        layer.module("handler_utils.utils").import_class(name)


def test_ngrams_come_by_their_lengths(layer: Layer) -> None:
    grams = layer.module("handler_utils.text_utils").ngrams_iterator
    assert list(grams(["a", "b", "c"], 2)) == ["a", "b", "c", "a b", "b c"]
    assert list(grams(["a"], 3)) == ["a"]


@pytest.mark.parametrize(
    ("line", "tokens"),
    [
        ("You can now INSTALL it!", ["you", "can", "now", "install", "it", "!"]),
        ('it\'s (so) "good": a;b<br />c.', ["it", "'", "s", "(", "so", ")", "good", "a", "b", "c", "."]),
    ],
)
def test_basic_english_parts_words_and_signs(layer: Layer, line: str, tokens: list[str]) -> None:
    assert layer.module("handler_utils.text_utils").get_tokenizer("basic_english")(line) == tokens


def test_other_tokenizers_are_blanks_functions_or_refused(layer: Layer) -> None:
    get = layer.module("handler_utils.text_utils").get_tokenizer
    assert get(None)("A b") == ["A", "b"]
    assert get(str.split) is str.split
    with pytest.raises(ValueError, match="no tokenizer spacy"):
        get("spacy")
    with pytest.raises(ValueError, match="not for de"):
        get("basic_english", "de")


@pytest.mark.parametrize("profile", [True, False, None])
def test_steps_are_timed_where_the_model_asks_for_it(layer: Layer, profile: bool | None) -> None:
    source = """
from ts.handler_utils.timer import timed

class Model:
    context = None

    def initialize(self, context):
        self.context = context

    @timed
    def preprocess(self, data, times):
        return [times] * len(data)

    def handle(self, data, context):
        return self.preprocess(data, times=2)
"""
    taken: list[Any] = []
    config = {} if profile is None else {"handler": {"profile": profile}}
    service = layer.loaded(source, take_metrics=taken.extend, model_yaml_config=config)
    assert service.predict([layer.request()])[0].body == b"2"
    times = [record for record in taken if record.name == "ts_handler_preprocess"]
    assert [record.unit for record in times] == (["Milliseconds"] if profile else [])
    assert all(math.isfinite(record.value) for record in times)


def test_contractions_are_expanded_and_other_apostrophes_go(layer: Layer) -> None:
    handler = layer.module("torch_handler.text_handler").TextHandler()
    plain = handler._expand_contractions
    assert plain("I'd say DON'T, y'all; she'll, John's") == "I would say Do not, you all; she will, Johns"
    assert handler._remove_puncutation("a.b!") == "ab"
    assert handler._remove_accented_characters("é") == "e"
    assert handler._remove_html_tags("<i>x</i>") == "x"
    assert handler.get_word_token(["\u0120the", "end"]) == ["the", "end"]


def test_files_are_copied_under_new_names(layer: Layer) -> None:
    (layer.folder / "a.txt").write_text("x", encoding="utf-8")
    copy = layer.module("torch_handler.unit_tests.test_utils.model_dir").copy_files
    copy(layer.folder, layer.folder, {"a.txt": "b.txt"})
    assert (layer.folder / "b.txt").read_text(encoding="utf-8") == "x"


def test_the_version_is_the_one_whose_handlers_run(layer: Layer) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", layer.module("version").__version__)


@pytest.mark.parametrize(
    ("config", "options"),
    [
        ({}, None),
        ({"pt2": "inductor"}, {"backend": "inductor"}),
        ({"pt2": "nonsense"}, None),
        (
            {"pt2": {"backend": "eager", "mode": "reduce-overhead"}},
            {"backend": "eager", "mode": "reduce-overhead"},
        ),
        ({"pt2": {"compile": {"enable": True}}}, {}),
        ({"pt2": {"compile": {"enable": True, "backend": "nonsense"}}}, None),
        ({"pt2": {"compile": {"enable": False, "backend": "eager"}}}, None),
        ({"pt2": {"export": {"aot_compile": True}}}, None),
    ],
)
def test_a_model_is_compiled_as_its_config_says(
    layer: Layer, config: dict[str, Any], options: dict[str, Any] | None
) -> None:
    assert layer.module("torch_handler.loading").compile_options(config) == options


def test_a_pt2_of_another_form_is_refused(layer: Layer) -> None:
    with pytest.raises(ValueError, match="pt2"):
        layer.module("torch_handler.loading").compile_options({"pt2": 3})


@pytest.mark.parametrize(
    ("pt2", "aot"), [("inductor", False), ({"export": {"aot_compile": True}}, True), ({}, False)]
)
def test_a_library_of_torch_is_loaded_where_the_config_says_so(layer: Layer, pt2: Any, aot: bool) -> None:
    assert layer.module("torch_handler.loading").is_aot_compiled({"pt2": pt2}) is aot


class Streamer:
    """As `TextIteratorStreamer` of transformers: takes tokens, gives texts."""

    def __init__(self, tokenizer: Any, skip_prompt: bool, timeout: float | None, **_: Any) -> None:
        self.texts: list[str] = []

    def put(self, tokens: Any) -> None:
        self.texts.append(f"<{tokens.tolist()[0]}>")

    def end(self) -> None:
        self.texts.append("end")

    def __iter__(self) -> Any:
        while self.texts:
            yield self.texts.pop(0)


def test_texts_of_a_batch_stream_side_by_side(layer: Layer, monkeypatch: pytest.MonkeyPatch) -> None:
    streamers = ModuleType("transformers.generation.streamers")
    vars(streamers)["TextIteratorStreamer"] = Streamer
    monkeypatch.setitem(sys.modules, "transformers", ModuleType("transformers"))
    monkeypatch.setitem(sys.modules, "transformers.generation", ModuleType("transformers.generation"))
    monkeypatch.setitem(sys.modules, streamers.__name__, streamers)
    batch = layer.module("handler_utils.hf_batch_streamer").TextIteratorStreamerBatch("tokenizer", 2)
    batch.put(np.array([[1], [2]]))
    with pytest.raises(ValueError, match="tokens for 1 prompts; this streamer has 2"):
        batch.put(np.array([[1]]))
    batch.end()
    assert list(batch) == [[{"text": "<[1]>"}, {"text": "<[2]>"}], [{"text": "end"}, {"text": "end"}]]
