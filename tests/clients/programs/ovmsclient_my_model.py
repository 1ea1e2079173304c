"""The calls that guides to ovmsclient show, on `my_model`, over gRPC and over HTTP.

python ovmsclient_my_model.py PACKAGE grpc|http NUMBERS STRINGS IMAGE    two servers' addresses, and a file
"""

import sys

import numpy as np
from answers import tell
from ovmsclient_package import Package


def status(package, numbers, *_):
    return package.make(numbers).get_model_status(model_name="my_model")


def metadata(package, numbers, *_):
    return package.make(numbers).get_model_metadata(model_name="my_model")


def predict_array(package, numbers, *_):
    inputs = {"input_name": np.arange(1.0, 1001.0)}
    return package.make(numbers).predict(inputs=inputs, model_name="my_model")


def predict_image(package, _, strings, image):
    with open(image, "rb") as file:
        data = file.read()
    return package.make(strings).predict(inputs={"input_name": data}, model_name="my_model")


def predict_strings(package, _, strings, *__):
    return package.make(strings).predict(inputs={"input_name": ["<string>"]}, model_name="my_model")


if __name__ == "__main__":
    name, transport, *rest = sys.argv[1:]
    arguments = [Package(name, transport), *rest]
    tell(status, metadata, predict_array, predict_image, predict_strings, arguments=arguments)
