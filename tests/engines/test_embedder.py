"""The engine that makes vectors of texts: what a model's files say, and that no text minds its neighbours."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.generation import Ids
from dragoman.core.requests import EmbedRequest, TensorRequest
from dragoman.core.responses import EmbedResponse
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.base import Artifact
from dragoman.engines.embedder import EmbedderEngine
from dragoman.engines.embedding import EmbeddingTexts
from dragoman.engines.embedding.batches import batched
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings, TextSettings
from tests.engines.text_models import MODELS

TINYEMBED = MODELS / "tinyembed"
TEXTS = ["alpha beta", "Say hello.", "The quick brown fox jumps over the lazy dog.", "x", "é and 🙂 " * 5]
TABLE = np.random.default_rng(0).normal(size=(400, 6)).astype(np.float32)
FLAGS = {
    "cls": "pooling_mode_cls_token",
    "max": "pooling_mode_max_tokens",
    "mean": "pooling_mode_mean_tokens",
    "last": "pooling_mode_lasttoken",
}


def load(
    folder: Path, file: str = "openvino_model.xml", context: int = 0, **options: object
) -> EmbeddingTexts:
    settings = ModelSettings(text=TextSettings(context=context))
    return EmbedderEngine().load(Artifact(str(folder / file), "m", 1, settings), options)


def vectors(model: EmbeddingTexts, inputs: Sequence[str | Ids], dimensions: int | None = None) -> Array:
    return model.embed(EmbedRequest("serving_default", inputs, dimensions), CallContext("id")).vectors


def table_of_vectors(folder: Path, **pooling: Any) -> Path:
    """An ONNX model that gives each token the row of a table, with tinyembed's tokenizer."""
    shutil.copytree(TINYEMBED, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("openvino*"))
    if pooling:
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling), encoding="utf-8")
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    )
    made = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["n", "t", 6])
    node = helper.make_node("Gather", ["table", "input_ids"], ["last_hidden_state"])
    graph = helper.make_graph([node], "g", [ids, mask], [made], [numpy_helper.from_array(TABLE, "table")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    return folder


def write_modules(folder: Path, *kinds: str) -> None:
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    found = [
        {"path": paths.get(kind, kind), "type": f"sentence_transformers.models.{kind}"} for kind in kinds
    ]
    (folder / "modules.json").write_text(json.dumps(found), encoding="utf-8")


@pytest.fixture(scope="module")
def tiny() -> EmbeddingTexts:
    return load(TINYEMBED)


def test_a_vector_does_not_depend_on_its_neighbours(tiny: EmbeddingTexts) -> None:
    words = " ".join(TEXTS).split()
    generator = np.random.default_rng(1)
    texts = [" ".join(generator.choice(words, size)) for size in generator.integers(1, 12, 40)]
    alone = np.concatenate([vectors(tiny, [text]) for text in texts])
    for model in (tiny, load(TINYEMBED, batch_tokens=50)):
        assert np.abs(vectors(model, texts) - alone).max() < 1e-6


def test_vectors_have_length_1_where_a_module_says_so(tiny: EmbeddingTexts) -> None:
    assert np.linalg.norm(vectors(tiny, TEXTS), axis=1) == pytest.approx(1, abs=1e-6)
    assert np.linalg.norm(vectors(load(TINYEMBED, normalize=False), TEXTS), axis=1).max() > 1.5


def test_the_tokens_of_a_text_give_its_vector(tiny: EmbeddingTexts) -> None:
    answer = tiny.embed(EmbedRequest("serving_default", ["alpha beta", "Say hello."]), CallContext("id"))
    assert answer.usage.prompt_tokens == answer.usage.total_tokens == 5
    tokens = tiny._tokens.of(["alpha beta"], CallContext("id"))
    assert np.array_equal(vectors(tiny, tokens), vectors(tiny, ["alpha beta"]))
    assert tiny.tokens("alpha beta", special=True) == tokens[0]


def test_all_tokens_are_told_of_a_text_that_would_be_cut() -> None:
    assert len(load(TINYEMBED, truncate="end").tokens("alpha " * 100, special=True)) > 100


def test_tensors_of_texts_are_taken(tiny: EmbeddingTexts) -> None:
    array = np.array([text.encode() for text in TEXTS], np.object_)
    request = TensorRequest("serving_default", {"text_input": Tensor(DType.BYTES, array)})
    answer = tiny.infer(request, CallContext("id")).outputs["embedding"]
    assert np.array_equal(answer.array, vectors(tiny, TEXTS))
    assert tiny.signatures["serving_default"].outputs["embedding"].shape == (None, 32)


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("cls", lambda rows: rows[0]),
        ("last", lambda rows: rows[-1]),
        ("max", lambda rows: rows.max(axis=0)),
        ("mean", lambda rows: rows.mean(axis=0)),
    ],
)
@pytest.mark.parametrize("said_by", ["flags", "word", "option"])
def test_token_vectors_are_pooled_as_is_said(mode: str, expected: Any, said_by: str, tmp_path: Path) -> None:
    said: dict[str, dict[str, Any]] = {
        "flags": {FLAGS[mode]: True},
        "word": {"pooling_mode": {"last": "lasttoken"}.get(mode, mode)},
        "option": {"pooling_mode_cls_token": True},
    }
    folder = table_of_vectors(tmp_path, **said[said_by])
    options = {"pooling": mode} if said_by == "option" else {}
    model = load(folder, "model.onnx", normalize=False, **options)
    inputs = [[5, 9, 7], [30], [8, 3, 200, 11, 6]]
    wanted = np.stack([expected(TABLE[ids]) for ids in inputs])
    assert vectors(model, inputs) == pytest.approx(wanted, abs=1e-6)


def test_several_ways_of_pooling_are_joined(tmp_path: Path) -> None:
    both = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True}
    model = load(table_of_vectors(tmp_path, **both), "model.onnx", normalize=False)
    wanted = np.concatenate([TABLE[5], TABLE[[5, 9]].mean(axis=0)])
    assert vectors(model, [[5, 9]])[0] == pytest.approx(wanted, abs=1e-6)


def test_vectors_are_cut_to_a_length_that_the_model_was_trained_for(tmp_path: Path) -> None:
    model = load(table_of_vectors(tmp_path), "model.onnx", dimensions=[4])
    cut = vectors(model, [[5, 9]], 4)[0]
    wanted = TABLE[[5, 9]].mean(axis=0)[:4]
    assert cut == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)
    traits = model.signatures["serving_default"].embeds
    assert traits is not None
    assert traits.dimensions == (4,)


def test_a_prompt_goes_before_each_text(tmp_path: Path, tiny: EmbeddingTexts) -> None:
    folder = tmp_path / "m"
    shutil.copytree(TINYEMBED, folder)
    config = {"prompts": {"query": "Say ", "none": ""}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(config), encoding="utf-8")
    wanted = vectors(tiny, ["Say hello."])
    assert np.array_equal(vectors(load(folder), ["hello."]), wanted)
    assert np.array_equal(vectors(load(folder, prompt=""), ["Say hello."]), wanted)
    with pytest.raises(DragomanError, match="has no prompt 'passage'"):
        load(folder, prompt="passage")


def test_a_text_beyond_the_context_is_refused_unless_its_end_may_be_cut() -> None:
    for given in ("alpha " * 100, [7] * 65):
        with pytest.raises(DragomanError, match="the model takes 64") as caught:
            vectors(load(TINYEMBED), ["x", given])
        assert (caught.value.reason, caught.value.param) == (Reason.CONTEXT_EXCEEDED, "input")
    with pytest.raises(DragomanError, match="10000000 characters; the model takes 64 tokens"):
        vectors(load(TINYEMBED), ["a" * 10_000_000])
    cutting = load(TINYEMBED, truncate="end")
    assert np.array_equal(vectors(cutting, ["x" * 10_000_000]), vectors(cutting, ["x" * 100]))
    assert np.array_equal(vectors(cutting, [[7] * 70]), vectors(cutting, [[7] * 64]))
    assert vectors(cutting, ["alpha " * 100]).shape == (1, 32)
    with pytest.raises(DragomanError, match="the model takes 2"):
        vectors(load(TINYEMBED, context=2), [[7] * 3])


@pytest.mark.parametrize("ids", [[-1], [400], [10**12]])
def test_tokens_that_are_none_are_refused(ids: list[int], tiny: EmbeddingTexts) -> None:
    with pytest.raises(DragomanError, match="from 0 to 399") as caught:
        vectors(tiny, [ids])
    assert caught.value.code is Code.INVALID_ARGUMENT


def test_nobody_computes_for_a_caller_who_has_gone(tiny: EmbeddingTexts) -> None:
    with pytest.raises(DragomanError) as caught:
        tiny.embed(EmbedRequest("serving_default", TEXTS), CallContext("id", cancelled=True))
    assert caught.value.code is Code.CANCELLED


def test_texts_and_tokens_keep_their_order_in_a_long_request(tiny: EmbeddingTexts) -> None:
    inputs = [TEXTS[place % 5] if place % 3 else [place % 400] for place in range(200)]
    made = vectors(tiny, inputs)
    for place in (0, 1, 63, 64, 65, 128, 199):
        assert vectors(tiny, [inputs[place]])[0] == pytest.approx(made[place], abs=1e-6)


def test_calls_that_run_together_get_what_each_gets_alone(tiny: EmbeddingTexts) -> None:
    inputs: list[Any] = [TEXTS[:2], ["a " * 400], [TEXTS[2]], TEXTS[3:]]
    requests = [EmbedRequest("serving_default", each) for each in inputs]
    calls = [CallContext("id") for _ in requests]
    one, wrong, two, three = tiny.embed_all(requests, calls)
    assert isinstance(wrong, DragomanError)
    assert wrong.reason is Reason.CONTEXT_EXCEEDED
    for answer, texts in ((one, TEXTS[:2]), (two, [TEXTS[2]]), (three, TEXTS[3:])):
        assert isinstance(answer, EmbedResponse)
        alone = tiny.embed(EmbedRequest("serving_default", texts), CallContext("id"))
        assert np.abs(answer.vectors - alone.vectors).max() < 1e-6
        assert answer.usage == alone.usage


def test_calls_that_nobody_waits_for_run_nothing(tiny: EmbeddingTexts) -> None:
    gone = CallContext("id")
    gone.cancelled = True
    (answer,) = tiny.embed_all([EmbedRequest("serving_default", TEXTS)], [gone])
    assert isinstance(answer, DragomanError)
    assert answer.code is Code.CANCELLED


def test_a_batch_ends_where_more_than_a_run_costs_would_only_fill_rows() -> None:
    tokens = [[0] * size for size in (100, 90, 60, 11, 10)]
    assert list(batched(tokens, 10_000)) == [[0, 1], [2], [3, 4]]


def test_texts_of_like_length_run_together_within_the_budget() -> None:
    tokens = [[0] * length for length in (3, 9, 1, 4, 30, 2)]
    assert list(batched(tokens, 10)) == [[4], [1], [3, 0], [5, 2]]


@pytest.mark.parametrize(
    ("kinds", "message"),
    [
        (["Transformer", "Pooling", "Dense"], "Dense in Dense"),
        (["Transformer", "WordEmbeddings"], "WordEmbeddings"),
    ],
)
def test_a_module_that_is_not_known_is_named(kinds: list[str], message: str, tmp_path: Path) -> None:
    folder = table_of_vectors(tmp_path)
    write_modules(folder, *kinds)
    with pytest.raises(DragomanError, match=message) as caught:
        load(folder, "model.onnx")
    assert caught.value.code is Code.FAILED_PRECONDITION


@pytest.mark.parametrize("file", ["modules.json", "tokenizer.json", "model.onnx", "config.json"])
def test_a_broken_file_is_named(file: str, tmp_path: Path) -> None:
    folder = table_of_vectors(tmp_path)
    (folder / file).write_bytes(b"[[[")
    with pytest.raises(DragomanError, match=file) as caught:
        load(folder, "model.onnx")
    assert caught.value.code is Code.INTERNAL


def test_a_folder_of_modules_is_claimed_and_others_where_the_engine_is_named(tmp_path: Path) -> None:
    claim = EmbedderEngine.claim(scan(str(TINYEMBED)), ModelSettings())
    assert claim is not None
    assert claim.entry == "openvino_model.xml"
    assert "openvino_model.bin" in claim.required
    folder = table_of_vectors(tmp_path)
    (folder / "modules.json").unlink()
    assert EmbedderEngine.claim(scan(str(folder)), ModelSettings()) is None
    named = EmbedderEngine.claim(scan(str(folder)), ModelSettings(engine="embedder"))
    assert named is not None
    assert named.entry == "model.onnx"


def test_a_graph_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    folder = table_of_vectors(tmp_path)
    (folder / "onnx").mkdir()
    (folder / "model.onnx").rename(folder / "onnx" / "model.onnx")
    claim = EmbedderEngine.claim(scan(str(folder)), ModelSettings())
    assert claim is not None
    assert vectors(load(folder, claim.entry), ["alpha"]).shape == (1, 6)
