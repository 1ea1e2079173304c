"""The server's limits as gRPC channel arguments."""

from dragoman.settings.limits import Limits

Option = tuple[str, int]


def channel_options(limits: Limits) -> list[Option]:
    """What gRPC enforces by itself. Answers are as large as the model makes them.

    Two servers on one port would each get some of the calls, and neither would say so: hence no SO_REUSEPORT.
    """
    return [
        ("grpc.max_receive_message_length", limits.body_bytes),
        ("grpc.max_send_message_length", -1),
        ("grpc.max_metadata_size", limits.header_bytes),
        ("grpc.absolute_max_metadata_size", limits.header_bytes),
        ("grpc.so_reuseport", 0),
    ]
