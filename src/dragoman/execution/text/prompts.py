"""From what was asked to tokens: the template, the tokenizer, and whether the model has room for it."""

from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import Reason
from dragoman.core.generation import Asked, Finish, Ids, refused
from dragoman.core.requests import ChatRequest, GenerateRequest
from dragoman.engines.base import TextModel
from dragoman.execution.text.markup import THINK, CallsAlone, Markup
from dragoman.execution.text.template import Renderer
from dragoman.settings.model import TextSettings


class Prepared(Struct):
    """Prompts as tokens, what is asked of each, and their texts where those are shown.

    `thinks`, `reads_tools` = thoughts and calls of tools are looked for in what is written; `calls_end` = it
    is nothing but calls, and ends for this reason.
    """

    prompts: Sequence[Ids]
    asked: Asked
    shown: Sequence[str] = ()
    thinks: bool = False
    reads_tools: bool = False
    begins_in_thought: bool = False
    calls_end: Finish | None = None

    def markup(self) -> Markup | CallsAlone | None:
        """What reads the marks of one text; None = they are not looked for."""
        if self.calls_end is not None:
            return CallsAlone(self.calls_end)
        if not (self.thinks or self.reads_tools):
            return None
        return Markup(thinks=self.thinks, calls=self.reads_tools, begun=self.begins_in_thought)

    @property
    def count(self) -> int:
        """How many texts are to be written."""
        return len(self.prompts) * self.asked.texts


class Preparation:
    """Makes prompts for one model. Used on several threads."""

    def __init__(self, model: TextModel, settings: TextSettings, name: str) -> None:
        self._model = model
        self._settings = settings
        self._name = name
        template = model.template
        self._renderer = None if template is None else Renderer(template.source, template.variables, name)

    def prepare(self, request: GenerateRequest | ChatRequest) -> Prepared:
        """The prompts of a request.

        Errors: INVALID_ARGUMENT naming the field.
        """
        if isinstance(request, ChatRequest):
            return self._chat(request)
        asked = request.asked
        prompts = [self._prompt(prompt) for prompt in request.prompts]
        shown = [self._shown(prompt) for prompt in request.prompts] if asked.echo else ()
        return Prepared(prompts, self._with_room(asked, prompts), shown)

    def _chat(self, request: ChatRequest) -> Prepared:
        if self._renderer is None:
            raise refused(
                "messages",
                f"model {self._name} has no chat template: chat_template.jinja is missing, and "
                "tokenizer_config.json has none",
            )
        text = self._renderer.render(request.messages, request.variables)
        if request.continues:
            text = unfinished(text, request.messages[-1])
        prompts = [self._tokens(text, "messages", special=False)]
        thinks = self._settings.reasoning_parser == "think"
        reads_tools = request.reads_tools and self._settings.tool_parser == "hermes"
        return Prepared(
            prompts,
            self._with_room(request.asked, prompts),
            thinks=thinks,
            reads_tools=reads_tools,
            begins_in_thought=text.rstrip().endswith(THINK),
            calls_end=request.calls_end,
        )

    def _prompt(self, prompt: str | Ids) -> Ids:
        if isinstance(prompt, str):
            return self._tokens(prompt, "prompt", special=True)
        size = self._model.tokenizer.size
        for token in prompt:
            if not 0 <= token < size:
                raise refused("prompt", f"there is no token {token}: model {self._name} has {size}")
        if not prompt:
            raise refused("prompt", "a prompt has no tokens")
        return prompt

    def _tokens(self, text: str, param: str, *, special: bool) -> list[int]:
        try:
            ids = self._model.tokenizer.encode(text, special=special)
        except UnicodeEncodeError:
            raise refused(param, f"{param} holds half a surrogate pair, which is no text") from None
        if not ids:
            raise refused(param, f"{param} is empty")
        return ids

    def _shown(self, prompt: str | Ids) -> str:
        return prompt if isinstance(prompt, str) else self._model.tokenizer.decode(prompt, special=True)

    def _with_room(self, asked: Asked, prompts: Sequence[Ids]) -> Asked:
        """What is asked, with how many tokens may be written where that was left open."""
        context = self._model.traits.context
        longest = max(map(len, prompts))
        wanted = asked.sampling.max_tokens
        least = 1 if wanted is None else wanted
        if longest + least > context:
            raise refused(
                asked.names.get("prompt", "prompt"),
                f"model {self._name} has a context of {context} tokens; the prompt has {longest}, "
                + ("which leaves no room" if wanted is None else f"and {wanted} more were asked for"),
                Reason.CONTEXT_EXCEEDED,
            )
        if wanted is None:
            wanted = min(context - longest, self._settings.max_new_tokens)
        sampling = asked.sampling
        return replace(asked, sampling=replace(sampling, max_tokens=wanted))


def unfinished(text: str, last: Mapping[str, object]) -> str:
    """A prompt without what the template puts behind the last message.

    Errors: INVALID_ARGUMENT where the template does not show that message as it is.
    """
    said = str(last["content"]).strip()
    at = text.rfind(said)
    if at < 0:
        raise refused("continue_final_message", "the chat template does not show the last message as it is")
    return text[: at + len(said)]
