"""The model repository with the stubs of KServe or MLServer.

python repository_stubs.py kserve|mlserver GRPC_ADDRESS HTTP_ADDRESS
"""

import json
import urllib.request
from importlib import import_module

import grpc
from answers import tell

TIMEOUT_S = 60.0
MODEL = "half_plus_two"
MESSAGES = {
    "kserve": "kserve.protocol.grpc.grpc_predict_v2_pb2",
    "mlserver": "mlserver.grpc.dataplane_pb2",
    "mlserver repository": "mlserver.grpc.model_repository_pb2",
}


class Service:
    """A released stub with its messages."""

    def __init__(self, library, address, service="GRPCInferenceService"):
        self.messages = import_module(MESSAGES[library])
        stubs = import_module(f"{MESSAGES[library]}_grpc")
        self._stub = getattr(stubs, f"{service}Stub")(grpc.insecure_channel(address))

    def ask(self, method, **request):
        message = getattr(self.messages, f"{method}Request")(**request)
        return getattr(self._stub, method)(message, timeout=TIMEOUT_S)

    def refusal(self, method, **request):
        try:
            self.ask(method, **request)
        except grpc.RpcError as error:
            return {"status": error.code().name, "message": error.details()}
        raise AssertionError("the call was answered")


def there_and_back(service, ready):
    service.ask("RepositoryModelUnload", model_name=MODEL)
    found = [ready()]
    loaded = service.ask("RepositoryModelLoad", model_name=MODEL)
    return {"ready": [*found, ready()], "loaded": getattr(loaded, "isLoaded", None)}


def ready_by(service):
    return lambda: service.ask("ModelReady", name=MODEL).ready


def load_and_unload(library, address, _):
    service = Service(library, address)
    return there_and_back(service, ready_by(service))


def unknown(library, address, _):
    service = Service(library, address)
    return [service.refusal(f"RepositoryModel{verb}", model_name="nope") for verb in ("Load", "Unload")]


def service_of_its_own(library, address, _):
    """MLServer has the calls twice."""
    if library == "kserve":
        return None
    repository = Service("mlserver repository", address, "ModelRepositoryService")
    found = there_and_back(repository, ready_by(Service(library, address)))
    return found | {"state": states(repository.ask("RepositoryIndex").models)}


def index_over_rest(library, _, address):
    """The index in MLServer's own types, which need every key."""
    if library == "kserve":
        return None
    from mlserver.types import RepositoryIndexResponse

    request = urllib.request.Request(f"http://{address}/v2/repository/index", b"", method="POST")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        return states(RepositoryIndexResponse.model_validate(json.load(answer)).root)


def states(entries):
    found = {(entry.name, entry.version): entry.state for entry in entries}
    return str(getattr(found[MODEL, "2"], "value", found[MODEL, "2"]))


if __name__ == "__main__":
    tell(load_and_unload, unknown, service_of_its_own, index_over_rest)
