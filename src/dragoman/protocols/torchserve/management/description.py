"""The description of the management protocol in OpenAPI 3.0.1: what `OPTIONS` is answered with there."""

from typing import Final

from dragoman import __version__
from dragoman.core.status import StatusReport
from dragoman.protocols.torchserve.answers import Manner, document
from dragoman.protocols.torchserve.description import (
    DESCRIPTION,
    MODEL_NAME,
    MODEL_VERSION,
    TITLE,
    Schema,
    described,
    error,
    json_content,
    metrics,
    object_answer,
    operation,
)
from dragoman.protocols.torchserve.management.views import versions_meant
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded

REGISTER: Final = (
    ("url", "string", "An archive of the model store, or the URL of one.", True),
    ("model_name", "string", "The name of the model, in the place of the archive's.", False),
    ("handler", "string", "The handler, in the place of the archive's.", False),
    ("runtime", "string", "python or python3.", False),
    ("batch_size", "integer", "Requests that the handler is given at once.", False),
    ("max_batch_delay", "integer", "How long a batch waits to fill, in milliseconds.", False),
    ("initial_workers", "integer", "Workers that it begins with.", False),
    ("synchronous", "boolean", "Whether the answer waits for the workers; true unless given.", False),
    ("response_timeout", "integer", "Seconds that a batch may take.", False),
    ("startup_timeout", "integer", "Seconds that a worker may take to load the model.", False),
)
SCALE: Final = (
    ("min_worker", "integer", "Workers at least; 1 unless given.", False),
    ("max_worker", "integer", "Workers at most; as many as at least unless given.", False),
    ("synchronous", "boolean", "Whether the answer waits for the workers; false unless given.", False),
)
LIST: Final = (
    ("limit", "integer", "Models of a page; 100 unless given.", False),
    ("next_page_token", "integer", "What the page before gave as nextPageToken.", False),
)
DESCRIBE: Final = (("customized", "boolean", "Whether the model says something of itself, too.", False),)


def answer_management(manner: Manner, _: WireRequest, __: StatusReport) -> WireResponse:
    """The whole protocol, for any model."""
    return document(manner, 200, described(TITLE, __version__, DESCRIPTION, paths()))


def answer_of_model(manner: Manner, wire: WireRequest, report: StatusReport) -> WireResponse:
    """How one model is managed.

    Errors: NOT_FOUND for a model that there is not.
    """
    name = percent_decoded(wire.params["model"])
    versions_meant(report, name, None)
    title = f"RESTful Management API for: {name}"
    return document(manner, 200, described(title, "1.0.0", "", {f"/models/{name}": of_model()}))


def paths() -> Schema:
    """Every path of the protocol, and the metrics."""
    return {
        "/": {"options": operation("apiDescription", "Get openapi description.", {"200": object_answer()})},
        "/models": {
            "post": operation("registerModel", "Register a model.", changed(), *query(REGISTER)),
            "get": operation("listModels", "List the models.", {"200": object_answer()}, *query(LIST)),
        },
        "/models/{model_name}": of_model(MODEL_NAME),
        "/models/{model_name}/{model_version}": of_model(MODEL_NAME, MODEL_VERSION),
        "/models/{model_name}/{model_version}/set-default": {
            "put": operation(
                "setDefault", "Have this version called by default.", changed(), MODEL_NAME, MODEL_VERSION
            )
        },
        "/api-description": {
            "get": operation("olderApiDescription", "The same, at its older path.", {"200": object_answer()})
        },
        "/metrics": {"get": metrics()},
    }


def of_model(*parameters: Schema) -> Schema:
    """What is done with one model, or one version of it."""
    of = "Version" if len(parameters) > 1 else "Model"
    return {
        "get": operation(f"describe{of}", "Describe it.", listed(), *parameters, *query(DESCRIBE)),
        "put": operation(f"scale{of}", "Change its workers.", changed(), *parameters, *query(SCALE)),
        "delete": operation(f"unregister{of}", "Take it away.", changed(), *parameters),
    }


def changed() -> Schema:
    """The answers to a change."""
    return {
        "200": {"description": "It is done", "content": json_content("Status")},
        "202": {"description": "It is begun", "content": json_content("Status")},
        "400": error("A parameter cannot be used"),
        "404": error("There is no such model, version or archive"),
        "405": error("Models are not registered here"),
        "500": error("The workers do not start"),
    }


def listed() -> Schema:
    """The answers to a view of versions."""
    content = {"application/json": {"schema": {"type": "array", "items": {"type": "object"}}}}
    return {
        "200": {"description": "The versions", "content": content},
        "404": error("There is no such model or version"),
    }


def query(rows: tuple[tuple[str, str, str, bool], ...]) -> list[Schema]:
    """Parameters of the query."""
    return [
        {"name": name, "in": "query", "required": needed, "description": text, "schema": {"type": kind}}
        for name, kind, text, needed in rows
    ]
