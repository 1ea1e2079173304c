"""`dragoman demo`: a classifier of handwritten digits, asked about a real image over HTTP."""

import asyncio
import errno
import json
import sys
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from cyclopts import Parameter
from cyclopts.validators import Number
from PIL import Image

from dragoman.assembly.app import App
from dragoman.assembly.run import run
from dragoman.cli.drawing import bar, draw, ramp
from dragoman.cli.failure import FailureError
from dragoman.cli.flags import Port
from dragoman.cli.serve import refusal
from dragoman.cli.view import say
from dragoman.core.errors import DragomanError
from dragoman.core.status import VersionStatus
from dragoman.settings.server import Listener, LogSettings, ServerSettings

DATA: Final = Path(__file__).parents[1] / "demo"
WIDTH: Final = 8  # pixels of a line
DARKEST: Final = 16  # the largest value a pixel of the training data has
PATH: Final = "/v1/models/digits"
TIMEOUT_S: Final = 10.0
SHOWN: Final = 3  # likeliest digits


def demo(
    *,
    port: Port | None = None,
    digit: Annotated[int, Parameter(validator=Number(gte=0, lte=9))] = 8,
    once: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Serve a classifier of handwritten digits, send it a real image and draw what it says.

    Parameters
    ----------
    port:
        The port to listen on; 0 takes any free one. [default: 8000, or any free one if that is in use]
    digit:
        Which of the ten images is sent.
    once:
        End after the first answer instead of serving until Ctrl-C.
    """
    listener = Listener() if port is None else Listener(port=port)
    try:
        try:
            run(settings(listener), DemoView(digit, once))
        except OSError as error:
            if port is not None or error.errno != errno.EADDRINUSE:
                raise
            say(f"port {listener.port} is in use, so the demo takes a free one")
            run(settings(Listener(port=0)), DemoView(digit, once))
    except (DragomanError, OSError) as error:
        raise refusal(error) from error


def settings(listener: Listener) -> ServerSettings:
    """A server of the digits model that logs only what goes wrong."""
    return ServerSettings(
        repository=str(DATA / "digits"), listeners=(listener,), log=LogSettings(level="warning")
    )


class DemoView:
    """Asks the server one question as soon as it is ready, and shows the answer."""

    def __init__(self, digit: int, once: bool) -> None:
        self._digit = digit
        self._once = once

    def changed(self, model: str, version: VersionStatus) -> None:
        """Nothing: there is one small model, and `ready` speaks of it."""

    async def ready(self, app: App) -> bool:
        """Send the image, draw the answer, print the requests to paste."""
        url = app.listeners[0].url
        pixels = read_pixels(DATA / "images" / f"digit-{self._digit}.png")
        answer = await asyncio.to_thread(predict, url, pixels)
        say(f"a handwritten {self._digit} that the model never saw, sent to {url}{PATH}:predict", "")
        say(*picture(pixels, answer, ramp(sys.stdout.encoding)), "")
        if self._once:
            return False
        say("Try it in a second terminal:", "", *curl_lines(url, pixels), "")
        say("Ctrl-C ends the demo.", f"listening on {url}")
        return True

    def draining(self) -> None:
        """Nothing: whoever ended the demo knows it."""


def read_pixels(file: Path) -> list[int]:
    """The image's pixels, row by row, as numbers from 0 to DARKEST."""
    with Image.open(file) as image:
        return [round(grey * DARKEST / 255) for grey in image.convert("L").tobytes()]


def predict(url: str, pixels: Sequence[int]) -> dict[str, Any]:
    """What the server says of the image: its outputs by name, each for one image."""
    body = json.dumps({"inputs": [pixels]})
    connection = HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{PATH}:predict", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
    except (OSError, HTTPException) as error:
        raise FailureError(f"the server at {url} does not answer: {error}") from error
    finally:
        connection.close()
    if answer.status != 200:
        raise FailureError(f"the server answers {answer.status}: {text.decode(errors='replace')}")
    return {name: values[0] for name, values in json.loads(text)["outputs"].items()}


def picture(pixels: Sequence[int], answer: dict[str, Any], shades: str) -> Iterator[str]:
    """The image, and beside it the label and the likeliest digits with their probabilities."""
    likely = sorted(enumerate(answer["probabilities"]), key=lambda pair: -pair[1])[:SHOWN]
    beside = [
        "",
        f"prediction: {answer['label']}   confidence: {likely[0][1]:.2%}",
        "",
        *(f"{digit}  {part:7.2%}  {bar(part, shades)}" for digit, part in likely),
        "",
        "",
    ]
    for line, text in zip(draw(pixels, WIDTH, DARKEST, shades), beside, strict=True):
        yield f"    {line}    {text}".rstrip()


def curl_lines(url: str, pixels: Sequence[int]) -> Iterator[str]:
    """Requests to paste: the same image, the same as a classification, and the model's state."""
    image = json.dumps(pixels, separators=(",", ":"))
    yield f"curl -d '{{\"inputs\": [{image}]}}' {url}{PATH}:predict"
    features = json.dumps([float(pixel) for pixel in pixels], separators=(",", ":"))
    example = f'{{"signature_name": "classify_digit", "examples": [{{"image": {features}}}]}}'
    yield f"curl -d '{example}' {url}{PATH}:classify"
    yield f"curl {url}{PATH}"
