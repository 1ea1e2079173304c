"""Triton's client, whose server is a deployment: python triton_deployment_calls.py HOST:PORT/PATH NAME..."""

import sys
from typing import Any

import numpy as np
from answers import refusal, tell
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

ROWS = np.array([1, 2, 5], np.float32)


def asked() -> InferInput:
    given = InferInput("x", [3], "FP32")
    given.set_data_from_numpy(ROWS, binary_data=True)
    return given


def deployment(url: str, *names: str) -> Any:
    client = InferenceServerClient(url)
    outputs = [InferRequestedOutput("y", binary_data=True)]
    return {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "server": client.get_server_metadata()["name"],
        "models": [client.is_model_ready(name) for name in names],
        "metadata": client.get_model_metadata(names[0])["inputs"],
        "inferred": [client.infer(name, [asked()], outputs=outputs).as_numpy("y") for name in names],
        "version": client.infer(names[0], [asked()], model_version="1").as_numpy("y"),
        "other": refusal(client.infer, "matrix", [asked()])["says"],
        "other_ready": client.is_model_ready("matrix"),
    }


if __name__ == "__main__":
    tell(deployment, arguments=sys.argv[1:])
