"""Every call of KServe's REST client in V1 and those of its calls in V2 that look at the server.

python kserve_rest_calls.py URL
"""

import asyncio
import json

import numpy as np
import tensors
from answers import tell
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http
from httpx import HTTPStatusError, post
from kserve import InferenceRESTClient, RESTConfig

MODEL = "half_plus_two"


def called(url, name, *arguments, protocol="v1"):
    """What a method of the client gives."""

    async def call():
        async with InferenceRESTClient(RESTConfig(protocol=protocol)) as client:
            return await getattr(client, name)(url, *arguments)

    return asyncio.run(call())


def refused(url, name, *arguments):
    """The words of the error that a call ends with; an error if there is none."""
    try:
        called(url, name, *arguments)
    except HTTPStatusError as error:
        return str(error)
    raise AssertionError("the call was answered")


def live(url):
    return called(url, "is_server_live")


def live_behind_a_path(url):
    return called(f"{url}/", "is_server_live")


def v2_ready(url):
    return called(url, "is_server_ready", protocol="v2")


def ready(url):
    return {name: called(url, "is_model_ready", name) for name in (MODEL, "broken")}


def ready_unknown(url):
    return refused(url, "is_model_ready", "nope")


def infer(url):
    sent = {
        "rows": {"instances": [1.0, 2.0, 5.0]},
        "objects": {"instances": [{"x": 1.0}, {"x": 2.0}]},
    }
    return {name: called(url, "infer", body, MODEL) for name, body in sent.items()}


def infer_inputs(url):
    return called(url, "infer", {"inputs": [1.0, 2.0]}, MODEL)


def infer_texts(url):
    return called(url, "infer", {"instances": ["a", "\N{SNOWMAN}"]}, "echo_string")


def infer_every_type(url):
    """Which types do not come back bit for bit. The client writes no NaN and no infinity."""
    arrays = tensors.every_type_as_text()
    arrays |= {name: tensors.finite_floats(name) for name in tensors.FLOATS}
    del arrays["string"]
    bodies = {f"echo_{name}": {"instances": array.tolist()} for name, array in arrays.items()}
    answers = {name: called(url, "infer", body, name)["predictions"] for name, body in bodies.items()}
    return {
        name: answers[f"echo_{name}"]
        for name, sent in arrays.items()
        if not tensors.same(np.array(answers[f"echo_{name}"], sent.dtype), sent)
    }


def infer_unknown(url):
    return refused(url, "infer", {"instances": [1.0]}, "nope")


def infer_not_ready(url):
    return refused(url, "infer", {"instances": [1.0]}, "broken")


def infer_no_list(url):
    return refused(url, "infer", {"instances": "abc"}, MODEL)


def explain(url):
    return called(url, "explain", MODEL, {"instances": [3.0]})


def explain_none(url):
    return refused(url, "explain", "echo_string", {"instances": ["a"]})


def events(url):
    return {
        "structured": exchanged(url, to_structured, {"instances": [1.0]}),
        "structured bytes": exchanged(url, to_structured, b'{"instances": [1.0]}'),
        "binary": exchanged(url, to_binary, {"instances": [1.0]}),
        "binary bytes": exchanged(url, to_binary, b'{"instances": [1.0]}'),
    }


def exchanged(url, convert, data):
    """What the CloudEvents SDK reads from the answer to an event that it has written."""
    sent = CloudEvent({"type": "com.example.sampletype1", "source": "https://example.com/producer"}, data)
    headers, body = convert(sent)
    answer = post(f"{url}/v1/models/{MODEL}:predict", headers=headers, content=body)
    answer.raise_for_status()
    event = from_http(answer.headers, answer.content)
    return {
        "type": event["type"],
        "source": event["source"],
        "fresh": event["id"] != sent["id"] and event["time"] > sent["time"],
        "data": event.data if isinstance(event.data, dict) else json.loads(event.data),
    }


if __name__ == "__main__":
    tell(
        live, live_behind_a_path, v2_ready, ready, ready_unknown, infer, infer_inputs, infer_texts,
        infer_every_type, infer_unknown, infer_not_ready, infer_no_list, explain, explain_none,
        events,
    )  # fmt: skip
