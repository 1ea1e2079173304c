"""The OpenAPI documents are valid, lead back to the paths they describe, and show requests that fit."""

import json
from typing import Any, Final
from urllib.parse import urljoin

import numpy as np
import pytest
from openapi_spec_validator import OpenAPIV30SpecValidator

from dragoman.core.requests import TensorRequest
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import NUMPY, DType, Tensor
from dragoman.wire.datatypes import DTYPES
from dragoman.wire.v2.binding import bind_tensors
from tests.unit.protocols.kserve_v2.protocol import PROTOCOL
from tests.unit.protocols.tfs.reference import Codec, echo_signature

SIGNATURES: Final = {
    "pixels": echo_signature(DType.UINT8, (None, 4, 4, 3)),
    "flag": echo_signature(DType.BOOL, None),
    "words": echo_signature(DType.BYTES, (None, 2)),
    "large": echo_signature(DType.FP32, (1, 3, 224, 224)),
    "scalar": echo_signature(DType.FP64, ()),
}
REPORT: Final = StatusReport(
    {
        name: ModelStatus(name, (VersionStatus(7, State.READY, "onnx", signatures={"only": signature}),))
        for name, signature in SIGNATURES.items()
    }
    | {"loading": ModelStatus("loading", (VersionStatus(1, State.LOADING),))}
)
CODEC: Final = Codec("superset", REPORT, PROTOCOL)
DOCUMENTS: Final = [
    "/v2/docs/dataplane.json",
    *(f"/v2/models/{name}/docs/dataplane.json" for name in SIGNATURES),
    "/v2/models/pixels/versions/7/docs/dataplane.json",
]


def document(path: str) -> Any:
    response = CODEC.answer("GET", path)
    assert response.status == 200
    return json.loads(bytes(response.body))


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_document_is_valid_openapi(path: str) -> None:
    assert list(OpenAPIV30SpecValidator(document(path)).iter_errors()) == []


@pytest.mark.parametrize("path", DOCUMENTS)
def test_the_paths_of_a_document_are_answered_wherever_a_mount_has_put_it(path: str) -> None:
    described = document(path)
    (server,) = described["servers"]
    for own, item in described["paths"].items():
        asked = own.replace("{model_name}", "pixels")
        assert urljoin(f"http://host/mount{path}", server["url"] + asked) == f"http://host/mount{asked}"
        if "get" in item:
            assert CODEC.answer("GET", asked).status != 404


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_example_of_a_model_fits_its_signature(name: str) -> None:
    post = document(f"/v2/models/{name}/docs/dataplane.json")["paths"][f"/v2/models/{name}/infer"]["post"]
    content = post["requestBody"]["content"]["application/json"]
    tensors = {}
    for given in content["example"]["inputs"]:
        dtype = DTYPES[given["datatype"]]
        data = given["data"] or np.zeros(np.prod(given["shape"]))  # a large one is left empty
        array = np.array(data, NUMPY[dtype]).reshape(given["shape"])
        tensors[given["name"]] = Tensor(dtype, array)
    assert isinstance(bind_tensors(name, tensors, (), SIGNATURES[name]), TensorRequest)


def test_a_model_that_is_not_there_or_not_ready_has_no_document() -> None:
    assert CODEC.answer("GET", "/v2/models/nobody/docs/dataplane.json").status == 404
    assert CODEC.answer("GET", "/v2/models/nobody/docs").status == 404
    assert CODEC.answer("GET", "/v2/models/loading/docs").status == 503


@pytest.mark.parametrize("path", ["/v2/docs", "/v2/models/pixels/docs"])
def test_the_page_brings_all_it_needs_along(path: str) -> None:
    response = CODEC.answer("GET", path)
    assert (response.status, response.content_type) == (200, b"text/html; charset=utf-8")
    text = bytes(response.body).decode()
    assert "<script>" in text
    assert "http://" not in text
    assert "https://" not in text
    assert any(name == b"Content-Security-Policy" for name, _ in response.headers)
