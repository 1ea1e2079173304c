"""How calls of ovmsclient end where the server's answer is prepared: a model's name says which one.

python ovmsclient_failures.py PACKAGE grpc|http ADDRESS MODEL...
"""

import sys

from answers import outcome, tell
from ovmsclient_package import Package


def status(package, *models):
    return {model: outcome(package.client().get_model_status, model) for model in models}


def metadata(package, *models):
    return {model: outcome(package.client().get_model_metadata, model) for model in models}


def predict(package, *models):
    return {model: outcome(package.predict, {"x": [1.0]}, model) for model in models}


if __name__ == "__main__":
    name, transport, address, *models = sys.argv[1:]
    tell(status, metadata, predict, arguments=[Package(name, transport, address), *models])
