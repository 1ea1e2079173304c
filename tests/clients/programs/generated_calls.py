"""What clients do that openapi-python-client has made of TorchServe's description, and of a model's.

python generated_calls.py ADDRESS FOLDER
"""

import importlib
import io
import subprocess
import sys
from pathlib import Path

import httpx
from answers import tell


class Made:
    """A client made of what OPTIONS of a path is answered with; `name` = its package."""

    def __init__(self, address, folder, name, path):
        document = Path(folder, f"{name}.json")
        document.write_bytes(httpx.request("OPTIONS", f"{address}{path}").content)
        target, config = Path(folder, name), Path(folder, f"{name}.yaml")
        config.write_text("post_hooks: []", encoding="utf-8")  # which would format what is made
        command = [Path(sys.executable).with_name("openapi-python-client"), "generate", "--meta", "none"]
        command += ["--fail-on-warning", "--config", config, "--path", document, "--output-path", target]
        made = subprocess.run(command, capture_output=True, text=True, check=False)
        self.complaints = "" if made.returncode == 0 else made.stdout + made.stderr
        sys.path.insert(0, str(folder))
        self.name = name
        self.client = self.module("client").Client(base_url=address)

    def module(self, name):
        return importlib.import_module(f"{self.name}.{name}")

    def call(self, operation, *arguments, **more):
        return self.module(f"api.default.{operation}").sync(*arguments, client=self.client, **more)

    def file(self, data, name=None):
        return self.module("types").File(payload=io.BytesIO(data), file_name=name, mime_type="image/jpeg")


def complaints(server, model):
    return [server.complaints, model.complaints]


def ping(server, _):
    return server.call("ping").to_dict()


def described(server, _):
    return server.call("describe_predictions", "echo").to_dict()["info"]["title"]


def raw(server, _):
    return server.call("predictions_post", "echo", body=server.file(b"raw")).payload.read().decode()


def versioned(server, _):
    return (
        server.call("version_predictions_put", "echo", "1.0", body=server.file(b"raw"))
        .payload.read()
        .decode()
    )


def form(server, _):
    made = server.module("models").PredictionsPostFilesBody(data=server.file(b"form", "a.jpg"))
    return server.call("predictions_post", "echo", body=made).payload.read().decode()


def json(server, _):
    made = server.module("models").PredictionsPostJsonBody.from_dict({"data": [1]})
    return server.call("predictions_post", "echo", body=made).payload.read().decode()


def missing(server, _):
    return server.call("predictions_post", "nope", body=server.file(b"x")).to_dict()


def tensors(_, model):
    made = model.module("models").PredictionsPostJsonBody(x=[[1.0, 2.0]])
    return model.call("predictions_post", body=made)


if __name__ == "__main__":
    address, folder = sys.argv[1:]
    server = Made(address, folder, "made_of_server", "")
    model = Made(address, folder, "made_of_model", "/predictions/two_out")
    calls = (complaints, ping, described, raw, versioned, form, json, missing, tensors)
    tell(*calls, arguments=[server, model])
