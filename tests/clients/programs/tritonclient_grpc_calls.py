"""What tritonclient can do over gRPC alone: late answers, cancellation, deadlines, streams.

python tritonclient_grpc_calls.py sync|aio ADDRESS
"""

import asyncio
import queue

import numpy as np
import tensors
from answers import tell
from triton_client import Client
from triton_stream import PATIENCE_S, left, streamed
from tritonclient.grpc import KeepAliveOptions

MODEL = "half_plus_two"


def number(client, value):
    return [client.input(np.array([value], np.float32))]


def halves(client, value, **more):
    return {"model_name": MODEL, "inputs": number(client, value), **more}


def countdown(client, start, **more):
    return {
        "model_name": "countdown",
        "inputs": [client.input(np.array([start], np.int32), "start")],
        **more,
    }


def many_at_once(kind, address):
    """Answers to sixteen requests that are on their way together, each its own."""
    with Client("grpc", kind, address) as client:
        requests = [halves(client, value, request_id=str(value)) for value in range(16)]
        if kind == "aio":
            answers = client.gathered([client.later("infer", **request) for request in requests])
        else:
            arrived = queue.Queue()
            for request in requests:
                client.async_infer(**request, callback=lambda result, error: arrived.put(result))
            answers = [arrived.get(timeout=PATIENCE_S) for _ in requests]
        return sorted([int(answer.get_response().id), float(answer.as_numpy("y")[0])] for answer in answers)


def a_late_refusal(kind, address):
    with Client("grpc", kind, address) as client:
        request = {"model_name": "nope", "inputs": number(client, 1)}
        if kind == "aio":
            return client.refusal("infer", **request)
        error = called_back(client, request)
        return {"status": error.status(), "message": error.message()}


def called_back(client, request, then=lambda call: None):
    """The error that a callback is given."""
    arrived = queue.Queue()
    then(client.async_infer(**request, callback=lambda result, error: arrived.put(error)))
    return arrived.get(timeout=PATIENCE_S)


def cancelled(kind, address):
    """What becomes of a call that is cancelled, and of the next one."""
    with Client("grpc", kind, address) as client:
        request = {
            "model_name": "slow", "inputs": [client.input(np.array([3000], np.int64), "rounds")],
        }  # fmt: skip
        if kind == "aio":
            told = client.wait(cancelled_at_once(client.later("infer", **request)))
        else:
            told = called_back(client, request, lambda call: call.cancel()).status()
        return {"cancelled": told, "after": client.infer(**halves(client, 1)).as_numpy("y")}


async def cancelled_at_once(call):
    task = asyncio.ensure_future(call)
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "StatusCode.CANCELLED"


def deadlines(*where):
    with Client("grpc", *where) as client:
        rounds = [client.input(np.array([3000], np.int64), "rounds")]
        return {
            "too short": client.refusal("infer", "slow", rounds, client_timeout=0.1)["status"],
            "ample": client.infer(**halves(client, 1), client_timeout=60.0).as_numpy("y"),
            "of a stream": streamed(client, [{"model_name": "slow", "inputs": rounds}], stream_timeout=0.1),
            "of a question": client.is_server_live(client_timeout=60.0),
        }


def keepalive(*where):
    options = KeepAliveOptions(keepalive_time_ms=10_000, keepalive_permit_without_calls=True)
    with Client("grpc", *where, keepalive_options=options) as client:
        return client.infer(**halves(client, 1)).as_numpy("y")


def stream_of_several_models(*where):
    """Answers to requests of different models and versions; those of a model in parts stand apart."""
    with Client("grpc", *where) as client:
        rows = np.array([[1, 2]], np.float32)
        answers = streamed(
            client,
            [
                halves(client, 1, request_id="1"),
                halves(client, 1, request_id="2", model_version="1"),
                countdown(client, 3, request_id="3"),
                {
                    "model_name": "two_out", "inputs": [client.input(rows)], "request_id": "4",
                    "outputs": [client.output("diff")],
                },
                halves(client, 4, request_id="5"),
            ],
        )  # fmt: skip
        return {
            "whole": [answer for answer in answers if answer["id"] != "3"],
            "in parts": [answer for answer in answers if answer["id"] == "3"],
        }


def stream_both_ways(*where):
    """Each request is made of the answer to the one before."""
    with Client("grpc", *where) as client:
        again = [lambda result: halves(client, result.as_numpy("y")[0]) for _ in range(3)]
        answers = streamed(client, [halves(client, 2), *again])
        return [float(answer["outputs"]["y"][0]) for answer in answers]


def stream_of_every_type(*where):
    """Which types do not come back bit for bit, all of them on one stream."""
    sent = tensors.every_type()
    with Client("grpc", *where) as client:
        requests = [
            {"model_name": f"echo_{name}", "inputs": [client.input(array)]} for name, array in sent.items()
        ]
        answers = streamed(client, requests, compression_algorithm="gzip")
        pairs = zip(sent.items(), answers, strict=True)
        return {
            name: answer for (name, array), answer in pairs if not tensors.same(answer["outputs"]["y"], array)
        }


def stream_with_errors(*where):
    """Requests that fail between those that do not; the stream goes on."""
    with Client("grpc", *where) as client:
        return streamed(
            client,
            [
                halves(client, 1, request_id="1"),
                {"model_name": "nope", "inputs": number(client, 1), "request_id": "2"},
                {"model_name": "echo_int32", "inputs": number(client, 1), "request_id": "3"},
                halves(client, 4, request_id="4"),
            ],
        )


def stream_of_faults(*where):
    """A model in parts that refuses a request, and one that breaks after its first part."""
    with Client("grpc", *where) as client:
        return [streamed(client, [countdown(client, start)]) for start in (-1, 13)]


def stream_that_ends_with_its_error(*where):
    with Client("grpc", *where) as client:
        requests = [
            halves(client, 1),
            lambda _: {"model_name": "nope", "inputs": number(client, 1)},
        ]
        return streamed(client, requests, headers={"triton_grpc_error": "true"})


def stream_with_an_empty_end(kind, address):
    """A last answer without outputs, which only the blocking client can ask for."""
    with Client("grpc", kind, address) as client:
        return streamed(client, [countdown(client, 2, enable_empty_final_response=True)])


def stream_that_is_left(*where):
    """Two parts of very many are read; the model, which takes one call at a time, is free again after."""
    with Client("grpc", *where) as client:
        read = left(client, countdown(client, 10**9), 2)
    with Client("grpc", *where) as client:
        after = client.infer(**countdown(client, 1), client_timeout=PATIENCE_S)
        return {
            "read": [int(answer["outputs"]["left"][0]) for answer in read],
            "after": after.as_numpy("left"),
        }


if __name__ == "__main__":
    tell(
        many_at_once, a_late_refusal, cancelled, deadlines, keepalive, stream_of_several_models,
        stream_both_ways, stream_of_every_type, stream_with_errors, stream_of_faults,
        stream_that_ends_with_its_error, stream_with_an_empty_end, stream_that_is_left,
    )  # fmt: skip
