"""Explanations by a model's own runtime."""

import asyncio
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from dragoman.core.context import CallContext
from dragoman.core.errors import DragomanError
from dragoman.core.explanation import Attribution, Wish
from dragoman.core.requests import ExplainRequest, TensorRequest
from dragoman.core.responses import Chunk, ExplainResponse, TensorResponse
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.runners import LocalRunner
from dragoman.explain.choice import make_explainer
from dragoman.explain.pace import Company
from dragoman.repository.declared import merged_signatures
from dragoman.repository.handle import Handle
from dragoman.repository.source import Candidate
from dragoman.settings.model import ModelSettings, SignatureSettings
from tests.unit.explain.scene import alone, no_code


def column(name: str) -> TensorSpec:
    return TensorSpec(name, DType.FP32, (None,), name)


class Sums:
    """y = a + 10 b, which knows what each adds; with a link it gives another y than that."""

    concurrency = 1

    def __init__(self, link: float = 0.0) -> None:
        signature = Signature("serving_default", {"a": column("a"), "b": column("b")}, {"y": column("y")})
        own = Attribution("tree_shap", "y", "added", ("a", "b"))
        self.signatures = {"serving_default": replace(signature, attribution=own)}
        self._link = link

    def infer(self, request: TensorRequest, call: CallContext) -> TensorResponse:
        a, b = (request.inputs[name].array.astype(np.float64) for name in "ab")
        if request.outputs == ["added"]:
            added = np.stack([a, 10 * b, 0 * a], axis=1)[:, None]
            return TensorResponse({"added": Tensor(DType.FP64, added)})
        y = a + 10 * b + self._link
        return TensorResponse({"y": Tensor(DType.FP32, y.astype(np.float32))})

    def stream(self, request: TensorRequest, call: CallContext) -> Iterator[Chunk]:
        yield Chunk(self.infer(request, call).outputs)

    def close(self) -> None:
        """Nothing is held."""


def explained(model: Sums, settings: ModelSettings, **wish: Any) -> ExplainResponse:
    signatures = merged_signatures(model.signatures, settings)
    candidate = Candidate("m", 1, "", "m/1", settings)
    explainer = make_explainer(candidate, signatures, company=Company(alone), load_code=no_code)
    handle = Handle("m", 1, signatures, LocalRunner(model, "m", 1, 8), explainer=explainer)
    signature = handle.signature(None)
    values = np.array([[1, 2], [3, 4], [5, 6]], np.float32)
    inputs = {
        name: Tensor(DType.FP32, values[:, "ab".index(spec.source)])
        for name, spec in signature.inputs.items()
    }
    request = ExplainRequest(signature.name, TensorRequest(signature.name, inputs), Wish(**wish))

    async def ask() -> Any:
        return await handle.explainer().run(handle, request, signature, CallContext("test"))

    found = asyncio.run(ask())
    assert isinstance(found, ExplainResponse)
    return found


def test_a_runtimes_own_numbers_are_taken_first() -> None:
    found = explained(Sums(), ModelSettings())
    assert {name: one.array.tolist() for name, one in found.attributions.items()} == {
        "a": [1.0, 3.0, 5.0],
        "b": [20.0, 40.0, 60.0],
    }
    assert (found.method, found.baseline) == ("tree_shap", "training data")


def test_they_stay_with_their_inputs_whatever_callers_call_those() -> None:
    named = {"serving_default": SignatureSettings(inputs={"second": "b", "first": "a"}, outputs={"out": "y"})}
    found = explained(Sums(), ModelSettings(signatures=named))
    assert list(found.attributions) == ["second", "first"]
    assert found.attributions["first"].array.tolist() == [1.0, 3.0, 5.0]
    assert found.attributions["second"].array.tolist() == [20.0, 40.0, 60.0]


def test_numbers_that_add_up_to_something_else_say_so() -> None:
    assert explained(Sums(link=1.0), ModelSettings()).method == "tree_shap; of the value before the link"


def test_a_baseline_is_for_other_methods() -> None:
    assert explained(Sums(), ModelSettings(), baseline=1.0).method == "shapley; pairs=4"
    with pytest.raises(DragomanError, match=r"parameters\.baseline: tree_shap goes by what the trees"):
        explained(Sums(), ModelSettings(), baseline=1.0, method="tree_shap")
