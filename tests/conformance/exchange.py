"""One request over a connection of its own, byte for byte, and its answer."""

import http.client
import socket
from typing import Final, NamedTuple

from tests.server_process import Address

ANSWER_S: Final = 20.0


class Answer(NamedTuple):
    """What came back; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


def exchange(address: Address, method: str, request: bytes) -> Answer:
    """Send these bytes and read the answer.

    Errors: OSError or http.client.HTTPException where no whole answer comes.
    """
    with socket.create_connection(address, timeout=ANSWER_S) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())
