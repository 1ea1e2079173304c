"""The calls that guides to tensorflow-serving-api show, on `my_model`.

python tensorflow_my_model.py GRPC_NUMBERS GRPC_STRINGS IMAGE    two servers' addresses, and a file
"""

import grpc
import numpy as np
from answers import tell
from tensorflow import make_ndarray, make_tensor_proto
from tensorflow.core.framework.types_pb2 import DataType
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)
from tensorflow_serving.apis.get_model_status_pb2 import ModelVersionStatus


def status(numbers, *_):
    channel = grpc.insecure_channel(numbers)
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "my_model"
    response = stub.GetModelStatus(request, 10.0)
    return {
        version.version: {
            "state": ModelVersionStatus.State.Name(version.state),
            "error_code": version.status.error_code,
            "error_message": version.status.error_message,
        }
        for version in response.model_version_status
    }


def metadata(numbers, *_):
    channel = grpc.insecure_channel(numbers)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "my_model"
    request.metadata_field.append("signature_def")
    return described(stub.GetModelMetadata(request, 10.0))


def metadata_without_a_field(numbers, *_):
    channel = grpc.insecure_channel(numbers)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    request.model_spec.name = "my_model"
    return described(stub.GetModelMetadata(request, 10.0))


def described(response):
    signature_map = get_model_metadata_pb2.SignatureDefMap()
    signature_map.ParseFromString(response.metadata["signature_def"].value)
    signature = signature_map.ListFields()[0][1]["serving_default"]
    return {
        "model_version": response.model_spec.version.value,
        "inputs": tensors(signature.inputs),
        "outputs": tensors(signature.outputs),
    }


def tensors(infos):
    return {
        name: {"shape": [dim.size for dim in info.tensor_shape.dim], "dtype": DataType.Name(info.dtype)}
        for name, info in infos.items()
    }


def predict_array(numbers, *_):
    return make_ndarray(predicted(numbers, np.arange(1.0, 1001.0)))


def predict_image(_, strings, image):
    with open(image, "rb") as file:
        data = file.read()
    return make_ndarray(predicted(strings, data))


def predict_strings(_, strings, *__):
    return list(predicted(strings, ["<string>"]).string_val)


def predicted(address, data, timeout=60.0):
    channel = grpc.insecure_channel(address)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "my_model"
    request.inputs["input_name"].CopyFrom(make_tensor_proto(data))
    return stub.Predict(request, timeout).outputs["output_name"]


if __name__ == "__main__":
    tell(status, metadata, metadata_without_a_field, predict_array, predict_image, predict_strings)
