"""A model that a deployment closes, with tritonclient's own plugin for passwords.

python tritonclient_guarded.py http|grpc sync|aio ADDRESS
"""

import importlib

import numpy as np
from answers import tell
from triton_client import PACKAGES, Client

MODEL = "half_plus_two"


def guarded(transport, kind, address):
    """Without a password, with a wrong one and with the right one."""
    basic_auth = importlib.import_module(f"{PACKAGES[kind].format(transport)}.auth").BasicAuth
    with Client(transport, kind, address) as client:
        given = [client.input(np.array([1], np.float32))]
        found = {"nobody": client.refusal("infer", MODEL, given), "ready": client.is_server_ready()}
        client.register_plugin(basic_auth("pineapple", "fanatiC"))
        found["wrong"] = client.refusal("infer", MODEL, given)
        client.unregister_plugin()
        client.register_plugin(basic_auth("pineapple", "fanatic"))
        return found | {
            "right": client.infer(MODEL, given).as_numpy("y"),
            "metadata": client.get_model_metadata(MODEL) is not None,
        }


if __name__ == "__main__":
    tell(guarded)
