"""Stands where vLLM's command stands: `vllm serve FOLDER --uds SOCKET ...`, OpenAI's API on a Unix socket.

It computes nothing. FOLDER/standin.json says what it writes and how it fails:

    start   well | never (it listens, and is never well) | exits
    texts   by a prompt's tokens, those that follow
    acts    by a prompt's tokens: refuses; or after two tokens dies | hangs | garbled | untold | tells

What it is asked goes to FOLDER/asked.jsonl, each of its starts to FOLDER/starts, callers that went to
FOLDER/gone.
"""

import asyncio
import base64
import json
import os
import struct
import sys
from pathlib import Path
from typing import Any

END = 2
FEW = 2  # tokens, after which it fails where it is to


class StandIn:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.script = json.loads((folder / "standin.json").read_text(encoding="utf-8"))

    def note(self, file: str, text: str) -> None:
        with (self.folder / file).open("a", encoding="utf-8") as noted:
            noted.write(text + "\n")

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                method, path, _ = lines[0].split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if method == "GET":
                    await self.look(writer, path)
                else:
                    asked = json.loads(body)
                    self.note("asked.jsonl", json.dumps({**asked, "path": path}))
                    await self.reply(path, reader, writer, asked)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def look(self, writer: asyncio.StreamWriter, path: str) -> None:
        if path == "/health":
            await whole(writer, 503 if self.script["start"] == "never" else 200, b"")
        else:
            card = {"id": "model", "object": "model", "max_model_len": self.script.get("context", 256)}
            await whole(writer, 200, json.dumps({"object": "list", "data": [card]}).encode())

    async def reply(
        self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[str, Any]
    ) -> None:
        if path == "/v1/embeddings":
            await whole(writer, 200, json.dumps(vectors(asked)).encode())
        else:
            await self.complete(reader, writer, asked)

    async def complete(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asked: dict[str, Any]
    ) -> None:
        if "dumb" in self.script and not asked.get("stream"):
            return await whole(writer, 500, b"")
        key = " ".join(map(str, asked["prompt"]))
        act = self.script["acts"].get(key, "")
        if act == "refuses":
            error = {"message": "the grammar is not known", "type": "BadRequestError", "code": 400}
            return await whole(writer, 400, json.dumps({"error": error}).encode())
        if not asked.get("stream"):
            return await whole(writer, 200, json.dumps(scores(asked)).encode())
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n")
        writer.write(b"transfer-encoding: chunked\r\n\r\n")
        watch = asyncio.ensure_future(reader.read(1))
        follow = self.script["texts"].get(key, [7] * 1000)
        for place, token in enumerate(follow[: asked["max_tokens"]]):
            if act and place == FEW:
                await self.fail(writer, act)
            last = place + 1 == asked["max_tokens"] or place + 1 == len(follow)
            stops = token in asked["stop_token_ids"]
            reason = "stop" if stops else "length" if last else None
            await event(writer, chunk(token, reason))
            if reason:
                break
            await asyncio.sleep(self.script.get("pause_s", 0))
            if watch.done():
                self.note("gone", key)
                raise ConnectionError
        await part(writer, b"data: [DONE]\n\n")
        await part(writer, b"")
        watch.cancel()
        await asyncio.gather(watch, return_exceptions=True)

    async def fail(self, writer: asyncio.StreamWriter, act: str) -> None:
        if act == "dies":
            os._exit(13)
        if act == "hangs":
            await asyncio.Event().wait()
        if act == "garbled":
            await part(writer, b"data: {no json\n\n")
        if act == "untold":
            await event(writer, {"choices": [{"index": 0, "text": "x", "finish_reason": None}]})
        if act == "tells":
            await event(writer, {"error": {"message": "out of memory", "code": 500}})


def chunk(token: int, reason: str | None) -> dict[str, Any]:
    logprobs = {"tokens": ["?"], "token_logprobs": [-0.25], "top_logprobs": [None], "text_offset": [0]}
    choice = {"index": 0, "text": "?", "token_ids": [token], "logprobs": logprobs, "finish_reason": reason}
    return {"id": "cmpl-1", "object": "text_completion", "choices": [choice]}


def scores(asked: dict[str, Any]) -> dict[str, Any]:
    """Each token of the prompt is the second at its place, behind token 9."""
    wanted = asked.get("prompt_logprobs")
    places: list[dict[str, Any] | None] = [None]
    for token in asked["prompt"][1:]:
        others = {"9": {"logprob": -0.125, "rank": 1}} if wanted else {}
        places.append({**others, str(token): {"logprob": -0.5, "rank": 2, "decoded_token": "?"}})
    return {"choices": [{"index": 0, "text": "?", "prompt_logprobs": places, "finish_reason": "length"}]}


def vectors(asked: dict[str, Any]) -> dict[str, Any]:
    """Of each text how many tokens it has, its first and its last; in any order."""
    rows = [struct.pack("<3f", len(ids), ids[0], ids[-1]) for ids in asked["input"]]
    data = [{"index": place, "embedding": base64.b64encode(row).decode()} for place, row in enumerate(rows)]
    return {"object": "list", "data": data[::-1]}


async def whole(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    head = f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    await writer.drain()


async def event(writer: asyncio.StreamWriter, document: dict[str, Any]) -> None:
    await part(writer, b"data: " + json.dumps(document).encode() + b"\n\n")


async def part(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


async def main(arguments: list[str]) -> None:
    assert arguments[0] == "serve"
    standin = StandIn(Path(arguments[1]))
    standin.note("starts", f"{os.getpid()} {' '.join(arguments[2:])}")
    print("the stand-in begins", flush=True)
    if standin.script["start"] == "exits":
        sys.exit(4)
    server = await asyncio.start_unix_server(standin.answer, arguments[arguments.index("--uds") + 1])
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
