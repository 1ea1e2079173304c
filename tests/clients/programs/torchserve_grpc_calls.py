"""TorchServe's services through stubs that protoc has made of their definitions.

python torchserve_grpc_calls.py FOLDER_OF_STUBS GRPC_ADDRESS
"""

import sys
from importlib import import_module

import grpc
from answers import tell
from google.protobuf.empty_pb2 import Empty

TIMEOUT_S = 60.0
MESSAGES = 40


def stub(stubs, address, file, service):
    sys.path.insert(0, stubs)
    return getattr(import_module(f"torchserve.{file}_pb2_grpc"), f"{service}Stub")(
        grpc.insecure_channel(address)
    )


def inference(stubs, address):
    return stub(stubs, address, "inference", "InferenceAPIsService")


def request(model, sequence=None, **parts):
    found = import_module("torchserve.inference_pb2").PredictionsRequest(model_name=model, input=parts)
    if sequence is not None:
        found.sequence_id = sequence
    return found


def ping(*where):
    return inference(*where).Ping(Empty(), timeout=TIMEOUT_S).health


def whole(*where):
    called = inference(*where)
    return called.Predictions(request("echo", data=b"a"), timeout=TIMEOUT_S).prediction.decode()


def parts(*where):
    called = inference(*where)
    found = called.StreamPredictions(request("stream", data=b"x"), timeout=TIMEOUT_S)
    return [part.prediction.decode() for part in found]


def duplex(*where):
    called = inference(*where)
    sent = (request("echo", "s", data=str(number).encode()) for number in range(MESSAGES))
    found = called.StreamPredictions2(sent, timeout=TIMEOUT_S)
    return [answer.prediction.decode() for answer in found]


def missing(*where):
    called = inference(*where)
    try:
        called.Predictions(request("nope"), timeout=TIMEOUT_S)
    except grpc.RpcError as error:
        return [error.code().name, error.details()]
    raise AssertionError("the call was answered")


def ready(*where):
    called = stub(*where, "open_inference", "GRPCInferenceService")
    asked = import_module("torchserve.open_inference_pb2").ModelReadyRequest(name="echo")
    return called.ModelReady(asked, timeout=TIMEOUT_S).ready


if __name__ == "__main__":
    tell(ping, whole, parts, duplex, missing, ready)
