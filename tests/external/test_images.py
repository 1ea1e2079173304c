"""Encoded images for a model of another server become its tensors here."""

import asyncio
import io
import json
from functools import partial

import numpy as np
from PIL import Image

from dragoman.core.requests import TensorRequest
from dragoman.core.tensors import DType, Tensor
from dragoman.execution.choice import make_runner
from dragoman.repository.declared import merged_signatures
from dragoman.repository.handle import Handle
from dragoman.settings.model import ModelSettings
from tests.external.models import CALL, loaded
from tests.external.standin import says, standing_in

BINARY = says(200, {"extensions": ["binary_tensor_data"]})
X = {"name": "x", "datatype": "FP32", "shape": [-1, 2, 2, 3]}
Y = {"name": "y", "datatype": "FP32", "shape": [-1]}
ANSWER = {"outputs": [{**Y, "shape": [1], "data": [0.5]}]}


def test_an_image_is_decoded_before_it_goes_there() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")

    async def test() -> None:
        settings = ModelSettings()
        described = says(200, {"inputs": [X], "outputs": [Y]})
        async with standing_in(BINARY, described, says(200, ANSWER)) as server:
            model = await loaded(server, "v2", check_s=0)
            loop = asyncio.get_running_loop()
            runner = await asyncio.to_thread(partial(make_runner, model, settings, "mine", 1, loop=loop))
            handle = Handle("mine", 1, merged_signatures(model.signatures, settings), runner)
            texts = np.array([file.getvalue()], np.object_)
            request = TensorRequest("serving_default", {"x": Tensor(DType.BYTES, texts)})
            answer = runner.run(handle, request, handle.signature(None), CALL)
            response = answer if not hasattr(answer, "__await__") else await answer
            assert handle.trouble is not None
            assert handle.trouble() is None
            await asyncio.to_thread(runner.close)
        length = int(server.asked[2].headers["inference-header-content-length"])
        (sent,) = json.loads(server.asked[2].body[:length])["inputs"]
        assert (sent["datatype"], sent["shape"]) == ("FP32", [1, 2, 2, 3])
        values = np.frombuffer(server.asked[2].body[length:], np.float32)
        assert sorted(values.tolist()) == sorted(pixels.reshape(-1).tolist())
        assert response.outputs["y"].array.tolist() == [0.5]

    asyncio.run(test())
