"""ovmsclient, or a package that says it is the same: which one is told by its name."""

import importlib


class Package:
    """A package, a transport of it, and a server's address."""

    def __init__(self, name, transport, address=None):
        self.module = importlib.import_module(name)
        self.transport = transport
        self.address = address
        self.make = {"grpc": self.module.make_grpc_client, "http": self.module.make_http_client}[transport]

    def client(self):
        return self.make(self.address)

    def predict(self, *arguments, **options):
        return self.client().predict(*arguments, **options)
