"""What tritonclient has for operators, over HTTP and gRPC, blocking and asynchronous.

python tritonclient_control.py http|grpc sync|aio ADDRESS MODEL_FILE
"""

import json
from pathlib import Path

import numpy as np
from answers import tell
from triton_client import Client

MODEL = "half_plus_two"
X = np.array([1, 2, 5], np.float32)


def answer(client, model=MODEL):
    found = client.infer(model, [client.input(X)])
    return found.as_numpy("y")


def view(client, name, *arguments, **options):
    """What a call gives as plain data; gRPC's messages as their JSON."""
    form = {"as_json": True} if client.transport == "grpc" else {}
    return getattr(client, name)(*arguments, **options, **form)


def index(client):
    found = view(client, "get_model_repository_index")
    entries = found["models"] if client.transport == "grpc" else found
    return {(entry["name"], entry.get("version", "")): entry for entry in entries}


def batch(client, model=MODEL):
    found = view(client, "get_model_config", model)
    return (found["config"] if client.transport == "grpc" else found).get("max_batch_size", 0)


def repository(*where):
    with Client(*where[:3]) as client:
        before = index(client)
        client.unload_model(MODEL)
        unloaded = index(client)[MODEL, "2"]
        ready = client.is_model_ready(MODEL)
        client.load_model(MODEL)
        return {
            "states": [before[MODEL, "2"]["state"], unloaded["state"], index(client)[MODEL, "2"]["state"]],
            "reason": unloaded["reason"],
            "ready": [ready, client.is_model_ready(MODEL)],
            "answer": answer(client),
            "broken": before["broken", "1"]["state"],
        }


def configuration(*where):
    with Client(*where[:3]) as client:
        found = [batch(client)]
        client.load_model(MODEL, config=json.dumps({"max_batch_size": "16"}))
        found.append(batch(client))
        wrong = client.refusal("load_model", MODEL, config=json.dumps({"max_batch_size": "many"}))
        found.append(batch(client))
        client.load_model(MODEL)
        return {"batches": [*found, batch(client)], "wrong": wrong, "answer": answer(client)}


def what_is_told(*where):
    """The model's own configuration, sent back."""
    with Client(*where[:3]) as client:
        before = view(client, "get_model_config", MODEL)
        client.load_model(
            MODEL, config=json.dumps(before["config"] if client.transport == "grpc" else before)
        )
        after = view(client, "get_model_config", MODEL)
        client.load_model(MODEL)
        return before == after


def files(*where):
    with Client(*where[:3]) as client:
        content = Path(where[3]).read_bytes()
        client.load_model("brought", config="{}", files={"file:1/model.onnx": content})
        found = {"answer": answer(client, "brought"), "listed": ("brought", "1") in index(client)}
        client.unload_model("brought")
        found["listed after"] = ("brought", "1") in index(client)
        alone = client.refusal("load_model", MODEL, files={"file:1/model.onnx": content})
        away = client.refusal("load_model", MODEL, config="{}", files={"file:../model.onnx": content})
        return found | {"alone": alone, "away": away, "own": answer(client)}


def errors(*where):
    with Client(*where[:3]) as client:
        return {
            "load": client.refusal("load_model", "nope"),
            "unload": client.refusal("unload_model", "nope"),
            "broken": client.refusal("load_model", "broken"),
        }


def unload_with_dependents(*where):
    with Client(*where[:3]) as client:
        client.unload_model(MODEL, unload_dependents=True)
        ready = client.is_model_ready(MODEL)
        client.load_model(MODEL)
        return ready


def shared_memory(*where):
    with Client(*where[:3]) as client:
        found = {}
        for kind, region in (("system", ("r", "/r", 64)), ("cuda", ("r", b"aGFuZGxl", 0, 64))):
            getattr(client, f"unregister_{kind}_shared_memory")()
            getattr(client, f"unregister_{kind}_shared_memory")("r")
            found[kind] = {
                "status": view(client, f"get_{kind}_shared_memory_status"),
                "unknown": client.refusal(f"get_{kind}_shared_memory_status", "r"),
                "register": client.refusal(f"register_{kind}_shared_memory", *region),
            }
        return found


def traces(*where):
    with Client(*where[:3]) as client:
        told = view(client, "get_trace_settings")
        of_model = view(client, "get_trace_settings", model_name=MODEL)
        cleared = view(client, "update_trace_settings", settings={"trace_rate": None})
        changed = client.refusal("update_trace_settings", settings={"trace_level": ["TIMESTAMPS"]})
        return {"level": level(told), "same": told == of_model == cleared, "changed": changed}


def level(settings):
    found = settings.get("settings", settings)["trace_level"]
    return found["value"] if isinstance(found, dict) else found


def logs(*where):
    with Client(*where[:3]) as client:
        before = view(client, "get_log_settings")
        changed = view(client, "update_log_settings", settings={"log_verbose_level": 2, "log_info": False})
        view(client, "update_log_settings", settings={"log_verbose_level": 0, "log_info": True})
        return {
            "changed": [setting(changed, "log_verbose_level"), setting(changed, "log_info")],
            "back": before == view(client, "get_log_settings"),
            "file": client.refusal("update_log_settings", settings={"log_file": "x"}),
        }


def setting(settings, name):
    """gRPC's JSON wraps each value in its kind."""
    found = settings.get("settings", settings)[name]
    return next(iter(found.values())) if isinstance(found, dict) else found


if __name__ == "__main__":
    tell(
        repository, configuration, what_is_told, files, errors, unload_with_dependents, shared_memory,
        traces, logs,
    )  # fmt: skip
