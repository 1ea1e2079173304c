"""Our protobuf messages, in a descriptor pool of their own.

A private pool, because the process may also hold TensorFlow or another server's client, which register files
of the same names in the default pool, where two differing files of one name cannot be.
"""

from collections.abc import Iterable
from functools import cache
from pkgutil import get_data
from typing import Any, TypeVar

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from dragoman.core.errors import invalid

M = TypeVar("M", bound=Message)


def make_pool() -> DescriptorPool:
    """A new pool that holds our definitions; whoever makes it may add to it."""
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString(
        get_data("dragoman.wire.protos", "descriptors.binpb") or b""
    ).file:
        pool.Add(file)
    return pool


@cache
def shared_pool() -> DescriptorPool:
    """The pool of the messages that `message_class` gives."""
    return make_pool()


def message_class(full_name: str) -> type[Any]:
    """The class of a message, as `tensorflow.serving.ModelSpec`. Its stub is in `wire/protos`."""
    made: type[Any] = GetMessageClass(shared_pool().FindMessageTypeByName(full_name))
    return made


def message_classes(package: str, names: Iterable[str]) -> dict[str, type[Any]]:
    """The classes of several messages of one package, by their names."""
    return {name: message_class(f"{package}.{name}") for name in names}


def read_message(kind: type[M], data: bytes | bytearray | memoryview) -> M:
    """The message that these bytes are.

    Errors: INVALID_ARGUMENT naming the message.
    """
    try:
        return kind.FromString(bytes(data))
    except DecodeError:
        raise invalid(f"the message is no valid {kind.DESCRIPTOR.full_name}") from None
