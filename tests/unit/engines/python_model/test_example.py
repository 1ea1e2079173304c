"""The example under examples/python works as its page says."""

import numpy as np

from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE
from dragoman.engines.base import Artifact
from dragoman.engines.python_model import PythonModelEngine
from dragoman.execution.workers.model import placed
from dragoman.repository.sidecar import read_sidecar
from dragoman.repository.trust import check_trust
from tests.contract.engines import CALL, tensor
from tests.meta.contracts import TREE

FOLDER = TREE / "examples" / "python" / "words"


def test_it_counts_words_in_answers_and_in_parts() -> None:
    settings = read_sidecar(str(FOLDER), "words")
    engine = placed(PythonModelEngine)
    check_trust(engine, settings, "words", trusted=False)
    model = engine.load(Artifact(str(FOLDER / "model.py"), "words", 1, settings), settings.options)
    request = TensorRequest(
        DEFAULT_SIGNATURE, {"text": tensor(np.array([b"the quick brown fox", b"a"], object))}
    )
    answer = model.infer(request, CALL).outputs
    assert answer["count"].array.tolist() == [4, 1]
    assert answer["longest"].array.tolist() == [b"quick", b"a"]
    parts = [chunk.outputs["count"].array.tolist() for chunk in model.stream(request, CALL)]
    assert parts == [[4], [1]]
    model.close()
