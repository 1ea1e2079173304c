"""The calls that guides to ovmsclient show, on `my_model`, over gRPC and over HTTP.

python ovmsclient_my_model.py grpc|http NUMBERS STRINGS IMAGE    two servers' addresses, and a file
"""

import numpy as np
from answers import tell
from ovmsclient import make_grpc_client, make_http_client

MAKE = {"grpc": make_grpc_client, "http": make_http_client}


def status(transport, numbers, *_):
    return MAKE[transport](numbers).get_model_status(model_name="my_model")


def metadata(transport, numbers, *_):
    return MAKE[transport](numbers).get_model_metadata(model_name="my_model")


def predict_array(transport, numbers, *_):
    inputs = {"input_name": np.arange(1.0, 1001.0)}
    return MAKE[transport](numbers).predict(inputs=inputs, model_name="my_model")


def predict_image(transport, _, strings, image):
    with open(image, "rb") as file:
        data = file.read()
    return MAKE[transport](strings).predict(inputs={"input_name": data}, model_name="my_model")


def predict_strings(transport, _, strings, *__):
    return MAKE[transport](strings).predict(inputs={"input_name": ["<string>"]}, model_name="my_model")


if __name__ == "__main__":
    tell(status, metadata, predict_array, predict_image, predict_strings)
