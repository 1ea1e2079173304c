"""What has become of the texts that a model of another server was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from dragoman.core.errors import Code, DragomanError
from dragoman.core.generation import Usage
from dragoman.core.requests import ChatRequest, CoreRequest, GenerateRequest
from dragoman.core.statistics import TextCounts


class Tally:
    """Counters for the event loop's thread."""

    def __init__(self) -> None:
        self._running = 0
        self._finished = 0
        self._cancelled = 0
        self._failed = 0
        self._used = Usage()

    @contextmanager
    def counted(self, request: CoreRequest) -> Iterator[None]:
        """Count the request's texts while they are written, and by what becomes of them."""
        texts = texts_asked(request)
        self._running += texts
        try:
            yield
        except DragomanError as error:
            if error.code is Code.DEADLINE_EXCEEDED:
                self._cancelled += texts
            else:
                self._failed += texts
            raise
        except BaseException:  # nobody waits any more
            self._cancelled += texts
            raise
        else:
            self._finished += texts
        finally:
            self._running -= texts

    def used(self, usage: Usage) -> None:
        """So many tokens were told."""
        self._used.prompt_tokens += usage.prompt_tokens
        self._used.completion_tokens += usage.completion_tokens

    def counts(self, places: int, waiting: int) -> TextCounts:
        """All of it as it is now."""
        return TextCounts(
            places,
            self._running,
            waiting,
            self._finished,
            self._cancelled,
            self._failed,
            self._used.prompt_tokens,
            self._used.completion_tokens,
        )


def texts_asked(request: CoreRequest) -> int:
    """How many texts a request wants."""
    if isinstance(request, GenerateRequest):
        return request.asked.texts * len(request.prompts)
    return request.asked.texts if isinstance(request, ChatRequest) else 0
