"""A stream of tritonclient's, used in one way: the blocking client has callbacks, the other an iterator.

A request is the arguments of one, or a function that makes them of the answer before it, which is waited for.
"""

import asyncio
import queue

import grpc

PATIENCE_S = 60.0


def streamed(client, requests, **options):
    """What comes back until the stream ends."""
    if client.kind == "aio":
        return client.wait(iterated(client, requests, options))
    answers = []
    arrived = queue.Queue()

    def callback(result, error):
        answers.append(told(result, error))
        arrived.put(result)

    client.start_stream(callback, **options)
    for request in requests:
        made = request(arrived.get(timeout=PATIENCE_S)) if callable(request) else request
        client.async_stream_infer(**made)
    client.stop_stream()
    return answers


async def iterated(client, requests, options):
    answers = []
    arrived = asyncio.Queue()

    async def sent():
        for request in requests:
            yield request(await arrived.get()) if callable(request) else request

    try:
        async for result, error in client.stream_infer(sent(), **options):
            answers.append(told(result, error))
            arrived.put_nowait(result)
    except grpc.RpcError as error:  # which the blocking client wraps
        answers.append({"error": error.details(), "status": str(error.code())})
    return answers


def left(client, request, parts, **options):
    """What comes back of one request whose answers are read up to a number, and then no more."""
    if client.kind == "aio":
        return client.wait(left_early(client, request, parts, options))
    answers = queue.Queue()
    client.start_stream(lambda result, error: answers.put(told(result, error)), **options)
    client.async_stream_infer(**request)
    read = [answers.get(timeout=PATIENCE_S) for _ in range(parts)]
    client.stop_stream(cancel_requests=True)
    return read


async def left_early(client, request, parts, options):
    async def sent():
        yield dict(request)
        await asyncio.Event().wait()

    answers = client.stream_infer(sent(), **options)
    read = [told(*await anext(answers)) for _ in range(parts)]
    answers.cancel()
    return read


def told(result, error):
    """An answer of a stream as plain values."""
    if error is not None:
        return {"error": error.message(), "status": error.status()}
    response = result.get_response()
    return {
        "id": response.id,
        "model": f"{response.model_name} {response.model_version}",
        "final": response.parameters["triton_final_response"].bool_param,
        "outputs": {output.name: result.as_numpy(output.name) for output in response.outputs},
    }
