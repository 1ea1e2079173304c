"""Chat templates: Jinja that comes with a model, which is somebody else's program.

It is rendered in Jinja's immutable sandbox, with what transformers gives templates and less of what can grow
without end. It may take `MOST_S` and write `MOST_CHARS`; the clock is looked at in every turn of a loop and
at every call, and whatever makes texts longer is measured.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from time import monotonic
from typing import Final

from dragoman.core.errors import Code, DragomanError
from dragoman.execution.text.bounds import CHECK, MOST_CHARS, MOST_S, OverLimitError, TemplateRefusal

MOST_MESSAGE_CHARS: Final = 1024

Clock = Callable[[], float]


class Renderer:
    """A model's template, compiled. Used on several threads.

    Errors: INVALID_ARGUMENT for what is no template.
    """

    def __init__(
        self, source: str, variables: Mapping[str, str], model: str, clock: Clock = monotonic
    ) -> None:
        from dragoman.execution.text.sandbox import compile_template  # noqa: PLC0415 (Jinja is an extra)

        self._variables, self._model, self._clock = variables, model, clock
        self._template = compile_template(source, model)

    def render(self, messages: Sequence[Mapping[str, object]], variables: Mapping[str, object]) -> str:
        """The prompt.

        Errors: INVALID_ARGUMENT where the template does not take the messages, or goes beyond its limits.
        """
        end_s = self._clock() + MOST_S

        def check() -> None:
            if self._clock() > end_s:
                raise OverLimitError(f"it took longer than {MOST_S:g} s")

        given = {"add_generation_prompt": True, **variables, **self._variables, "messages": messages}
        try:
            return bounded_text(self._template.generate(given | {CHECK: check}), check)
        except TemplateRefusal as error:
            raise self._refusal(f"refuses the messages: {error}") from None
        except (OverLimitError, MemoryError, RecursionError) as error:
            raise self._refusal(f"was stopped: {error or type(error).__name__}") from None
        except Exception as error:  # whatever a template's expressions come to
            raise self._refusal(f"fails: {type(error).__name__}: {error}") from None

    def _refusal(self, what: str) -> DragomanError:
        message = f"the chat template of model {self._model} {what}"
        return DragomanError(Code.INVALID_ARGUMENT, message[:MOST_MESSAGE_CHARS], param="messages")


def bounded_text(parts: Iterable[str], check: Callable[[], None]) -> str:
    """The parts as one text."""
    kept: list[str] = []
    size = 0
    for part in parts:
        check()
        size += len(part)
        if size > MOST_CHARS:
            raise OverLimitError(f"it wrote more than {MOST_CHARS} characters")
        kept.append(part)
    return "".join(kept)
