"""Settings of models that live in other servers: where, how they are called, and which servers may be."""

import re
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct, field

from dragoman.settings.model import DTypeName, NotNegative, Positive, PositiveSeconds, Seconds

MIB = 1024 * 1024
Size = Annotated[int, Meta(ge=-1)]
# Without IGNORECASE: under it the letters from \x7f on have s and k among them, as U+017F and U+212A.
URL: Final = re.compile(
    r"([Hh][Tt]{2}[Pp][Ss]?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::([1-9][0-9]{0,4}))?"
    r"(/[^?#\\\x00-\x20\x7f-\U0010ffff]*)?"
)
PORTS: Final = {"http": "80", "https": "443"}


def origin_of(url: str) -> str | None:
    """Scheme, host and port of a server's URL, the usual port left out; None = that is none."""
    found = URL.fullmatch(url)
    if found is None:
        return None
    scheme, host, port = found[1].lower(), found[2].lower(), found[3]
    return f"{scheme}://{host}" if port in (None, PORTS[scheme]) else f"{scheme}://{host}:{port}"


class KeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key that is shown to another server, in exactly one of a file and an environment variable."""

    file: str | None = None  # holds the key in its first line; read again when it changes
    env: str | None = None  # a variable that holds the key
    header: str = ""  # a header that it is sent in as it is, as X-API-Key; empty = Authorization: Bearer
    username: str = ""  # then the key is this user's password: Authorization: Basic


class ExternalTensor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input or output. `shape` with its first axis, which is the rows; -1 = any size."""

    dtype: DTypeName
    shape: tuple[Size, ...]


class ExternalSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A model of another server, in the place of `path`. Its origin has to be one of `external.origins`."""

    # Of OpenAI's API where its paths begin, as https://host/v1; else the server's own, as https://host
    url: str
    protocol: Literal["openai", "v1", "v2"]
    # openai: text = prompts and chats, chat = chats alone (prompts become chats), embeddings = vectors
    task: Literal["text", "chat", "embeddings"] = "text"
    model: str = ""  # what it is called there; empty = as here
    version: str = ""  # v1, v2: its version there; empty = none is named
    key: KeySettings | None = None  # None = no key is shown to it
    ca_file: str = ""  # authorities in PEM form that its certificate is checked by; empty = the system's
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"  # openai: of chats
    dimensions: tuple[Positive, ...] = ()  # openai: lengths that its vectors may be cut to
    inputs: dict[str, ExternalTensor] = field(default_factory=dict)  # v1: of rows; empty = JSON goes as it is
    outputs: dict[str, ExternalTensor] = field(default_factory=dict)  # v1: along with `inputs`
    connect_timeout_s: PositiveSeconds = 5.0
    timeout_s: PositiveSeconds = (
        60.0  # for a whole answer, or the head of a stream; the caller's deadline goes first
    )
    idle_timeout_s: PositiveSeconds = 60.0  # between two parts of a stream
    retries: NotNegative = 2  # where sending again is safe
    answer_bytes: Positive = 256 * MIB  # of one answer
    connections: Positive = 256  # at once; further calls wait for one
    failures: Positive = 5  # in a row, after which it is not called for `open_s`
    open_s: PositiveSeconds = 10.0
    check_s: Seconds = 10.0  # how often it is asked whether it is well; 0 = never


class ExternalRules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which other servers models may live in. Nothing else is ever called; redirects are not followed."""

    origins: tuple[str, ...] = ()  # scheme, host and port, as https://api.example or http://10.1.0.7:8000
    networks: tuple[
        str, ...
    ] = ()  # not public ones that names may lead to, such as 10.1.0.0/16 or 127.0.0.0/8
