"""GetModelStatus, GetModelMetadata and HandleReloadConfigRequest over gRPC."""

from typing import Any, Final

import pytest

from dragoman.core.control import ControlResult, PlacedModel, ReplaceModels
from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Method
from dragoman.core.status import Cause, ModelStatus, State, StatusReport, VersionStatus
from dragoman.core.tensors import DType
from dragoman.settings.limits import Limits
from dragoman.wire.grpc_errors import GRPC_STATUS
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import ControlOperation
from dragoman.wire.version_states import STATES
from tests.unit.protocols.tfs.grpc_reference import (
    INVALID_ARGUMENT,
    MODEL,
    NOT_FOUND,
    OK,
    PREDICTION,
    SERVING,
    UNAVAILABLE,
    GrpcCodec,
)
from tests.unit.protocols.tfs.reference import echo_signature, example_signature

SIGNATURES: Final = {
    "serving_default": echo_signature(DType.FP32, (None, 224, 3)),
    "any": echo_signature(DType.BYTES, None),
    "regress_x_to_y": example_signature(Method.REGRESS, "outputs"),
}
READY: Final = VersionStatus(2, State.READY, "onnx", signatures=SIGNATURES)
BROKEN: Final = VersionStatus(1, State.FAILED, cause=Cause(Code.TOO_LARGE, "it does not fit"))
REPORT: Final = StatusReport(
    {
        "broken": ModelStatus("broken", (BROKEN,)),
        "empty": ModelStatus("empty", ()),
        "m": ModelStatus("m", (VersionStatus(1, State.GONE), READY), {"stable": 2, "old": 1}),
    }
)
STRICT: Final = GrpcCodec("tfserving", REPORT)
SUPERSET: Final = GrpcCodec("superset", REPORT)
STATUS: Final = f"{MODEL}/GetModelStatus"
METADATA: Final = f"{PREDICTION}/GetModelMetadata"
RELOAD: Final = f"{MODEL}/HandleReloadConfigRequest"
RESOURCE_EXHAUSTED: Final = 8


def status(codec: GrpcCodec, **spec: Any) -> Any:
    return codec.call(STATUS, SERVING["GetModelStatusRequest"](model_spec=spec))


def states(response: WireResponse) -> list[tuple[int, int, int, str]]:
    assert response.status == OK, response.message
    return [
        (each.version, each.state, each.status.error_code, each.status.error_message)
        for each in SERVING["GetModelStatusResponse"].FromString(response.body).model_version_status
    ]


@pytest.mark.parametrize("state", State)
def test_every_state_has_its_number(state: State) -> None:
    codec = GrpcCodec("tfserving", StatusReport({"m": ModelStatus("m", (VersionStatus(3, state),))}))
    names = SERVING["GetModelStatusResponse"].DESCRIPTOR.fields_by_name["model_version_status"].message_type
    number = names.enum_types_by_name["State"].values_by_name[STATES[state]].number
    assert states(status(codec, name="m")) == [(3, number, 0, "")]


def test_states_are_listed_highest_version_first_and_a_label_changes_nothing() -> None:
    assert states(status(STRICT, name="m")) == [(2, 30, 0, ""), (1, 50, 0, "")]
    assert states(status(STRICT, name="m", version_label="nope")) == [(2, 30, 0, ""), (1, 50, 0, "")]
    assert states(status(STRICT, name="m", version={"value": 1})) == [(1, 50, 0, "")]


def test_a_failed_version_tells_its_code_and_its_cause() -> None:
    assert states(status(STRICT, name="broken")) == [(1, 50, RESOURCE_EXHAUSTED, "it does not fit")]


def test_version_0_means_all_in_the_superset() -> None:
    assert len(states(status(SUPERSET, name="m", version={"value": 0}))) == 2
    assert status(STRICT, name="m", version={"value": 0}).message == "Could not find version 0 of model m"


def test_a_model_without_versions_is_known_to_the_superset_only() -> None:
    assert states(status(SUPERSET, name="empty")) == []
    assert status(STRICT, name="empty").message == "Could not find any versions of model empty"


@pytest.mark.parametrize(
    ("spec", "code", "why"),
    [
        ({"name": "nope"}, NOT_FOUND, "Could not find any versions of model nope"),
        ({"name": "m", "version": {"value": 7}}, NOT_FOUND, "Could not find version 7 of model m"),
        ({"version": {"value": 7}}, INVALID_ARGUMENT, "ModelSpec has no name specified."),
    ],
)
def test_the_status_of_what_is_unknown_is_an_error(spec: dict[str, Any], code: int, why: str) -> None:
    response = status(STRICT, **spec)
    assert (response.status, response.message) == (code, why)


def test_a_view_of_nothing_is_refused() -> None:
    for method in (STATUS, METADATA):
        assert STRICT.call(method, b"").message == "Missing ModelSpec"
        assert STRICT.call(method, b"\xff").status == INVALID_ARGUMENT


def metadata(codec: GrpcCodec, *fields: str, **spec: Any) -> WireResponse:
    return codec.call(METADATA, SERVING["GetModelMetadataRequest"](model_spec=spec, metadata_field=fields))


def signatures(response: WireResponse) -> Any:
    assert response.status == OK, response.message
    answer = SERVING["GetModelMetadataResponse"].FromString(response.body)
    assert list(answer.metadata) == ["signature_def"]
    packed = answer.metadata["signature_def"]
    assert packed.type_url == "type.googleapis.com/tensorflow.serving.SignatureDefMap"
    return SERVING["SignatureDefMap"].FromString(packed.value).signature_def


def test_metadata_describes_every_signature() -> None:
    described = signatures(metadata(STRICT, "signature_def", name="m"))
    assert sorted(described) == sorted(SIGNATURES)
    default = described["serving_default"]
    assert default.method_name == "tensorflow/serving/predict"
    x = default.inputs["x"]
    assert (x.name, x.dtype, [dim.size for dim in x.tensor_shape.dim]) == ("x:0", 1, [-1, 224, 3])
    assert described["any"].outputs["y"].tensor_shape.unknown_rank
    assert described["any"].inputs["x"].dtype == 7
    assert described["regress_x_to_y"].method_name == "tensorflow/serving/regress"
    assert list(described["regress_x_to_y"].inputs) == ["inputs"]


def test_metadata_names_the_version_and_no_signature() -> None:
    response = metadata(STRICT, "signature_def", name="m", version_label="stable", signature_name="any")
    spec = SERVING["GetModelMetadataResponse"].FromString(response.body).model_spec
    assert (spec.name, spec.version.value, spec.signature_name) == ("m", 2, "")
    assert spec.WhichOneof("version_choice") == "version"


def test_the_superset_gives_the_signatures_also_where_no_field_is_asked_for() -> None:
    assert signatures(metadata(SUPERSET, name="m")) == signatures(metadata(STRICT, "signature_def", name="m"))


@pytest.mark.parametrize(
    ("fields", "spec", "code", "why"),
    [
        ([], {}, INVALID_ARGUMENT, "GetModelMetadataRequest must specify at least one metadata_field"),
        (["signature_def", "x"], {}, INVALID_ARGUMENT, "Metadata field x is not supported"),
        (["signature_def"], {"name": "nope"}, NOT_FOUND, "Servable not found for request: Latest(nope)"),
        (
            ["signature_def"],
            {"version": {"value": 1}},
            NOT_FOUND,
            "Servable not found for request: Specific(m, 1)",
        ),
        (
            ["signature_def"],
            {"version_label": "nope"},
            INVALID_ARGUMENT,
            "Unrecognized servable version label: nope",
        ),
        (["signature_def"], {"name": "broken"}, NOT_FOUND, "Servable not found for request: Latest(broken)"),
    ],
)
def test_metadata_of_what_is_not_served_is_an_error(
    fields: list[str], spec: dict[str, Any], code: int, why: str
) -> None:
    response = metadata(STRICT, *fields, **{"name": "m", **spec})
    assert (response.status, response.message) == (code, why)


def test_a_model_without_a_ready_version_is_unavailable_in_the_superset() -> None:
    assert metadata(SUPERSET, "signature_def", name="broken").status == UNAVAILABLE


def test_every_code_has_a_number_of_grpcs_own() -> None:
    assert set(GRPC_STATUS) == set(Code)
    assert all(0 < number <= 16 for number in GRPC_STATUS.values())


def model(name: str = "m", base_path: str = "/models/m") -> dict[str, str]:
    return {"name": name, "base_path": base_path, "model_platform": "tensorflow"}


@pytest.mark.parametrize(
    ("config", "code", "why"),
    [
        ({}, INVALID_ARGUMENT, "the request has no config"),
        ({"custom_model_config": {}}, INVALID_ARGUMENT, "ServerModelConfig type must be model_config_list"),
        (
            {"model_config_list": {"config": [model(), model()]}},
            INVALID_ARGUMENT,
            "Illegal to list model m multiple times in config list",
        ),
        (
            {"model_config_list": {"config": [model(base_path="models/m")]}},
            INVALID_ARGUMENT,
            "Expected model m to have an absolute path or URI; got base_path()=models/m",
        ),
        (
            {"model_config_list": {"config": [model(), model("n", "s3://bucket/n")]}},
            INVALID_ARGUMENT,
            "model n: s3:// is not supported: give the path of a folder",
        ),
        (
            {"model_config_list": {"config": [model() | {"model_version_policy": {"specific": {}}}]}},
            INVALID_ARGUMENT,
            "model m: specific names no versions",
        ),
    ],
)
def test_a_list_that_cannot_be_served_is_refused_in_the_references_words(
    config: dict[str, Any], code: int, why: str
) -> None:
    operation = STRICT.operation(RELOAD)
    assert isinstance(operation, ControlOperation)
    body = SERVING["ReloadConfigRequest"](config=config).SerializeToString()
    with pytest.raises(DragomanError) as caught:
        operation.parse(WireRequest("POST", RELOAD, "", [], body), Limits())
    response = operation.fail(None, caught.value)
    assert (response.status, response.message) == (code, why)


@pytest.mark.parametrize(
    ("policy", "placed"),
    [
        ({}, {}),
        ({"latest": {"num_versions": 2}}, {"latest": 2}),
        ({"latest": {}}, {"latest": 1}),
        ({"all": {}}, {"all_versions": True}),
        ({"specific": {"versions": [3, 7]}}, {"versions": (3, 7)}),
    ],
)
def test_a_list_says_which_models_are_served_and_which_versions_of_them(
    policy: dict[str, Any], placed: dict[str, Any]
) -> None:
    operation = STRICT.operation(RELOAD)
    assert isinstance(operation, ControlOperation)
    entry = model() | {"version_labels": {"stable": 3}, "model_version_policy": policy}
    listed = {"model_config_list": {"config": [entry, model("n", "file:///models/n")]}}
    body = SERVING["ReloadConfigRequest"](config=listed).SerializeToString()
    request = operation.parse(WireRequest("POST", RELOAD, "", [], body), Limits())
    assert request == ReplaceModels(
        (PlacedModel("m", "/models/m", labels={"stable": 3}, **placed), PlacedModel("n", "/models/n"))
    )


def test_a_reload_that_was_done_says_ok() -> None:
    operation = STRICT.operation(RELOAD)
    assert isinstance(operation, ControlOperation)
    response = SERVING["ReloadConfigResponse"].FromString(operation.encode(ControlResult()).body)
    assert response.HasField("status")
    assert response.status.error_code == OK
