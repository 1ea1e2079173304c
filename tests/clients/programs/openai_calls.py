"""OpenAI's SDK against a server of tinychat: python openai_calls.py BASE_URL BUSY_URL CLOSED_URL KEY."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import openai
from answers import tell
from openai import AsyncOpenAI, OpenAI

MODEL = "tinychat"
JAPAN = [{"role": "user", "content": "What is the capital of Japan?"}]
COMMON: Any = {"model": MODEL, "temperature": 0, "max_tokens": 40}


def client(url: str, key: str = "none", **options: Any) -> OpenAI:
    return OpenAI(base_url=url, api_key=key, **options)


def models(url: str, *_: str) -> Any:
    ours = client(url).models
    return [model.id for model in ours.list()], ours.retrieve(MODEL).object


def chat(url: str, *_: str) -> Any:
    answer = client(url).chat.completions.create(messages=JAPAN, **COMMON)
    choice, usage = answer.choices[0], answer.usage
    return {
        "text": choice.message.content,
        "role": choice.message.role,
        "reason": choice.finish_reason,
        "usage": [usage.prompt_tokens, usage.completion_tokens, usage.total_tokens],
        "has_request_id": bool(answer._request_id),
        "object": answer.object,
    }


def chat_stream(url: str, *_: str) -> Any:
    stream = client(url).chat.completions.create(
        messages=JAPAN, stream=True, stream_options={"include_usage": True}, **COMMON
    )
    chunks = list(stream)
    return {
        "text": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "first_role": chunks[0].choices[0].delta.role,
        "reasons": [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason],
        "usage": chunks[-1].usage.completion_tokens,
        "pieces": len(chunks),
    }


def chat_asynchronous(url: str, *_: str) -> Any:
    async def whole() -> Any:
        async with AsyncOpenAI(base_url=url, api_key="none") as ours:
            one = ours.chat.completions.create(messages=JAPAN, **COMMON)
            stream = await ours.chat.completions.create(messages=JAPAN, stream=True, **COMMON)
            pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]
            return (await one).choices[0].message.content, "".join(pieces)

    return asyncio.run(whole())


def helper_stream(url: str, *_: str) -> Any:
    """The SDK's own way to follow a stream, which keeps account of its events."""
    with client(url).chat.completions.stream(messages=JAPAN, **COMMON) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()
    return sorted(kinds), final.choices[0].message.content


def completions(url: str, *_: str) -> Any:
    ours = client(url).completions
    several = ours.create(prompt=["alpha beta", "The quick brown"], logprobs=1, **COMMON)
    tokens = ours.create(prompt=[386, 387], echo=True, **COMMON)
    stopped = ours.create(prompt="alpha beta", stop=["lta e"], stream=True, **COMMON)
    wild = {**COMMON, "temperature": 2.0, "seed": 5}
    seeded = [ours.create(prompt="alpha", **wild).choices[0].text for _ in range(2)]
    return {
        "texts": [choice.text for choice in several.choices],
        "tokens": "".join(several.choices[1].logprobs.tokens),
        "echo": tokens.choices[0].text,
        "stopped": "".join(chunk.choices[0].text for chunk in stopped),
        "same": seeded[0] == seeded[1],
    }


def explained(url: str, *_: str) -> Any:
    """A key of ours in the body, and one in the answer, which the SDK lets through."""
    ours = client(url, max_retries=0).completions
    question = "<|user|>What is the capital of Japan?<|end|><|assistant|>"
    answer = ours.create(prompt=question, extra_body={"explain": True}, **COMMON)
    (told,) = answer.explanations
    likeliest = max(range(len(told["tokens"])), key=told["scores"].__getitem__)
    streamed = raised(ours.create, prompt="a", stream=True, extra_body={"explain": True}, **COMMON)
    return told["target"], told["tokens"][likeliest], streamed


def forced(url: str, *_: str) -> Any:
    """A call of a tool that the caller names, whole and as the SDK's own helper puts a stream together."""
    schema = {"type": "object", "properties": {"city": {"enum": ["Tokyo"]}}, "required": ["city"]}
    asked: Any = {
        "model": MODEL, "messages": JAPAN, "temperature": 2, "top_p": 1, "seed": 0, "max_tokens": 200,
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": schema}}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }  # fmt: skip
    ours = client(url).chat.completions
    whole = ours.create(**asked).choices[0].message.tool_calls[0].function
    with ours.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0].message.tool_calls[0].function
    return [[call.name, call.arguments] for call in (whole, streamed)]


def embeddings(url: str, *_: str) -> Any:
    """The SDK asks for base64 where its caller names no form, and decodes it."""
    ours = client(url, max_retries=0).embeddings
    asked: Any = {"model": "tinyembed", "input": ["alpha beta", "Say hello."]}
    usual, numbers = ours.create(**asked), ours.create(encoding_format="float", **asked)
    alone = client(url.replace("/v1", "/v3")).embeddings.create(model="tinyembed", input="Say hello.")
    vectors = [each.embedding for each in usual.data]
    return {
        "counts": [len(vector) for vector in vectors],
        "furthest": max(
            abs(one - other)
            for vector, told in zip(vectors, numbers.data, strict=True)
            for one, other in zip(vector, told.embedding, strict=True)
        ),
        "alone": max(
            abs(one - other) for one, other in zip(vectors[1], alone.data[0].embedding, strict=True)
        ),
        "usage": [usual.usage.prompt_tokens, usual.usage.total_tokens],
        "chat_model": raised(ours.create, model=MODEL, input="x"),
        "chat": raised(client(url, max_retries=0).chat.completions.create, model="tinyembed", messages=JAPAN),
        "dimensions": raised(ours.create, dimensions=8, **asked),
        "context": raised(ours.create, model="tinyembed", input="a " * 400),
        "empty": raised(ours.create, model="tinyembed", input=["a", ""]),
    }


def scored(url: str, *_: str) -> Any:
    answer = client(url).chat.completions.create(messages=JAPAN, logprobs=True, **COMMON)
    content = answer.choices[0].logprobs.content
    return "".join(entry.token for entry in content), all(-1 < entry.logprob <= 0 for entry in content)


def other_prefixes(url: str, *_: str) -> Any:
    root = url.removesuffix("/v1")
    return [
        client(root + prefix).chat.completions.create(messages=JAPAN, **COMMON).choices[0].message.content
        for prefix in ("/v3", "/v3/v1", "/openai/v1")
    ]


def raised(call: Any, **given: Any) -> Any:
    try:
        call(**given)
    except openai.APIStatusError as error:
        return [type(error).__name__, error.status_code, error.type, error.param, error.code]
    return None


def failures(url: str, busy: str, closed: str, key: str) -> Any:
    chats = client(url, max_retries=0).chat.completions
    locked = client(closed, "a wrong key", max_retries=0).chat.completions
    opened = client(closed, key, max_retries=0).chat.completions
    return {
        "temperature": raised(chats.create, messages=JAPAN, **{**COMMON, "temperature": 3}),
        "messages": raised(chats.create, messages=[], **COMMON),
        "role": raised(chats.create, messages=[{"role": "robot", "content": "x"}], **COMMON),
        "context": raised(chats.create, messages=[{"role": "user", "content": "a " * 400}], **COMMON),
        "max_tokens": raised(chats.create, messages=JAPAN, **{**COMMON, "max_tokens": 10**9}),
        "model": raised(chats.create, messages=JAPAN, **{**COMMON, "model": "nobody"}),
        "bias": raised(chats.create, messages=JAPAN, logit_bias={"5": 1}, **COMMON),
        "stream": raised(chats.create, messages=[], stream=True, **COMMON),
        "key": raised(locked.create, messages=JAPAN, **COMMON),
        "right_key": opened.create(messages=JAPAN, **COMMON).choices[0].message.content,
    }


def overload(url: str, busy: str, *_: str) -> Any:
    """A server with room for one: who does not try again is told so, and who does gets an answer."""

    def one(retries: int) -> Any:
        asked = {"prompt": "alpha", "max_tokens": 200, "extra_body": {"ignore_eos": True}}
        return raised(client(busy, max_retries=retries).completions.create, **{**COMMON, **asked})

    with ThreadPoolExecutor(12) as threads:
        impatient = list(threads.map(one, [0] * 12))
        patient = list(threads.map(one, [20] * 6))
    return [told for told in impatient if told][:1], patient


if __name__ == "__main__":
    tell(
        models, chat, chat_stream, chat_asynchronous, helper_stream, completions, explained, forced,
        embeddings, scored, other_prefixes, failures, overload,
    )  # fmt: skip
