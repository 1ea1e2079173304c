"""A call of ovmsclient over TLS, with and without a certificate of its own.

python ovmsclient_tls.py PACKAGE grpc|http ADDRESS MODEL AUTHORITY [CERTIFICATE KEY]
"""

import sys

from answers import outcome, tell
from ovmsclient_package import Package


def status(package, address, model, config):
    return outcome(package.make(address, config).get_model_status, model)


def status_without_tls(package, address, model, _):
    return outcome(package.make(address).get_model_status, model)


if __name__ == "__main__":
    name, transport, address, model, *files = sys.argv[1:]
    keys = ("server_cert_path", "client_cert_path", "client_key_path")
    config = dict(zip(keys, files, strict=False))
    tell(status, status_without_tls, arguments=[Package(name, transport), address, model, config])
