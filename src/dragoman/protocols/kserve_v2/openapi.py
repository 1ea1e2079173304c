"""`/v2/docs`: the REST half of the protocol as an OpenAPI document, of the server and of each model.

MLServer's paths. A model's document has its own inputs and outputs, with a request that fits them, so that
the page beside it can send one at once.
"""

from collections.abc import Mapping
from functools import cache
from math import prod
from pkgutil import get_data
from typing import Any, Final

from dragoman import __version__
from dragoman.core.signatures import TensorSpec
from dragoman.core.status import StatusReport
from dragoman.core.tensors import DType
from dragoman.protocols.kserve_v2.status import default_signature, serving_version
from dragoman.protocols.kserve_v2.target import read_target
from dragoman.wire.datatypes import DATATYPES, shown_shape
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import Headers, WireRequest, WireResponse

OPENAPI: Final = "3.0.3"
EXAMPLE_ELEMENTS: Final = 1024  # of one input; more would be no example any more
PAGE_HEADERS: Final[Headers] = [
    # The page brings everything along: nothing is fetched but the document and the answers.
    (
        b"Content-Security-Policy",
        b"default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'",
    ),
]
JSON_TYPES: Final[Mapping[DType, str]] = {
    dtype: {DType.BOOL: "boolean", DType.BYTES: "string"}.get(
        dtype, "number" if dtype.is_float else "integer"
    )
    for dtype in DType
}
EXAMPLES: Final[Mapping[str, Any]] = {"boolean": True, "string": "text", "number": 1.0, "integer": 1}

Schema = dict[str, Any]


def answer_page(_: WireRequest, __: StatusReport) -> WireResponse:
    """The page that shows the document beside it, and sends what its reader writes."""
    return WireResponse(200, page(), content_type=b"text/html; charset=utf-8", headers=[*PAGE_HEADERS])


def answer_model_page(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The same for one model.

    Errors: as `serving_version`.
    """
    serving_version(read_target(wire), report)
    return answer_page(wire, report)


def answer_document(_: WireRequest, report: StatusReport) -> WireResponse:
    """The OpenAPI document of the server."""
    names = list(report.models)
    paths = {**server_paths(), **model_paths("/v2/models/{model_name}", [model_parameter(names)], infer({}))}
    return WireResponse(200, dump(document("The models of this server", "../..", paths)))


def answer_model_document(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The OpenAPI document of one model, or of one version of it.

    Errors: as `serving_version`.
    """
    target = read_target(wire)
    model, serving = serving_version(target, report)
    signature = default_signature(serving)
    inputs = signature.inputs if signature is not None else {}
    versioned = target.version is not None
    # The path as it was asked for, so that a name is escaped as the client escaped it.
    path = wire.path.rpartition("/docs/")[0]
    up = "../../../../../.." if versioned else "../../../.."
    title = f"Model {model.name}" + (f", version {serving.version}" if versioned else "")
    return WireResponse(200, dump(document(title, up, model_paths(path, [], infer(inputs)))))


@cache
def page() -> bytes:
    """The page's text."""
    return get_data("dragoman.protocols.kserve_v2", "page.html") or b""


def document(title: str, server: str, paths: Schema) -> Schema:
    """An OpenAPI document; `server` leads from the document to the root of the paths, wherever that is."""
    return {
        "openapi": OPENAPI,
        "info": {"title": title, "version": __version__, "description": "Open Inference Protocol V2."},
        "servers": [{"url": server}],
        "paths": paths,
        "components": {"schemas": SCHEMAS},
    }


def server_paths() -> Schema:
    """The paths that belong to no model."""
    return {
        "/v2": {"get": operation("server-metadata", "Name, version and extensions of the server")},
        "/v2/health/live": {"get": operation("server-live", "Whether the server is alive")},
        "/v2/health/ready": {"get": operation("server-ready", "Whether every model is loaded")},
        "/v2/models": {"get": operation("models", "The names of the models")},
    }


def model_paths(path: str, parameters: list[Schema], request: Schema) -> Schema:
    """The paths of a model, or of any model where `parameters` name it."""
    own: Schema = {"parameters": parameters} if parameters else {}
    post = operation("model-infer", "Call the model", "InferenceResponse")
    return {
        path: own | {"get": operation("model-metadata", "Inputs, outputs and versions")},
        f"{path}/ready": own | {"get": operation("model-ready", "Whether the model serves")},
        f"{path}/infer": own | {"post": post | {"requestBody": request}},
    }


def operation(name: str, summary: str, answer: str = "Object") -> Schema:
    """A method of a path: what it is called and what it answers."""
    return {
        "operationId": name,
        "summary": summary,
        "responses": {
            "200": {"description": "OK", "content": json_content(reference(answer))},
            "default": {"description": "What is wrong", "content": json_content(reference("Error"))},
        },
    }


def infer(inputs: Mapping[str, TensorSpec]) -> Schema:
    """The request of a call, with an example where the inputs are known."""
    schema = reference("InferenceRequest") if not inputs else request_schema(inputs)
    content = json_content(schema)
    if inputs:
        tensors = [example(name, spec) for name, spec in inputs.items()]
        content["application/json"]["example"] = {"inputs": tensors}
    return {"required": True, "content": content}


def request_schema(inputs: Mapping[str, TensorSpec]) -> Schema:
    """The schema of a call of one model: any order of its inputs, each of its own type and shape."""
    tensors = [input_schema(name, spec) for name, spec in inputs.items()]
    return {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            **SCHEMAS["InferenceRequest"]["properties"],
            "inputs": {"type": "array", "maxItems": len(inputs), "items": {"oneOf": tensors}},
        },
    }


def input_schema(name: str, spec: TensorSpec) -> Schema:
    """The schema of one input of a model."""
    rank = {} if spec.shape is None else {"minItems": len(spec.shape), "maxItems": len(spec.shape)}
    sizes = {"type": "array", "items": {"type": "integer", "minimum": 0}, **rank}
    return {
        "type": "object",
        "description": f"{DATATYPES[spec.dtype]} of shape {shown_shape(spec.shape)}; -1 = any size",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string", "enum": [name]},
            "shape": sizes,
            "datatype": {"type": "string", "enum": [DATATYPES[spec.dtype]]},
            "parameters": {"type": "object"},
            "data": {"type": "array", "items": {}, "description": f"elements: {JSON_TYPES[spec.dtype]}"},
        },
    }


def example(name: str, spec: TensorSpec) -> Schema:
    """An input that fits: every open size is 1 and every element the same; large ones are left empty."""
    shape = [1] if spec.shape is None else [1 if size is None else size for size in spec.shape]
    count = prod(shape)
    element = EXAMPLES[JSON_TYPES[spec.dtype]]
    data = [element] * count if count <= EXAMPLE_ELEMENTS else []
    return {"name": name, "shape": shape, "datatype": DATATYPES[spec.dtype], "data": data}


def model_parameter(names: list[str]) -> Schema:
    """The part of a path that names the model."""
    schema: Schema = {"type": "string", "enum": names} if names else {"type": "string"}
    return {"name": "model_name", "in": "path", "required": True, "schema": schema}


def json_content(schema: Schema) -> Schema:
    """A body of JSON."""
    return {"application/json": {"schema": schema}}


def reference(name: str) -> Schema:
    """One of the schemas below."""
    return {"$ref": f"#/components/schemas/{name}"}


TENSOR: Final[Schema] = {
    "name": {"type": "string"},
    "shape": {"type": "array", "items": {"type": "integer", "minimum": 0}},
    "datatype": {"type": "string", "enum": list(DATATYPES.values())},
    "parameters": {"type": "object"},
    "data": {"type": "array", "items": {}},
}
TENSOR_REQUIRED: Final = ["name", "shape", "datatype"]
SCHEMAS: Final[Schema] = {
    "Object": {"type": "object"},
    "Error": {"type": "object", "required": ["error"], "properties": {"error": {"type": "string"}}},
    "RequestInput": {"type": "object", "required": TENSOR_REQUIRED, "properties": TENSOR},
    "RequestOutput": {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string"}, "parameters": {"type": "object"}},
    },
    "ResponseOutput": {"type": "object", "required": TENSOR_REQUIRED, "properties": TENSOR},
    "InferenceRequest": {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "inputs": {"type": "array", "items": {"$ref": "#/components/schemas/RequestInput"}},
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/RequestOutput"}},
        },
    },
    "InferenceResponse": {
        "type": "object",
        "required": ["model_name", "model_version", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "parameters": {"type": "object"},
            "outputs": {"type": "array", "items": {"$ref": "#/components/schemas/ResponseOutput"}},
        },
    },
}
