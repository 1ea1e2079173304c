"""Cross-encoders: a query and a document read together, and the number that both are given."""

import json
import shutil
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.requests import RankRequest, TensorRequest
from dragoman.core.tensors import DType, Tensor
from dragoman.engines.base import Artifact, GivesWayError
from dragoman.engines.embedder import EmbedderEngine
from dragoman.engines.embedder.options import EmbedderOptions
from dragoman.engines.embedder.pairs import PairRanker, PairRecipe
from dragoman.engines.embedder.runtimes import Graph
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings
from tests.engines.text_models import MODELS
from tests.server_process import Address, serving

CALL = CallContext("id")
WORTH = np.random.default_rng(0).normal(size=(400, 1)).astype(np.float32)
QUERY = "alpha beta"
DOCUMENTS = ["Say hello.", "x", "The quick brown fox jumps over the lazy dog.", "beta", "é and 🙂"]
CLASSIFIER = {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "LABEL_0"}}


def write_cross_encoder(folder: Path, numbers: int = 1, **config: Any) -> Path:
    """A model whose number is what its tokens are worth together, with tinyembed's tokenizer."""
    (folder / "onnx").mkdir(parents=True)
    shutil.copy(MODELS / "tinyembed" / "tokenizer.json", folder)
    known = {**CLASSIFIER, "max_position_embeddings": 64, "pad_token_id": 0, **config}
    (folder / "config.json").write_text(json.dumps(known), encoding="utf-8")
    ids, mask = (
        helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "t"])
        for name in ("input_ids", "attention_mask")
    )
    made = helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", numbers])
    nodes = [
        helper.make_node("Gather", ["worth", "input_ids"], ["of_each"]),
        helper.make_node("Cast", ["attention_mask"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["mask", "last"], ["weights"]),
        helper.make_node("Mul", ["of_each", "weights"], ["counted"]),
        helper.make_node("ReduceSum", ["counted", "middle"], ["logits"], keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(np.repeat(WORTH, numbers, axis=1), "worth"),
        numpy_helper.from_array(np.array([2], np.int64), "last"),
        numpy_helper.from_array(np.array([1], np.int64), "middle"),
    ]
    graph = helper.make_graph(nodes, "g", [ids, mask], [made], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, folder / "onnx" / "model.onnx")
    return folder


def load(folder: Path, **options: object) -> PairRanker:
    artifact = Artifact(str(folder / "onnx" / "model.onnx"), "m", 1, ModelSettings())
    model = EmbedderEngine().load(artifact, options)
    assert isinstance(model, PairRanker)
    return model


def scores(model: PairRanker, query: str, documents: list[str]) -> list[float]:
    found: list[float] = model.rank(RankRequest("serving_default", query, documents), CALL).scores.tolist()
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_cross_encoder(tmp_path_factory.mktemp("cross") / "1")


def test_its_folder_is_claimed_by_its_layout(folder: Path) -> None:
    claim = EmbedderEngine.claim(scan(str(folder)), ModelSettings())
    assert claim is not None
    assert claim.entry == "onnx/model.onnx"


def test_a_score_is_of_query_and_document_together_and_from_0_to_1(folder: Path) -> None:
    model = load(folder)
    found = scores(model, QUERY, DOCUMENTS)
    assert all(0 < score < 1 for score in found)
    assert found != scores(model, "x", DOCUMENTS)


def test_a_score_does_not_depend_on_the_other_documents(folder: Path) -> None:
    for model in (load(folder), load(folder, batch_tokens=20)):
        alone = [scores(model, QUERY, [document])[0] for document in DOCUMENTS]
        assert scores(model, QUERY, DOCUMENTS) == pytest.approx(alone, abs=1e-6)


@pytest.mark.parametrize(
    "said",
    [
        {"sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"}},
        {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"},
    ],
)
def test_scores_stay_as_they_are_where_the_files_say_so(folder: Path, tmp_path: Path, said: Any) -> None:
    plain = scores(load(write_cross_encoder(tmp_path / "plain", **said)), QUERY, DOCUMENTS)
    assert scores(load(folder), QUERY, DOCUMENTS) == pytest.approx(
        1 / (1 + np.exp(-np.array(plain))), abs=1e-6
    )


def test_the_graph_hears_which_text_each_token_is_of() -> None:
    tokenizer = Tokenizer(models.WordLevel({"a": 1, "b": 2, "[SEP]": 3, "[CLS]": 4}, "a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 4))
    fed: list[Any] = []

    def run(feed: Any) -> Any:
        fed.append({name: array.tolist() for name, array in feed.items()})
        return np.zeros((len(feed["input_ids"]), 1), np.float32)

    graph = Graph(frozenset({"input_ids", "attention_mask", "token_type_ids"}), run)
    model = PairRanker("m", graph, tokenizer, PairRecipe(16, 0, plain=True), EmbedderOptions())
    scores(model, "a", ["b b", "b"])
    assert fed[-1] == {
        "input_ids": [[4, 1, 3, 2, 2, 3], [4, 1, 3, 2, 3, 0]],
        "attention_mask": [[1] * 6, [1] * 5 + [0]],
        "token_type_ids": [[0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 0]],
    }


def test_tensors_are_ranked_pair_by_pair(folder: Path) -> None:
    model = load(folder)
    texts = {"query": [QUERY, "x"], "document": ["beta", "Say hello."]}
    inputs = {
        name: Tensor(DType.BYTES, np.array([text.encode() for text in each], object))
        for name, each in texts.items()
    }
    found = model.infer(TensorRequest("serving_default", inputs), CALL).outputs["score"].array
    assert found.tolist() == [scores(model, QUERY, ["beta"])[0], scores(model, "x", ["Say hello."])[0]]


def test_what_is_too_long_is_named_or_cut_where_the_owner_says(folder: Path) -> None:
    long = "a " * 100
    with pytest.raises(DragomanError) as caught:
        scores(load(folder), QUERY, ["x", long])
    assert (caught.value.reason, caught.value.param) == (Reason.CONTEXT_EXCEEDED, "documents")
    assert "document 1" in caught.value.message
    cutting = load(folder, truncate="end")
    assert scores(cutting, QUERY, [long]) == scores(cutting, QUERY, [long + long])


def test_a_model_of_several_numbers_is_no_cross_encoder(tmp_path: Path) -> None:
    with pytest.raises(DragomanError, match="gives 3 numbers"):
        load(write_cross_encoder(tmp_path / "m", numbers=3))
    with pytest.raises(GivesWayError):
        load(write_cross_encoder(tmp_path / "n", id2label={"0": "no", "1": "yes"}))


def test_a_call_that_nobody_waits_for_ends(folder: Path) -> None:
    gone = CallContext("id")
    gone.cancelled = True
    with pytest.raises(DragomanError) as caught:
        load(folder).rank(RankRequest("serving_default", QUERY, DOCUMENTS), gone)
    assert caught.value.code is Code.CANCELLED


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Address]:
    place = tmp_path_factory.mktemp("served")
    write_cross_encoder(place / "models" / "ranker" / "1")
    with serving([str(place / "models")], place / "log") as addresses:
        yield addresses.http


def post(server: Address, path: str, body: Any) -> tuple[int, Any]:
    connection = HTTPConnection(*server, timeout=60)
    connection.request("POST", path, json.dumps(body).encode(), {"content-type": "application/json"})
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def test_rerank_tells_the_best_document_first(server: Address, folder: Path) -> None:
    asked = {"model": "ranker", "query": QUERY, "documents": DOCUMENTS, "top_n": 3, "return_documents": True}
    status, told = post(server, "/v1/rerank", asked)
    assert status == 200
    expected = scores(load(folder), QUERY, DOCUMENTS)
    best = sorted(range(len(DOCUMENTS)), key=lambda place: -expected[place])[:3]
    assert [result["index"] for result in told["results"]] == best
    assert [result["relevance_score"] for result in told["results"]] == pytest.approx(
        [expected[place] for place in best], abs=1e-6
    )
    assert told["results"][0]["document"] == {"text": DOCUMENTS[best[0]]}
    assert told["usage"]["total_tokens"] > len(DOCUMENTS)


def test_v2_takes_queries_and_documents_as_tensors(server: Address, folder: Path) -> None:
    inputs = [
        {"name": name, "datatype": "BYTES", "shape": [1], "data": [text]}
        for name, text in (("query", QUERY), ("document", "beta"))
    ]
    status, told = post(server, "/v2/models/ranker/infer", {"inputs": inputs})
    assert status == 200
    assert told["outputs"][0]["data"] == pytest.approx(scores(load(folder), QUERY, ["beta"]), abs=1e-6)


def test_it_makes_no_vectors_and_writes_no_text(server: Address) -> None:
    for path, asked in (("embeddings", {"input": "x"}), ("completions", {"prompt": "x"})):
        status, told = post(server, f"/v1/{path}", {"model": "ranker", **asked})
        assert (status, told["error"]["code"]) == (400, "unsupported_model")
