"""`dragoman chat`: a conversation with a model of a running server, in the terminal."""

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from dragoman.cli.client import DEFAULT_URL

Temperature = Annotated[float | None, Parameter(validator=Number(gte=0, lte=2))]
Tokens = Annotated[int | None, Parameter(name="--max-tokens", validator=Number(gte=1))]


def chat(
    model: str,
    /,
    *words: str,
    system: str = "",
    temperature: Temperature = None,
    max_tokens: Tokens = None,
    seed: int | None = None,
    url: str = DEFAULT_URL,
) -> None:
    """Talk to a model; what it says is shown as it comes.

    Parameters
    ----------
    model:
        The model, as `mychat`, or one version of it, as `mychat@2`.
    words:
        What is said. Without any, each line of standard input is a turn; an empty line begins anew.
    system:
        What the model is told before the conversation.
    temperature:
        How freely it chooses its words, from 0, not at all, to 2.
    max_tokens:
        How much it may say in one turn.
    seed:
        A number that makes it say the same again.
    url:
        Where the server listens.
    """
    from dragoman.cli.conversation import Conversation, converse  # noqa: PLC0415  not for --help to wait for

    asked = {"temperature": temperature, "max_tokens": max_tokens, "seed": seed}
    given = {name: value for name, value in asked.items() if value is not None}
    converse(Conversation(url, model, system, given), " ".join(words))
