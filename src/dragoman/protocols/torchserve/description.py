"""The description of the protocol, and of one model, in OpenAPI 3.0.1: what `OPTIONS` is answered with.

The paths are those that the reference describes, in its order, `/prediction/NAME` of a model included, which
it has no route for; here a model's own paths are described as well. A client made from the document works.
"""

from typing import Any, Final

from dragoman import __version__
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.core.status import ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.errors import unknown_model, unknown_version
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded

OPENAPI: Final = "3.0.1"
TITLE: Final = "TorchServe APIs"
DESCRIPTION: Final = (
    "TorchServe is a flexible and easy to use tool for serving deep learning models; this server speaks its "
    "protocol"
)
OCTETS: Final = "application/octet-stream"
JSON: Final = "application/json"
MULTIPART: Final = "multipart/form-data"

Schema = dict[str, Any]


def answer_description(manner: Manner, _: WireRequest, __: StatusReport) -> WireResponse:
    """The whole protocol, for any model."""
    return document(manner, 200, described(TITLE, __version__, DESCRIPTION, paths()))


def answer_model_description(manner: Manner, wire: WireRequest, report: StatusReport) -> WireResponse:
    """How one model, or one version of it, is called.

    Errors: NOT_FOUND for a model or a version that there is not.
    """
    name = percent_decoded(wire.params["model"])
    asked = percent_decoded(wire.params.get("version", ""))
    model = report.models.get(name)
    if model is None:
        raise unknown_model(name)
    version = chosen_version(model, asked)
    signature = version.signatures.get(DEFAULT_SIGNATURE) if version is not None else None
    body, answer = request_body(signature), answered(signature)
    title = f"RESTful API for: {name}"
    found = model_paths(wire.path.rstrip("/"), name, body, answer)
    return document(manner, 200, described(title, "1.0.0", "", found))


def chosen_version(model: ModelStatus, asked: str) -> VersionStatus | None:
    """The version that is asked for, else the one that serves.

    Errors: NOT_FOUND for one that there is not.
    """
    if not asked:
        return model.latest_ready
    found = model.named(asked)
    if found is None or found.state is State.GONE:
        raise unknown_version(model.name, asked)
    return found


def described(title: str, version: str, description: str, found: Schema) -> Schema:
    """A document of these paths."""
    info = {"title": title, "version": version}
    if description:
        info["description"] = description
    return {
        "openapi": OPENAPI,
        "info": info,
        "paths": found,
        "components": {"schemas": {"Error": ERROR, "Status": STATUS}},
    }


def paths() -> Schema:
    """Every path of the protocol on an inference address, and the metrics."""
    anything, whatever = request_body(None), answered(None)
    return {
        "/": {"options": operation("apiDescription", "Get openapi description.", {"200": object_answer()})},
        "/ping": {"get": operation("ping", "Get TorchServe status.", ping_answers())},
        "/v1/models/{model_name}:predict": predicting("v1Predict", anything, whatever, MODEL_NAME),
        "/v2/models/{model_name}/infer": predicting("v2Infer", anything, whatever, MODEL_NAME),
        "/predictions/{model_name}": {
            **predicting("predictions", anything, whatever, MODEL_NAME),
            "options": describing("describePredictions", MODEL_NAME),
        },
        "/predictions/{model_name}/{model_version}": {
            **predicting("versionPredictions", anything, whatever, MODEL_NAME, MODEL_VERSION),
            "options": describing("describeVersionPredictions", MODEL_NAME, MODEL_VERSION),
        },
        "/explanations/{model_name}": predicting("explanations", anything, whatever, MODEL_NAME),
        "/explanations/{model_name}/{model_version}": predicting(
            "versionExplanations", anything, whatever, MODEL_NAME, MODEL_VERSION
        ),
        "/api-description": {
            "get": operation("olderApiDescription", "The same, at its older path.", {"200": object_answer()})
        },
        "/metrics": {"get": metrics()},
    }


def model_paths(path: str, name: str, body: Schema, answer: Schema) -> Schema:
    """The paths of one model; `path` is where it was asked for."""
    return {
        path: predicting("predictions", body, answer),
        f"/prediction/{name}": predicting("prediction", body, answer),
        "/v1/models/{model_name}:predict": predicting("v1Predict", body, answer, MODEL_NAME),
        "/v2/models/{model_name}/infer": predicting("v2Infer", body, answer, MODEL_NAME),
    }


def operation(name: str, summary: str, answers: Schema, *parameters: Schema) -> Schema:
    """One method of a path."""
    made: Schema = {"operationId": name, "summary": summary, "responses": answers}
    if parameters:
        made["parameters"] = list(parameters)
    return made


def predicting(name: str, body: Schema, answer: Schema, *parameters: Schema) -> Schema:
    """POST and PUT of a path that calls a model."""
    answers = {
        "200": {"description": "What the model answers", "content": answer},
        "404": error("There is no such model or version"),
        "500": error("The model's worker died"),
        "503": error("The model failed, or nobody has time to answer"),
    }
    made = {}
    for method in ("post", "put"):
        each = operation(f"{name}{method.title()}", "Call the model.", answers, *parameters)
        made[method] = each | {"requestBody": {"content": body}}
    return made


def describing(name: str, *parameters: Schema) -> Schema:
    """OPTIONS of a path that calls a model."""
    answers = {"200": object_answer(), "404": error("There is no such model or version")}
    return operation(name, "Get openapi description of the model.", answers, *parameters)


def metrics() -> Schema:
    """The metrics' page."""
    page = {"description": "Metrics in Prometheus' text form", "content": {"text/plain": {"schema": TEXT}}}
    return operation("metrics", "Get metrics.", {"200": page})


def ping_answers() -> Schema:
    """Both answers of ping."""
    return {
        "200": {"description": "Every model is served", "content": json_content("Status")},
        "500": {"description": "A model lacks workers", "content": json_content("Status")},
    }


def request_body(signature: Signature | None) -> Schema:
    """What is sent: bytes, JSON or a form; for a model of known inputs an object of them."""
    given: Schema = {"type": "object", "additionalProperties": True}
    if signature is not None and signature.inputs:
        inputs = {name: nested(spec.dtype, len(spec.shape or ())) for name, spec in signature.inputs.items()}
        given = {"type": "object", "properties": inputs}
    form = {"type": "object", "properties": {"data": BYTES}, "additionalProperties": BYTES}
    return {OCTETS: {"schema": BYTES}, JSON: {"schema": given}, MULTIPART: {"schema": form}}


def answered(signature: Signature | None) -> Schema:
    """What is answered: JSON for a model of known inputs, else whatever the model's code gives."""
    known = signature is not None and bool(signature.inputs)
    return {JSON: {"schema": {}}} if known else {OCTETS: {"schema": BYTES}}


def nested(dtype: DType, rank: int) -> Schema:
    """Lists of so many levels."""
    if dtype is DType.BYTES:
        schema: Schema = {"type": "string"}
    elif dtype is DType.BOOL:
        schema = {"type": "boolean"}
    else:
        schema = {"type": "number" if dtype.is_float else "integer"}
    for _ in range(rank):
        schema = {"type": "array", "items": schema}
    return schema


def object_answer() -> Schema:
    """An answer of any JSON object."""
    return {"description": "An OpenAPI 3.0.1 document", "content": {JSON: {"schema": {"type": "object"}}}}


def error(description: str) -> Schema:
    """An answer that tells an error."""
    return {"description": description, "content": json_content("Error")}


def json_content(name: str) -> Schema:
    """A body of one of the schemas below."""
    return {JSON: {"schema": {"$ref": f"#/components/schemas/{name}"}}}


def parameter(name: str, description: str) -> Schema:
    """A part of a path."""
    return {"name": name, "in": "path", "required": True, "description": description, "schema": TEXT}


TEXT: Final[Schema] = {"type": "string"}
BYTES: Final[Schema] = {"type": "string", "format": "binary"}
MODEL_NAME: Final = parameter("model_name", "Name of the model.")
MODEL_VERSION: Final = parameter("model_version", "Version of the model.")
STATUS: Final[Schema] = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"type": "string"}},
}
ERROR: Final[Schema] = {
    "type": "object",
    "required": ["code", "type", "message"],
    "properties": {"code": {"type": "integer"}, "type": TEXT, "message": TEXT},
}
