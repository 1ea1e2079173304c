"""Deeploy's client against a server of its deployments: python deeploy_calls.py ADDRESS KEY SECRET TOKEN FAR.

The client knows one address, `https://api.HOST`; ours is put in its place, and nothing else is. FAR is a
server whose models live in the first one.
"""

from typing import Any

from answers import refusal, tell
from deeploy import Client
from deeploy.models.inference_options import (
    BaseInferenceOptions,
    ClientOptions,
    CompletionsInferenceOptions,
    ExplainInferenceOptions,
)

HALVES = "5f3b1c9e-8a61-4c21"  # an id
CHAT, VECTORS, SHOP = "chat", "tinyembed", "shop"
ROWS = {"instances": [1.0, 2.0, 5.0]}
TWO = {"instances": [[4.0, 1.0]]}
TENSOR = {"name": "x", "shape": [3], "datatype": "FP32", "data": [1.0, 2.0, 5.0]}
OBJECT = {"tag": "foo", "signal": [1, 2, 3, 4, 5], "sensor": [[1, 2], [3, 4]]}
PROMPTS = {"prompt": ["alpha beta", "The quick brown"], "temperature": 0, "max_tokens": 40}
JAPAN = {
    "messages": [{"role": "user", "content": "What is the capital of Japan?"}],
    "temperature": 0,
    "max_tokens": 40,
}


def client(address: str, **credentials: str) -> Client:
    """A client of ours: a token is what it will not do without."""
    made = Client(host="nowhere.invalid", workspace_id="w1", **(credentials or {"deployment_token": "any"}))
    made._Client__deeploy_service._DeeployService__host = address
    return made


def predict(address: str, *_: str) -> Any:
    ours = client(address)
    return {
        "numbers": ours.predict(HALVES, ROWS),
        "texts": ours.predict("echo_string", {"instances": ["a", "\N{SNOWMAN}"]}),
        "objects": ours.predict("mixed", {"instances": [OBJECT]}),
        "without_log": ours.predict(HALVES, ROWS, inference_options=BaseInferenceOptions(skip_log=True)),
        "tensor": ours.predict(HALVES, TENSOR),
        "whole": ours.predict(HALVES, {"id": "7", "inputs": [TENSOR]}),
    }


def predict_in_parts(address: str, *_: str) -> Any:
    """What the client splits among several requests, and what it reads as it comes."""
    ours = client(address)
    split = ours.predict(HALVES, ROWS, ClientOptions(nr_requests=3, progress=False))
    streamed = ours.predict(HALVES, ROWS, ClientOptions(stream=True))
    return sorted(part["predictions"] for part in split), b"".join(streamed)


def explain(address: str, *_: str) -> Any:
    ours = client(address)
    return {
        "numbers": ours.explain(HALVES, ROWS),
        "no_image": ours.explain(HALVES, ROWS, explain_options=ExplainInferenceOptions(image=False)),
        "image": refusal(ours.explain, HALVES, ROWS, explain_options=ExplainInferenceOptions(image=True))[
            "says"
        ],
    }


def completions(address: str, *_: str) -> Any:
    ours = client(address)
    explained = ours.completions(
        CHAT, PROMPTS, completions_options=CompletionsInferenceOptions(explain=True, skip_log=True)
    )
    answer = ours.completions(CHAT, PROMPTS)
    return {
        "texts": [choice["text"] for choice in answer["choices"]],
        "keys": sorted(answer),
        "explained": [entry["index"] for entry in explained["explanations"]],
        "body": len(ours.completions(CHAT, {**PROMPTS, "explain": True}).get("explanations", [])),
        "streamed": b"".join(ours.completions(CHAT, PROMPTS, ClientOptions(stream=True)))[-14:],
    }


def chat_completions(address: str, *_: str) -> Any:
    ours = client(address)
    streamed = b"".join(ours.chat_completions(CHAT, {**JAPAN, "stream": True}))
    return {
        "message": ours.chat_completions(CHAT, JAPAN)["choices"][0]["message"],
        "streamed": streamed[-14:],
    }


def embeddings(address: str, *_: str) -> Any:
    answer = client(address).embeddings(VECTORS, {"input": ["a man is eating", "the cat sat"]})
    same = [entry["embedding"] for entry in answer["data"]] == answer["embedding"]
    return [len(vector) for vector in answer["embedding"]], same


def credentials(address: str, key: str, secret: str, token: str, *_: str) -> Any:
    keys = client(address, access_key=key, secret_key=secret)
    bearer = client(address, deployment_token=token)
    wrong = client(address, access_key=key, secret_key="wrong")
    return {
        "keys": keys.predict(SHOP, TWO),
        "token": bearer.predict(SHOP, TWO),
        "token_explain": bearer.explain(SHOP, TWO),
        "wrong_keys": refusal(wrong.predict, SHOP, TWO)["says"],
        "wrong_token": refusal(client(address, deployment_token="x" * 20).explain, SHOP, TWO)["says"],
        "others_chat": refusal(keys.chat_completions, "locked", JAPAN)["says"],
    }


def failures(address: str, *_: str) -> Any:
    ours = client(address)
    return {
        "unknown": refusal(ours.predict, "nope", ROWS)["says"],
        "unknown_chat": refusal(ours.chat_completions, "nope", JAPAN)["says"],
        "shape": refusal(ours.predict, HALVES, {**TENSOR, "shape": [4]})["says"],
        "missing": refusal(ours.predict, HALVES, {"name": "x", "data": [1.0]})["says"],
        "path": refusal(ours.predict, "a/b", ROWS)["says"],
        "log": refusal(ours.get_request_logs, HALVES, {})["kinds"][0],
    }


def external(*addresses: str) -> Any:
    """Deployments of models that another server has."""
    ours = client(addresses[-1])
    return {
        "rows": ours.predict("rows", ROWS),
        "tensor": ours.predict("tensors", TENSOR)["outputs"],
        "texts": [choice["text"] for choice in ours.completions("far-chat", PROMPTS)["choices"]],
        "message": ours.chat_completions("far-chat", JAPAN)["choices"][0]["message"]["content"],
        "vectors": len(
            ours.embeddings("vectors", {"input": ["a man is eating", "the cat sat"]})["embedding"]
        ),
    }


if __name__ == "__main__":
    tell(
        predict, predict_in_parts, explain, completions, chat_completions, embeddings, credentials, failures,
        external,
    )  # fmt: skip
