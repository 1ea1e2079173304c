"""Triton's calls for shared memory of clients, as a server answers them that uses none.

Programs drop all regions, of both kinds, before they register any: that, and to ask what there is, is no
failure. Triton refuses both kinds likewise unless it is told to allow them.
"""

from typing import Final

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.status import StatusReport
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.percent import percent_decoded
from dragoman.wire.protobuf import read_message

SYSTEM: Final = "system"
CUDA: Final = "CUDA"


def answer_regions(wire: WireRequest, _: StatusReport) -> WireResponse:
    """Every region: none. Over REST.

    Errors: NOT_FOUND for one that is named.
    """
    if "region" in wire.params:
        raise no_region(percent_decoded(wire.params["region"]))
    return WireResponse(200, dump([]))


def answer_unregistered(_: WireRequest, __: StatusReport) -> WireResponse:
    """There is no such region any more, whichever was meant. Over REST."""
    return WireResponse(200)


def answer_register(kind: str, wire: WireRequest, _: StatusReport) -> WireResponse:
    """A region is never registered. Over REST.

    Errors: as `refusal`.
    """
    raise refusal(kind, percent_decoded(wire.params["region"]))


def answer_system_status(wire: WireRequest, _: StatusReport) -> WireResponse:
    """The same over gRPC.

    Errors: NOT_FOUND for a region that is named.
    """
    if name := read_message(messages().SystemSharedMemoryStatusRequest, wire.body).name:
        raise no_region(name)
    return WireResponse(0, messages().SystemSharedMemoryStatusResponse().SerializeToString())


def answer_system_register(wire: WireRequest, _: StatusReport) -> WireResponse:
    """A region is never registered.

    Errors: as `refusal`.
    """
    raise refusal(SYSTEM, read_message(messages().SystemSharedMemoryRegisterRequest, wire.body).name)


def answer_system_unregister(wire: WireRequest, _: StatusReport) -> WireResponse:
    """There is no such region any more, whichever was meant."""
    read_message(messages().SystemSharedMemoryUnregisterRequest, wire.body)
    return WireResponse(0, messages().SystemSharedMemoryUnregisterResponse().SerializeToString())


def answer_cuda_status(wire: WireRequest, _: StatusReport) -> WireResponse:
    """Every region of a GPU's memory: none.

    Errors: NOT_FOUND for one that is named.
    """
    if name := read_message(messages().CudaSharedMemoryStatusRequest, wire.body).name:
        raise no_region(name)
    return WireResponse(0, messages().CudaSharedMemoryStatusResponse().SerializeToString())


def answer_cuda_register(wire: WireRequest, _: StatusReport) -> WireResponse:
    """A region is never registered.

    Errors: as `refusal`.
    """
    raise refusal(CUDA, read_message(messages().CudaSharedMemoryRegisterRequest, wire.body).name)


def answer_cuda_unregister(wire: WireRequest, _: StatusReport) -> WireResponse:
    """There is no such region any more, whichever was meant."""
    read_message(messages().CudaSharedMemoryUnregisterRequest, wire.body)
    return WireResponse(0, messages().CudaSharedMemoryUnregisterResponse().SerializeToString())


def no_region(name: str) -> DragomanError:
    """The error for a region that is not registered, in Triton's words."""
    return DragomanError(Code.NOT_FOUND, f"Unable to find shared memory region: '{name}'")


def refusal(kind: str, name: str) -> DragomanError:
    """The error for a region that is to be registered: without a GPU a mistake, else not done here."""
    if kind == CUDA:
        return invalid(f"failed to register CUDA shared memory region '{name}': GPUs are not supported")
    return DragomanError(
        Code.UNIMPLEMENTED,
        f"failed to register shared memory region '{name}': "
        "this server does not use shared memory of its clients",
    )
