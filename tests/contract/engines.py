"""What every engine keeps: subclass `EngineContract` and say how to write two small models.

class TestOnnx(EngineContract):
    engine = OnnxEngine()
    ...

An engine whose models cannot give back what they are given keeps `LoadingContract`, which is a part of it.
"""

import gc
import weakref
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import ml_dtypes
import numpy as np
import pytest

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.responses import TensorResponse
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.core.tensors import Array, DType, Tensor
from dragoman.engines.base import Artifact, Engine, LoadedModel
from dragoman.repository.tree import scan
from dragoman.settings.model import ModelSettings

CALL = CallContext("contract")


def values(dtype: DType) -> Array:
    """A 3 x 4 array that holds the extremes of a type."""
    if dtype is DType.BYTES:
        whole = [b"", b"a", b"\x00", b"a\x00b", "é".encode(), "\U0010f780\U0010ffff".encode()]
        broken = [
            b"\xff\xfe",
            b"\xc3",
            b"\xed\xb2\x80",
            b"\xf4\x8f\x9e",
            b"\xf4\x8f\x9e\x80\xff",
            bytes(range(256)),
        ]
        texts = whole + broken
        array = np.empty(len(texts), np.object_)
        array[:] = texts
        return array.reshape(3, 4)
    if dtype is DType.BOOL:
        return np.array([[True, False, True, True]] * 3)
    if dtype.is_integer:
        info = np.iinfo(dtype.numpy)
        return np.array([[0, 1, info.min, info.max]] * 3, dtype.numpy)
    info = ml_dtypes.finfo(dtype.numpy)
    numbers = [0.0, -0.0, 1.5, info.max, info.min, info.tiny, info.eps, np.inf, -np.inf, np.nan, -2.25, 0.1]
    return np.array(numbers).astype(dtype.numpy).reshape(3, 4)


def bits(array: Array) -> Any:
    """What an array holds, so that NaN equals itself and -0 is not 0."""
    return array.tolist() if array.dtype == object else array.tobytes()


def tensor(array: Array) -> Tensor:
    """A tensor of the type that the array has."""
    names = {dtype.numpy: dtype for dtype in DType}
    return Tensor(names[array.dtype], array)


class LoadingContract(ABC):
    """Subclasses write a model; these tests claim, load and close it."""

    engine: ClassVar[Engine]
    entry: ClassVar[str]  # the file, below a version folder, that holds the model

    @abstractmethod
    def write_model(self, folder: Path) -> None:
        """Any model."""

    @abstractmethod
    def ask(self, model: LoadedModel) -> TensorResponse:
        """A call that `write_model`'s answers."""

    def load(self, folder: Path, options: Mapping[str, Any] | None = None) -> LoadedModel:
        """What the repository does: claim, then load."""
        claim = self.engine.claim(scan(str(folder)), ModelSettings())
        assert claim is not None
        return self.engine.load(Artifact(str(folder / claim.entry), "demo", 1), options or {})

    @pytest.fixture
    def loaded(self, tmp_path: Path) -> LoadedModel:
        self.write_model(tmp_path)
        return self.load(tmp_path)

    # Claiming and loading

    def test_it_claims_its_own_files_and_says_which_it_needs(self, tmp_path: Path) -> None:
        self.write_model(tmp_path)
        claim = self.engine.claim(scan(str(tmp_path)), ModelSettings())
        assert claim is not None
        assert self.entry in claim.required

    def test_it_does_not_claim_an_empty_folder_nor_other_files(self, tmp_path: Path) -> None:
        assert self.engine.claim(scan(str(tmp_path)), ModelSettings()) is None
        (tmp_path / "README.md").write_text("no model")
        assert self.engine.claim(scan(str(tmp_path)), ModelSettings()) is None

    def test_its_estimate_is_above_the_size_of_the_files(self, tmp_path: Path) -> None:
        self.write_model(tmp_path)
        size = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
        artifact = Artifact(str(tmp_path / self.entry), "demo", 1)
        assert self.engine.estimate(artifact).memory_bytes >= size

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DragomanError, match=Path(self.entry).name) as caught:
            self.engine.load(Artifact(str(tmp_path / self.entry), "demo", 1), {})
        assert str(tmp_path) not in caught.value.message

    @pytest.mark.parametrize("damage", ["truncated", "garbage", "empty"])
    def test_a_damaged_file_is_named_and_its_place_is_not(self, tmp_path: Path, damage: str) -> None:
        self.write_model(tmp_path)
        file = tmp_path / self.entry
        whole = file.read_bytes()
        file.write_bytes(
            {"truncated": whole[: len(whole) // 2], "garbage": b"\xff" * 99, "empty": b""}[damage]
        )
        with pytest.raises(DragomanError, match=file.name) as caught:
            self.load(tmp_path)
        assert str(tmp_path) not in caught.value.message
        assert "Error" not in caught.value.message

    def test_an_unknown_option_is_named(self, tmp_path: Path) -> None:
        self.write_model(tmp_path)
        with pytest.raises(DragomanError, match=r"options\.no_such_option") as caught:
            self.load(tmp_path, {"no_such_option": 1})
        assert caught.value.code is Code.INVALID_ARGUMENT

    # Closing

    def test_closing_twice_does_no_harm_and_calls_are_refused_after_it(self, loaded: LoadedModel) -> None:
        loaded.close()
        loaded.close()
        with pytest.raises(DragomanError) as caught:
            self.ask(loaded)
        assert caught.value.code is Code.UNAVAILABLE

    @abstractmethod
    def in_memory(self, model: LoadedModel) -> object:
        """The runtime's own object, which a closed model must not keep."""

    def test_closing_lets_go_of_the_runtime(self, loaded: LoadedModel) -> None:
        kept = weakref.ref(self.in_memory(loaded))
        assert kept() is not None
        loaded.close()
        gc.collect()
        assert kept() is None


class EngineContract(LoadingContract):
    """Subclasses write models; these tests load and call them."""

    dtypes: ClassVar[Sequence[DType]] = tuple(DType)  # those that the runtime has

    A = np.arange(6, dtype=np.float32).reshape(2, 3)
    B = np.array([7, -8], np.int64)

    @abstractmethod
    def write_echo(self, folder: Path, dtype: DType) -> None:
        """A model that gives `y`, equal to its input `x` of any size, rank 2 at least being taken."""

    @abstractmethod
    def write_pair(self, folder: Path) -> None:
        """A model with inputs `a` float32 (N, 3) and `b` int64 (N,), and outputs `c` = a and `d` = b."""

    def write_model(self, folder: Path) -> None:
        self.write_pair(folder)

    def ask(self, model: LoadedModel) -> TensorResponse:
        return self.infer(model, a=self.A, b=self.B)

    def infer(
        self, model: LoadedModel, outputs: Sequence[str] | None = None, **inputs: Array
    ) -> TensorResponse:
        """One call of the default signature."""
        tensors = {name: tensor(array) for name, array in inputs.items()}
        return model.infer(TensorRequest(DEFAULT_SIGNATURE, tensors, outputs), CALL)

    def refused(self, model: LoadedModel, **inputs: Array) -> str:
        """The message of a call that has to fail because of its inputs."""
        with pytest.raises(DragomanError) as caught:
            self.infer(model, **inputs)
        assert caught.value.code is Code.INVALID_ARGUMENT
        return caught.value.message

    @pytest.fixture
    def pair(self, tmp_path: Path) -> LoadedModel:
        self.write_pair(tmp_path)
        return self.load(tmp_path)

    def test_the_signature_tells_names_types_and_shapes(self, pair: LoadedModel) -> None:
        signature = pair.signatures[DEFAULT_SIGNATURE]
        told = {**signature.inputs, **signature.outputs}
        assert {name: (spec.dtype, spec.shape) for name, spec in told.items()} == {
            "a": (DType.FP32, (None, 3)),
            "b": (DType.INT64, (None,)),
            "c": (DType.FP32, (None, 3)),
            "d": (DType.INT64, (None,)),
        }
        assert all(spec.name == name for name, spec in told.items())
        assert signature.source in pair.signatures

    # Calling

    @pytest.mark.parametrize("dtype", list(DType), ids=lambda dtype: dtype.value)
    def test_every_type_comes_back_bit_for_bit(self, tmp_path: Path, dtype: DType) -> None:
        if dtype not in self.dtypes:
            pytest.skip(f"the runtime has no {dtype.value}")
        self.write_echo(tmp_path, dtype)
        sent = values(dtype)
        got = self.infer(self.load(tmp_path), x=sent).outputs["y"]
        assert got.dtype is dtype
        assert got.array.dtype == dtype.numpy
        assert got.array.shape == sent.shape
        assert bits(got.array) == bits(sent)

    @pytest.mark.parametrize("dtype", list(DType), ids=lambda dtype: dtype.value)
    def test_a_batch_of_no_rows_comes_back_empty(self, tmp_path: Path, dtype: DType) -> None:
        if dtype not in self.dtypes:
            pytest.skip(f"the runtime has no {dtype.value}")
        self.write_echo(tmp_path, dtype)
        got = self.infer(self.load(tmp_path), x=np.empty((0, 4), dtype.numpy)).outputs["y"]
        assert got.array.shape == (0, 4)
        assert got.array.dtype == dtype.numpy

    def test_inputs_that_cannot_be_written_to_are_taken(self, pair: LoadedModel) -> None:
        frozen = np.frombuffer(self.A.tobytes(), np.float32).reshape(2, 3)
        assert bits(self.infer(pair, a=frozen, b=self.B).outputs["c"].array) == bits(self.A)

    def test_an_answer_does_not_change_with_the_input_it_came_from(self, pair: LoadedModel) -> None:
        given = self.A.copy()
        answer = self.infer(pair, a=given, b=self.B).outputs["c"].array
        given[:] = 0
        assert bits(answer) == bits(self.A)

    def test_all_outputs_are_given_unless_some_are_asked_for(self, pair: LoadedModel) -> None:
        assert list(self.infer(pair, a=self.A, b=self.B).outputs) == ["c", "d"]
        assert list(self.infer(pair, ["d"], a=self.A, b=self.B).outputs) == ["d"]

    def test_a_stream_gives_what_a_call_gives(self, pair: LoadedModel) -> None:
        request = TensorRequest(DEFAULT_SIGNATURE, {"a": tensor(self.A), "b": tensor(self.B)})
        chunks = list(pair.stream(request, CALL))
        assert bits(chunks[-1].outputs["d"].array) == bits(self.B)

    def test_another_type_is_refused_with_both_types(self, pair: LoadedModel) -> None:
        message = self.refused(pair, a=self.A.astype(np.float64), b=self.B)
        assert message == 'input "a": float64 given, float32 expected'

    def test_bytes_for_numbers_are_refused(self, pair: LoadedModel) -> None:
        text = np.array([b"1", b"2"], object)
        assert self.refused(pair, a=self.A, b=text) == 'input "b": bytes given, int64 expected'

    def test_another_rank_is_refused_with_both_shapes(self, pair: LoadedModel) -> None:
        message = self.refused(pair, a=self.A[0], b=self.B)
        assert message == 'input "a": shape (3,) does not fit (?, 3)'

    def test_another_size_is_refused_with_both_shapes(self, pair: LoadedModel) -> None:
        message = self.refused(pair, a=self.A[:, :2].copy(), b=self.B)
        assert message == 'input "a": shape (2, 2) does not fit (?, 3)'

    def test_a_missing_input_is_named(self, pair: LoadedModel) -> None:
        assert self.refused(pair, a=self.A) == 'input "b" is missing'

    def test_an_input_that_the_model_does_not_have_is_named(self, pair: LoadedModel) -> None:
        message = self.refused(pair, a=self.A, b=self.B, z=self.B)
        assert message == 'there is no input "z"; the model takes a, b'

    def test_an_output_that_the_model_does_not_have_is_named(self, pair: LoadedModel) -> None:
        with pytest.raises(DragomanError, match='no output "z"; the model gives c, d') as caught:
            self.infer(pair, ["c", "z"], a=self.A, b=self.B)
        assert caught.value.code is Code.INVALID_ARGUMENT

    def test_a_refused_call_leaves_the_model_well(self, pair: LoadedModel) -> None:
        self.refused(pair, a=self.A)
        assert bits(self.infer(pair, a=self.A, b=self.B).outputs["d"].array) == bits(self.B)

    def test_calls_from_several_threads_each_get_their_own_answer(self, pair: LoadedModel) -> None:
        def one(number: int) -> bool:
            a, b = np.full((5, 3), number, np.float32), np.full(5, number, np.int64)
            outputs = self.infer(pair, a=a, b=b).outputs
            return bits(outputs["c"].array) == bits(a) and bits(outputs["d"].array) == bits(b)

        with ThreadPoolExecutor(min(pair.concurrency, 4)) as threads:
            assert all(threads.map(one, range(200)))
