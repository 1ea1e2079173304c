"""Every limit of the server, with unit, default and precedent."""

from msgspec import Struct

KIB = 1024
MIB = 1024 * KIB


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds on what one peer or one request may take. 0 switches a timeout off."""

    # Head of a request
    header_bytes: int = 64 * KIB  # request line and headers together; nginx: 4 buffers of 8 KiB, h11: 16 KiB
    header_count: int = 100  # Apache: 100, haproxy: 101
    header_timeout_s: float = 20.0  # from the first byte to the end of the head; Apache reqtimeout: 20
    # Body of a request
    body_bytes: int = 256 * MIB  # TensorFlow Serving: none, OpenVINO Model Server: 1 GiB, Triton: 64 MiB
    inflated_bytes: int = 100 * MIB  # after Content-Encoding: gzip; TensorFlow Serving: 100 MiB
    body_timeout_s: float = 300.0  # from the end of the head to the end of the body
    body_bytes_per_s: int = 1024  # slower bodies end after body_grace_s; Apache reqtimeout MinRate: 500
    body_grace_s: float = 20.0
    # Connections
    keep_alive_timeout_s: float = 75.0  # nginx: 75
    write_timeout_s: float = 60.0  # a reader that takes nothing so long is dropped; nginx: 60
    connections: int = 10_000
    pipelined_requests: int = 16  # of one connection, answered before others have their turn
    # Codecs
    json_depth: int = 1_000_000  # parsers here do not recurse; TensorFlow Serving: none
    offload_bytes: int = 64 * KIB  # larger bodies are parsed and encoded off the event loop
    # Images
    image_pixels: int = 1 << 26  # of an encoded image, before it is decoded; Pillow warns at 89 million
    request_pixels: int = 1 << 29  # of all encoded images of one input together
    # Execution
    request_timeout_s: float = 30.0  # TensorFlow Serving rest_api_timeout_in_ms: 30000
    stream_s: float = 3600.0  # how long a streamed answer may hold its version
    drain_s: float = 25.0  # how long requests in flight may go on after SIGTERM
