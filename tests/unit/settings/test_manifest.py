"""What the manifest of a model archive says."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.settings.manifest import MOST_BYTES, Manifest, ManifestModel, read_manifest

WHOLE = {
    "createdOn": "21/11/2026 07:32:19",
    "runtime": "python3",
    "archiverVersion": "0.12.0",
    "description": "of the archive",
    "model": {
        "modelName": "m",
        "modelVersion": "2.0-rc1",
        "handler": "handler.py:run",
        "serializedFile": "m.pt",
        "modelFile": "model.py",
        "requirementsFile": "requirements.txt",
        "configFile": "model-config.yaml",
        "sourceVocab": "vocab.pt",
        "envelope": "body",
        "description": "of the model",
        "extensions": {"size": 1.5, "list": [1]},
    },
}


def json_bytes(value: object) -> bytes:
    """A manifest with this in the place of its name."""
    return json.dumps({"model": {"modelName": value}}).encode()


def read(tree: object) -> Manifest:
    return read_manifest(json.dumps(tree).encode(), "m.mar: MANIFEST")


def test_every_key_is_read() -> None:
    assert read(WHOLE) == Manifest(
        created_on="21/11/2026 07:32:19",
        runtime="python3",
        archiver_version="0.12.0",
        description="of the archive",
        model=ManifestModel(
            model_name="m",
            model_version="2.0-rc1",
            handler="handler.py:run",
            serialized_file="m.pt",
            model_file="model.py",
            requirements_file="requirements.txt",
            config_file="model-config.yaml",
            source_vocab="vocab.pt",
            envelope="body",
            description="of the model",
            extensions={"size": 1.5, "list": [1]},
        ),
    )


@pytest.mark.parametrize("tree", [{}, {"model": None}, {"model": {"modelVersion": None}}, {"runtime": ""}])
def test_what_is_left_out_is_python_and_version_1_0(tree: object) -> None:
    manifest = read(tree)
    assert (manifest.runtime, manifest.model.model_version, manifest.model.model_name) == (
        "python",
        "1.0",
        "",
    )


@pytest.mark.parametrize("written", ["1.10", "2", "1e3", '"1.10"'])
def test_a_version_is_the_text_that_stands_there(written: str) -> None:
    data = b'{"model": {"modelVersion": %s}}' % written.encode()
    assert read_manifest(data, "m").model.model_version == written.strip('"')


def test_keys_that_nobody_knows_are_passed_over() -> None:
    assert read({**WHOLE, "license": "x", "user": {"name": "y"}}) == read(WHOLE)


def test_a_byte_order_mark_is_passed_over() -> None:
    assert read_manifest(b"\xef\xbb\xbf{}", "m") == Manifest()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"\xff\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it is no object"),
        (b'"text"', "it is no object"),
        (b'{"model": "m"}', "model is no object"),
        (b'{"model": {"modelName": ["m"]}}', "model.modelName is no text"),
        (b'{"model": {"extensions": 1}}', "model.extensions is no object"),
        (b'{"runtime": {}}', "runtime is no text"),
        (b" " * (MOST_BYTES + 1), "it is larger than 1048576 bytes"),
    ],
)
def test_what_is_no_manifest_is_told_with_a_reason(data: bytes, why: str) -> None:
    with pytest.raises(DragomanError) as caught:
        read_manifest(data, "m.mar: MANIFEST")
    error = caught.value
    assert (error.code, error.reason) == (Code.INVALID_ARGUMENT, Reason.MANIFEST_MALFORMED)
    assert error.message == f"m.mar: MANIFEST is no manifest: {why}"


@given(st.binary() | st.recursive(st.none() | st.text() | st.floats(), st.lists).map(json_bytes))
def test_any_bytes_are_a_manifest_or_an_error(data: bytes) -> None:
    with contextlib.suppress(DragomanError):
        read_manifest(data, "m")
