"""OpenAI's own SDK through a server before another: it is told what the one behind would have told it."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.clients.conftest import Told, ready, run
from tests.clients.environments import GENAI, OPENAI
from tests.clients.test_openai import BUSY, CLOSED, KEY, base
from tests.engines.text_models import write_models
from tests.server_process import Address, serving

pytestmark = pytest.mark.clients

# Whole answers, streams, the SDK's exceptions and its retries; explanations stay with the model.
CALLS: Final = (
    "models", "chat", "chat_stream", "chat_asynchronous", "helper_stream", "completions", "embeddings",
    "scored", "other_prefixes", "failures", "overload",
)  # fmt: skip
FRONT: Final = """
external: {{origins: ["{origin}"]}}
models:
- {{name: tinychat, external: {{url: "{origin}/v1", protocol: openai{key}}}}}
- {{name: tinyembed, external: {{url: "{origin}/v1", protocol: openai, task: embeddings{key}}}}}
"""


def before(address: Address, file: Path, *, closed: bool) -> list[str]:
    """The arguments of a server before that one; `closed` = both want a key."""
    origin = f"http://{address.host}:{address.port}"
    settings = FRONT.format(origin=origin, key=", key: {env: KEY_BEHIND}" if closed else "")
    file.write_text(settings + (CLOSED if closed else ""), encoding="utf-8")
    return ["--config", str(file)]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Told, Told]]:
    """What the SDK told of three servers, and of three before them."""
    folder = tmp_path_factory.mktemp("external")
    models, busy = write_models(folder / "models"), write_models(folder / "busy")
    (busy / "tinychat" / "model.yaml").write_text(BUSY, encoding="utf-8")
    (folder / "closed.yaml").write_text(CLOSED, encoding="utf-8")
    paths = [str(ready(GENAI).site_packages), *filter(None, [os.environ.get("PYTHONPATH")])]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setenv("PYTHONPATH", os.pathsep.join(paths))
        patch.setenv("KEY_BEHIND", KEY)
        behind, front = [], []
        for number, arguments in enumerate(
            [[str(models)], [str(busy)], [str(models), "--config", str(folder / "closed.yaml")]]
        ):
            server = stack.enter_context(serving(arguments, folder / f"{number}.log")).http
            calling = before(server, folder / f"front{number}.yaml", closed=number == 2)
            behind.append(server)
            front.append(stack.enter_context(serving(calling, folder / f"front{number}.log")).http)
        patch.undo()
        one, other = (
            run(ready(OPENAI), "openai_calls.py", *map(base, all_), KEY) for all_ in (behind, front)
        )
        yield one, other


@pytest.mark.parametrize("call", CALLS)
def test_the_sdk_is_told_the_same(told: tuple[Told, Told], call: str) -> None:
    behind, front = told
    assert front[call] == behind[call]
