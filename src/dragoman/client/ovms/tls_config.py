"""The dictionary that says how a connection is encrypted."""

from pathlib import Path
from typing import Final

from dragoman.client.tls import Tls

SERVER_CERTIFICATE: Final = "server_cert_path"
CLIENT_CERTIFICATE: Final = "client_cert_path"
CLIENT_KEY: Final = "client_key_path"
KEYS: Final = (SERVER_CERTIFICATE, CLIENT_CERTIFICATE, CLIENT_KEY)


def read_tls_config(config: dict[str, str] | None) -> Tls | None:
    """The files that it names; None for none.

    Errors: TypeError and ValueError naming the key, or the file that is not there.
    """
    if config is None:
        return None
    if not isinstance(config, dict):
        raise TypeError(f"tls_config should be of type dict, but is {type(config).__name__}")
    if SERVER_CERTIFICATE not in config:
        raise ValueError(f"{SERVER_CERTIFICATE} is not defined in tls_config")
    if (CLIENT_KEY in config) != (CLIENT_CERTIFICATE in config):
        raise ValueError(f"none or both of {CLIENT_KEY} and {CLIENT_CERTIFICATE} are required in tls_config")
    for key, path in config.items():
        if key not in KEYS:
            raise ValueError(f"{key} is not a valid key of tls_config; those are {', '.join(KEYS)}")
        if not isinstance(path, str):
            raise TypeError(f"{key} should be of type str, but is {type(path).__name__}")
        if not Path(path).is_file():
            raise ValueError(f"{key}: {path} is not a valid path to a file")
    return Tls(
        ca_file=config[SERVER_CERTIFICATE],
        cert_file=config.get(CLIENT_CERTIFICATE),
        key_file=config.get(CLIENT_KEY),
    )
