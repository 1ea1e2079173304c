"""Every call that tensorflow-serving-api and its companions know, on the reference models.

python tensorflow_calls.py ADDRESS
"""

import grpc
import numpy as np
import tensorflow as tf
from answers import tell
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow_serving.apis.classification_pb2 import ClassificationRequest
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest, SignatureDefMap
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.inference_pb2 import MultiInferenceRequest
from tensorflow_serving.apis.model_management_pb2 import ReloadConfigRequest
from tensorflow_serving.apis.model_service_pb2_grpc import ModelServiceStub
from tensorflow_serving.apis.predict_pb2 import PredictRequest
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub
from tensorflow_serving.apis.regression_pb2 import RegressionRequest

TIMEOUT_S = 60.0
DTYPES = [
    "float16", "float32", "float64", "int8", "uint8", "int16", "uint16",
    "int32", "uint32", "int64", "uint64", "bool",
]  # fmt: skip


def predictions(address):
    return PredictionServiceStub(grpc.insecure_channel(address))


def request(name, version=None, label=None, signature=None, outputs=(), **inputs):
    message = PredictRequest(output_filter=outputs)
    message.model_spec.name = name
    if version is not None:
        message.model_spec.version.value = version
    if label is not None:
        message.model_spec.version_label = label
    if signature is not None:
        message.model_spec.signature_name = signature
    for key, value in inputs.items():
        message.inputs[key].CopyFrom(tensor(value) if isinstance(value, list | np.ndarray) else value)
    return message


def tensor(values):
    return make_tensor_proto(np.array(values, np.float32))


def arrays(response):
    return {name: make_ndarray(proto) for name, proto in response.outputs.items()}


def spec(response):
    answered = response.model_spec
    return {
        "name": answered.name,
        "version": answered.version.value,
        "signature": answered.signature_name,
        "label": answered.version_label,
    }


def refusal(call, message, **options):
    """How a call fails; an error if it does not."""
    try:
        call(message, **({"timeout": TIMEOUT_S} | options))
    except grpc.RpcError as error:
        return {"code": error.code().name, "details": error.details()}
    raise AssertionError("the call was answered")


def predict(address):
    response = predictions(address).Predict(request("half_plus_two", x=[1, 2, 5]), TIMEOUT_S)
    return {"outputs": arrays(response), "spec": spec(response)}


def predict_in_the_background(address):
    call = predictions(address).Predict.future(request("half_plus_two", x=[4]), TIMEOUT_S)
    return arrays(call.result())


def predict_by_version_and_label(address):
    stub = predictions(address)
    asked = {"version": {"version": 1}, "stable": {"label": "stable"}, "canary": {"label": "canary"}}
    return {
        name: spec(stub.Predict(request("half_plus_two", x=[1], **choice), TIMEOUT_S))
        for name, choice in asked.items()
    }


def predict_some_outputs(address):
    return arrays(predictions(address).Predict(request("two_out", x=[[3, 1]], outputs=["diff"]), TIMEOUT_S))


def predict_one_value_for_all(address):
    proto = make_tensor_proto(1.5, dtype=tf.float32, shape=[3])
    assert len(proto.float_val) == 1
    return arrays(predictions(address).Predict(request("half_plus_two", x=proto), TIMEOUT_S))


def predict_nothing(address):
    return arrays(predictions(address).Predict(request("half_plus_two", x=[]), TIMEOUT_S))


def predict_every_dtype(address):
    stub = predictions(address)
    failed = {}
    for name in DTYPES:
        sent = np.array([[0, 1, 1], [1, 0, 100]]).astype(name)
        given = arrays(stub.Predict(request(f"echo_{name}", x=make_tensor_proto(sent)), TIMEOUT_S))["y"]
        if given.dtype != sent.dtype or given.shape != sent.shape or given.tobytes() != sent.tobytes():
            failed[name] = given
    return failed


def predict_strings(address):
    sent = np.array([["text", "\N{SNOWMAN}"], [b"\0\xff", b""]], object)
    return arrays(predictions(address).Predict(request("echo_string", x=make_tensor_proto(sent)), TIMEOUT_S))


def predict_a_large_array(address):
    sent = np.arange(1_500_000, dtype=np.float32)
    options = [("grpc.max_receive_message_length", -1)]
    stub = PredictionServiceStub(grpc.insecure_channel(address, options))
    given = arrays(stub.Predict(request("echo_float32", x=sent), TIMEOUT_S))["y"]
    return given.tobytes() == sent.tobytes()


def predict_examples(address):
    rows = [example(2.0).SerializeToString(), example(4.0).SerializeToString()]
    asked = request("half_plus_two", 1, signature="regress_x_to_y", inputs=make_tensor_proto(rows))
    return arrays(predictions(address).Predict(asked, TIMEOUT_S))


def example(x):
    feature = tf.train.Feature(float_list=tf.train.FloatList(value=[x]))
    return tf.train.Example(features=tf.train.Features(feature={"x": feature}))


def task(message, signature):
    message.model_spec.name = "half_plus_two"
    message.model_spec.version.value = 1
    message.model_spec.signature_name = signature
    return message


def classify(address):
    message = task(ClassificationRequest(), "classify_x_to_y")
    message.input.example_list.examples.extend([example(1.0), example(2.0)])
    response = predictions(address).Classify(message, TIMEOUT_S)
    rows = [[[entry.label, entry.score] for entry in row.classes] for row in response.result.classifications]
    return {"classes": rows, "spec": spec(response)}


def regress(address):
    message = task(RegressionRequest(), "regress_x_to_y")
    message.input.example_list_with_context.examples.extend([tf.train.Example(), example(2.0)])
    message.input.example_list_with_context.context.CopyFrom(example(10.0))
    response = predictions(address).Regress(message, TIMEOUT_S)
    return {"values": [row.value for row in response.result.regressions], "spec": spec(response)}


def multi_inference(address):
    message = MultiInferenceRequest()
    for method in ("regress", "classify"):
        added = task(message.tasks.add(), f"{method}_x_to_y")
        added.method_name = f"tensorflow/serving/{method}"
    message.input.example_list.examples.append(example(2.0))
    response = predictions(address).MultiInference(message, TIMEOUT_S)
    first, second = response.results
    return {
        "regression": [row.value for row in first.regression_result.regressions],
        "classification": [
            [[entry.label, entry.score] for entry in row.classes]
            for row in second.classification_result.classifications
        ],
        "signatures": [result.model_spec.signature_name for result in response.results],
    }


def metadata(address):
    message = GetModelMetadataRequest(metadata_field=["signature_def"])
    message.model_spec.name = "half_plus_two"
    response = predictions(address).GetModelMetadata(message, TIMEOUT_S)
    unpacked = SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(unpacked)
    methods = {name: signature.method_name for name, signature in unpacked.signature_def.items()}
    return {"methods": methods, "spec": spec(response)}


def status(address):
    stub = ModelServiceStub(grpc.insecure_channel(address))
    message = GetModelStatusRequest()
    message.model_spec.name = "half_plus_two"
    every = states(stub.GetModelStatus(message, TIMEOUT_S))
    message.model_spec.version.value = 1
    return {"all": every, "one": states(stub.GetModelStatus(message, TIMEOUT_S))}


def states(response):
    return [[each.version, each.state, each.status.error_code] for each in response.model_version_status]


def errors(address):
    stub = predictions(address)
    models = ModelServiceStub(grpc.insecure_channel(address))
    unknown = GetModelStatusRequest()
    unknown.model_spec.name = "nope"
    return {
        "no model_spec": refusal(stub.Predict, PredictRequest()),
        "unknown model": refusal(stub.Predict, request("nope", x=[1])),
        "unknown version": refusal(stub.Predict, request("half_plus_two", 99, x=[1])),
        "unknown label": refusal(stub.Predict, request("half_plus_two", label="nope", x=[1])),
        "unknown signature": refusal(stub.Predict, request("half_plus_two", signature="nope", x=[1])),
        "unknown output": refusal(stub.Predict, request("two_out", x=[[1, 2]], outputs=["nope"])),
        "no input": refusal(stub.Predict, request("half_plus_two")),
        "wrong name": refusal(stub.Predict, request("half_plus_two", z=[1])),
        "wrong dtype": refusal(stub.Predict, request("half_plus_two", x=make_tensor_proto([1]))),
        "wrong shape": refusal(stub.Predict, request("two_out", x=[[1, 2, 3]])),
        "no examples": refusal(stub.Regress, task(RegressionRequest(), "regress_x_to_y")),
        "status of an unknown model": refusal(models.GetModelStatus, unknown),
        "no new list of models": refusal(models.HandleReloadConfigRequest, ReloadConfigRequest()),
    }


def deadlines(address):
    stub = predictions(address)
    long = request("slow", rounds=make_tensor_proto(np.array([3000], np.int64)))
    short = request("slow", rounds=make_tensor_proto(np.array([1], np.int64)))
    return {
        "too short": refusal(stub.Predict, long, timeout=0.1)["code"],
        "ample": arrays(stub.Predict(short, TIMEOUT_S)),
        "past": refusal(stub.Predict, short, timeout=-1)["code"],
    }


def cancellation(address):
    stub = predictions(address)
    call = stub.Predict.future(request("echo_float32", x=np.zeros(2_000_000, np.float32)))
    call.cancel()
    after = arrays(stub.Predict(request("half_plus_two", x=[1]), TIMEOUT_S))
    return {"cancelled": call.cancelled(), "after": after}


def health(address):
    stub = health_pb2_grpc.HealthStub(grpc.insecure_channel(address))
    services = ["", "tensorflow.serving.PredictionService", "PredictionService", "ModelService"]
    checked = {
        name: stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=TIMEOUT_S).status
        for name in services
    }
    watched = next(stub.Watch(health_pb2.HealthCheckRequest(), timeout=TIMEOUT_S)).status
    unknown = refusal(stub.Check, health_pb2.HealthCheckRequest(service="nope"))
    return {"checked": checked, "watched": watched, "unknown": unknown["code"]}


def reflection(address):
    database = ProtoReflectionDescriptorDatabase(grpc.insecure_channel(address))
    pool = DescriptorPool(database)
    service = pool.FindServiceByName("tensorflow.serving.PredictionService")
    return {
        "services": sorted(database.get_services()),
        "methods": sorted(method.name for method in service.methods),
        "request": service.FindMethodByName("Predict").input_type.full_name,
    }


if __name__ == "__main__":
    tell(
        predict, predict_in_the_background, predict_by_version_and_label, predict_some_outputs,
        predict_one_value_for_all, predict_nothing, predict_every_dtype, predict_strings,
        predict_a_large_array, predict_examples, classify, regress, multi_inference, metadata, status,
        errors, deadlines, cancellation, health, reflection,
    )  # fmt: skip
