"""Text on every protocol: the same words, whole and in parts."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import grpc
import pytest

from dragoman.client import Client, ServerError
from dragoman.core.tensors import DType
from dragoman.wire.protobuf import message_class
from tests.engines.text_models import write_models
from tests.server_process import Address, Addresses, serving

GREEK = " gamma delta epsilon zeta eta theta"
FOX = " brown fox jumps over the lazy dog."
QUESTION = "<|user|>What is the capital of Japan?<|end|><|assistant|>"
TORCHSERVE_GRPC = "org.pytorch.serve.grpc.inference"
GREEDY: Any = {"max_tokens": 40, "temperature": 0}
TORCHSERVE: Any = {"prompt": "alpha beta", "max_new_tokens": 40, "temperature": 0}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    folder = tmp_path_factory.mktemp("protocols")
    models = write_models(folder / "models")
    # Not every protocol has a place for parameters: this is for callers that say nothing.
    always_the_likeliest = '{"eos_token_id": 2, "temperature": 0}'
    (models / "tinychat" / "1" / "generation_config.json").write_text(always_the_likeliest, encoding="utf-8")
    with serving([str(models)], folder / "log") as addresses:
        yield addresses


@pytest.fixture(params=["http", "grpc"])
def client(server: Addresses, request: pytest.FixtureRequest) -> Iterator[Client]:
    address: Address = getattr(server, request.param)
    with Client(f"{request.param}://{address.host}:{address.port}") as opened:
        yield opened


def test_v2_continues_each_text_of_a_tensor(client: Client) -> None:
    result = client.infer("tinychat", {"text_input": ["alpha beta", "The quick"]}, parameters=GREEDY)
    assert [bytes(text).decode() for text in result["text_output"]] == [GREEK, FOX]


def test_v2_streams_one_text_in_parts(client: Client) -> None:
    parts = [
        bytes(result["text_output"][0]).decode()
        for result in client.stream("tinychat", {"text_input": ["alpha beta"]}, parameters=GREEDY)
    ]
    assert "".join(parts) == GREEK


def test_a_stream_of_several_prompts_is_refused(client: Client) -> None:
    with pytest.raises(ServerError, match="continues one prompt"):
        list(client.stream("tinychat", {"text_input": ["a", "b"]}, parameters=GREEDY))


def test_v2_gives_a_vector_of_each_text(client: Client) -> None:
    texts = ["alpha beta", "Say hello.", "x"]
    made = client.infer("tinyembed", {"text_input": texts})["embedding"]
    assert made.shape == (3, 32)
    alone = client.infer("tinyembed", {"text_input": texts[1:2]})["embedding"]
    assert made[1] == pytest.approx(alone[0], abs=1e-6)


@pytest.mark.parametrize("path", ["/tokenize", "/v1/tokenize", "/v3/tokenize"])
@pytest.mark.parametrize(("model", "context"), [("tinychat", 256), ("tinyembed", 64)])
def test_the_tokens_of_a_text_are_told(server: Addresses, path: str, model: str, context: int) -> None:
    connection = HTTPConnection(server.http.host, server.http.port)
    connection.request("POST", path, json.dumps({"model": model, "prompt": "alpha beta"}))
    told = json.loads(connection.getresponse().read())
    assert told == {"count": 2, "max_model_len": context, "tokens": [386, 387], "token_strs": None}
    connection.close()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"temperature": 5.0}, "temperature must be a number from 0 to 2"),
        ({"max_tokens": 10**9}, "context of 256 tokens"),
        ({"stop": ""}, "each text of stop"),
    ],
)
def test_parameters_that_cannot_be_are_named(client: Client, parameters: Any, message: str) -> None:
    with pytest.raises(ServerError, match=message):
        client.infer("tinychat", {"text_input": ["alpha"]}, parameters=parameters)


def test_what_is_no_text_is_refused(client: Client) -> None:
    with pytest.raises(ServerError, match="no UTF-8"):
        client.infer("tinychat", {"text_input": [b"\xff"]}, parameters=GREEDY)


def test_metadata_tells_both_tensors(client: Client) -> None:
    metadata = client.metadata("tinychat")
    told = [*metadata.inputs.values(), *metadata.outputs.values()]
    assert [(one.name, one.dtype) for one in told] == [
        ("text_input", DType.BYTES),
        ("text_output", DType.BYTES),
    ]


def post(server: Addresses, path: str, body: str) -> tuple[int, str]:
    connection = HTTPConnection(*server.http, timeout=60)
    connection.request("POST", path, body.encode(), {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def choice(server: Addresses, path: str, **fields: Any) -> Any:
    status, text = post(server, path, json.dumps({"model": "tinychat", **GREEDY, **fields}))
    assert status == 200, text
    return json.loads(text)["choices"][0]


def test_a_chat_tells_likelier_tokens_best_first_and_the_one_that_was_chosen_among_them(
    server: Addresses,
) -> None:
    said = [{"role": "user", "content": "What is the capital of Japan?"}]
    told = choice(server, "/v1/chat/completions", messages=said, logprobs=True, top_logprobs=3)
    content = told["logprobs"]["content"]
    assert "".join(entry["token"] for entry in content) == told["message"]["content"]
    for entry in content:
        logprobs = [other["logprob"] for other in entry["top_logprobs"]]
        assert logprobs == sorted(logprobs, reverse=True)
        assert logprobs[0] == entry["logprob"]
        assert len(logprobs) == 3


def test_an_echo_is_told_with_its_tokens_of_which_nothing_is_known_of_the_first(server: Addresses) -> None:
    told = choice(server, "/v1/completions", prompt="alpha beta", echo=True, logprobs=2)
    logprobs = told["logprobs"]
    assert "".join(logprobs["tokens"]) == told["text"] == "alpha beta" + GREEK
    assert logprobs["token_logprobs"][0] is None
    assert all(value < 0 for value in logprobs["token_logprobs"][1:])
    assert [len(others) for others in logprobs["top_logprobs"]] == [0] + [2] * (len(logprobs["tokens"]) - 1)
    starts = [told["text"].startswith(token, at) for token, at in zip(
        logprobs["tokens"], logprobs["text_offset"], strict=True
    )]  # fmt: skip
    assert all(starts)


CITY: Any = {"type": "object", "properties": {"city": {"enum": ["Tokyo"]}}, "required": ["city"]}
TOOLS: Any = [
    {"type": "function", "function": {"name": "weather", "parameters": CITY}},
    {"type": "function", "function": {"name": "clock"}},
]
# So wild that it does not write spaces for ever, which its grammar would let it.
WILD: Any = {"temperature": 2, "top_p": 1, "seed": 0, "max_tokens": 200}
SAID: Any = [{"role": "user", "content": "What is the capital of Japan?"}]


def test_a_tool_that_is_named_is_called_as_its_schema_says(server: Addresses) -> None:
    named = {"type": "function", "function": {"name": "weather"}}
    told = choice(server, "/v1/chat/completions", messages=SAID, tools=TOOLS, tool_choice=named, **WILD)
    (call,) = told["message"]["tool_calls"]
    assert call["function"]["name"] == "weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Tokyo"}
    assert (told["message"]["content"], told["finish_reason"]) == (None, "stop")


def test_some_tool_is_called_where_one_must_be_streamed_or_not(server: Addresses) -> None:
    asked: Any = {
        "messages": SAID,
        "tools": TOOLS,
        "tool_choice": "required",
        "parallel_tool_calls": False,
        **WILD,
    }
    told = choice(server, "/v1/chat/completions", **asked)
    (call,) = told["message"]["tool_calls"]
    assert call["function"]["name"] in ("weather", "clock")
    assert told["finish_reason"] == "tool_calls"
    body = json.dumps({"model": "tinychat", **asked, "stream": True})
    _, events = post(server, "/v1/chat/completions", body)
    chunks = [json.loads(event.removeprefix("data: ")) for event in events.split("\n\n") if "{" in event]
    choices = [each for chunk in chunks for each in chunk["choices"]]
    (streamed,) = [made for each in choices for made in each["delta"].get("tool_calls", [])]
    assert streamed["function"] == call["function"]
    assert choices[-1]["finish_reason"] == "tool_calls"


def test_a_tools_schema_that_the_engine_does_not_know_is_named(server: Addresses) -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"pattern": "a"}}}]
    body = json.dumps({"model": "tinychat", "messages": SAID, "tools": tools, "tool_choice": "required"})
    status, text = post(server, "/v1/chat/completions", body)
    error = json.loads(text)["error"]
    assert (status, error["param"]) == (400, "tools")
    assert "'pattern'" in error["message"]


def explained(server: Addresses, **given: Any) -> tuple[int, Any]:
    """A completion of the learnt question with an explanation."""
    asked = {"model": "tinychat", "prompt": QUESTION, "temperature": 0, "max_tokens": 40, "explain": True}
    status, text = post(server, "/v1/completions", json.dumps({**asked, **given}))
    return status, json.loads(text)


def test_a_completion_tells_which_word_of_its_prompt_it_hangs_on(server: Addresses) -> None:
    status, answer = explained(server)
    assert status == 200
    (told,) = answer["explanations"]
    assert (told["index"], told["method"]) == (0, "leave_one_out")
    assert told["target"] == answer["choices"][0]["text"] == "The capital of Japan is Tokyo."
    assert "".join(told["tokens"]) == QUESTION
    scores = dict(zip(told["tokens"], told["scores"], strict=True))
    assert max(scores, key=scores.__getitem__) == " Japan"


def test_each_prompt_is_explained_by_its_first_text_alone(server: Addresses) -> None:
    status, answer = explained(server, prompt=["alpha", QUESTION], n=2, echo=True, temperature=1, seed=1)
    assert (status, len(answer["choices"])) == (200, 4)
    one, other = answer["explanations"]
    assert (one["index"], other["index"]) == (0, 1)
    assert "alpha" + one["target"] == answer["choices"][0]["text"]
    assert QUESTION + other["target"] == answer["choices"][2]["text"]


def test_an_explanation_goes_without_a_stream(server: Addresses) -> None:
    status, answer = explained(server, stream=True)
    assert (status, answer["error"]["param"]) == (400, "explain")


def streamed_choices(server: Addresses, path: str, **fields: Any) -> list[Any]:
    """The choices of all chunks of one stream."""
    body = json.dumps({"model": "tinychat", **GREEDY, **fields, "stream": True})
    status, events = post(server, path, body)
    assert status == 200, events
    chunks = [json.loads(event.removeprefix("data: ")) for event in events.split("\n\n") if "{" in event]
    return [each for chunk in chunks for each in chunk["choices"]]


def test_a_stream_tells_the_likelier_tokens_that_a_whole_chat_tells(server: Addresses) -> None:
    asked: Any = {"messages": SAID, "logprobs": True, "top_logprobs": 3}
    whole = choice(server, "/v1/chat/completions", **asked)["logprobs"]["content"]
    told = streamed_choices(server, "/v1/chat/completions", **asked)
    parts = [entry for each in told for entry in (each["logprobs"] or {"content": []})["content"]]
    assert [entry["token"] for entry in parts] == [entry["token"] for entry in whole]
    for part, entry in zip(parts, whole, strict=True):
        assert part["logprob"] == pytest.approx(entry["logprob"], abs=1e-3)
        likelier = [other["token"] for other in part["top_logprobs"]]
        assert likelier[0] == part["token"]
        assert len(likelier) == 3


def test_a_stream_of_completions_tells_them_with_those_of_an_echo(server: Addresses) -> None:
    asked: Any = {"prompt": "alpha beta", "echo": True, "logprobs": 2}
    whole = choice(server, "/v1/completions", **asked)["logprobs"]
    told = [each["logprobs"] for each in streamed_choices(server, "/v1/completions", **asked)]
    for key in ("tokens", "text_offset"):
        assert [item for part in told if part for item in part[key]] == whole[key]
    first = told[0]
    assert first["token_logprobs"][0] is None
    assert first["top_logprobs"][0] == {}
    assert all(len(others) == 2 for part in told if part for others in part["top_logprobs"] if others)


def test_triton_s_generate_gives_one_object(server: Addresses) -> None:
    asked = '{"text_input": "alpha beta", "max_tokens": 40, "temperature": 0}'
    status, text = post(server, "/v2/models/tinychat/generate", asked)
    assert status == 200
    assert f'"text_output":"{GREEK}"' in text


def test_triton_s_generate_stream_gives_events(server: Addresses) -> None:
    asked = '{"text_input": "alpha beta", "parameters": {"max_tokens": 40, "temperature": 0}}'
    status, text = post(server, "/v2/models/tinychat/generate_stream", asked)
    assert status == 200
    events = [event for event in text.split("\n\n") if event]
    assert all(event.startswith("data: {") for event in events)
    assert "".join(event.partition('"text_output":"')[2].partition('"')[0] for event in events) == GREEK


def test_tensorflow_serving_s_predict_takes_texts(server: Addresses) -> None:
    status, text = post(server, "/v1/models/tinychat:predict", '{"instances": ["The quick"]}')
    assert status == 200
    assert FOX in text


def test_torchserve_s_predictions_take_a_text(server: Addresses) -> None:
    status, text = post(server, "/predictions/tinychat", '{"text_input": ["The quick"]}')
    assert status == 200
    assert FOX in text


def test_torchserve_s_predictions_take_a_prompt_with_parameters(server: Addresses) -> None:
    status, text = post(server, "/predictions/tinychat", json.dumps(TORCHSERVE))
    assert (status, json.loads(text)) == (200, GREEK)
    few = json.dumps({"text_input": ["alpha beta", "The quick"], "max_tokens": 3, "max_new_tokens": 40})
    status, text = post(server, "/predictions/tinychat", few)
    assert status == 200
    found = json.loads(text)
    assert [whole.startswith(part) for whole, part in zip((GREEK, FOX), found, strict=True)] == [True, True]
    assert all(0 < len(part) < 30 for part in found)


def test_torchserve_s_predictions_stream_the_text_itself_as_chunks(server: Addresses) -> None:
    connection = HTTPConnection(*server.http, timeout=60)
    connection.request("POST", "/predictions/tinychat", json.dumps({**TORCHSERVE, "stream": True}))
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("transfer-encoding")) == (200, "chunked")
    assert answer.getheader("ts_stream_next") == "true"
    assert answer.getheader("content-type") == "text/plain; charset=utf-8"
    assert answer.read().decode() == GREEK
    connection.close()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"stream": "yes"}, "'stream' must be true or false"),
        ({"stream": True, "prompt": ["a", "b"]}, "a stream continues one prompt, and the request holds 2"),
        ({"stream": True, "temperature": 9}, "temperature must be a number from 0 to 2"),
        ({"stream": True, "max_new_tokens": 10**9}, "context of 256 tokens"),
        ({"top_k": [1]}, "parameter 'top_k' must be a number"),
        ({"prompt": 5}, "'prompt' must be a text"),
        ({"prompt": [5]}, "type: string"),
    ],
)
def test_what_torchserve_s_predictions_cannot_take_is_told_before_anything_is_streamed(
    server: Addresses, fields: Any, message: str
) -> None:
    status, text = post(server, "/predictions/tinychat", json.dumps({**TORCHSERVE, **fields}))
    told = json.loads(text)
    assert (status, told["code"], told["type"]) == (400, 400, "BadRequestException")
    assert message in told["message"]


@pytest.mark.parametrize("data", [b"alpha beta", json.dumps(TORCHSERVE).encode()])
def test_torchserve_s_stream_over_grpc_has_the_text_itself_in_its_messages(
    server: Addresses, data: bytes
) -> None:
    request = message_class(f"{TORCHSERVE_GRPC}.PredictionsRequest")
    answer = message_class(f"{TORCHSERVE_GRPC}.PredictionResponse")
    with grpc.insecure_channel(f"{server.grpc.host}:{server.grpc.port}") as channel:
        call = channel.unary_stream(
            f"/{TORCHSERVE_GRPC}.InferenceAPIsService/StreamPredictions",
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )
        asked = request(model_name="tinychat", input={"data": data})
        parts = [bytes(message.prediction) for message in call(asked, timeout=60)]
    assert b"".join(parts).decode() == GREEK


def test_torchserve_s_stream_of_requests_over_grpc_goes_on_after_one_that_cannot_be(
    server: Addresses,
) -> None:
    request = message_class(f"{TORCHSERVE_GRPC}.PredictionsRequest")
    answer = message_class(f"{TORCHSERVE_GRPC}.PredictionResponse")
    bodies = [{**TORCHSERVE, "temperature": 9}, TORCHSERVE]
    asked = [
        request(
            model_name="tinychat",
            input={"data": json.dumps(body).encode(), "ts_request_sequence_start": b"true"},
        )
        for body in bodies
    ]
    with grpc.insecure_channel(f"{server.grpc.host}:{server.grpc.port}") as channel:
        call = channel.stream_stream(
            f"/{TORCHSERVE_GRPC}.InferenceAPIsService/StreamPredictions2",
            request_serializer=request.SerializeToString,
            response_deserializer=answer.FromString,
        )
        refused, *parts = call(iter(asked), timeout=60)
    assert refused.status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert "temperature must be a number from 0 to 2" in refused.status.message
    assert b"".join(bytes(part.prediction) for part in parts).decode() == GREEK
