"""What a caller asks of a model, whichever protocol carried it."""

import enum
from collections.abc import Mapping, Sequence

from msgspec import Struct

from dragoman.core.explanation import Wish
from dragoman.core.generation import Asked, Finish, Ids
from dragoman.core.tensors import Tensor


class Kind(enum.Enum):
    """What the caller supplied; never which protocol it came by."""

    TENSORS = "tensors"
    EXAMPLES = "examples"
    PAYLOAD = "payload"
    TREE = "tree"
    GENERATE = "generate"
    CHAT = "chat"
    EMBED = "embed"
    TOKENIZE = "tokenize"
    RANK = "rank"


class Verb(enum.Enum):
    """What is done with the model."""

    INFER = "infer"
    EXPLAIN = "explain"


class Target(Struct, frozen=True):
    """Which model is meant. At most one of `version`, `version_name` and `label`; none = the highest ready.

    `model` empty = the only one that serves, if just one does.
    `signature` None = the default one. `zero_means_latest`: version 0 counts as not given unless a version 0
    is loaded, which is how OpenVINO Model Server's clients say "none".
    """

    model: str
    version: int | None = None
    label: str | None = None
    signature: str | None = None
    zero_means_latest: bool = False
    version_name: str | None = None  # as the model's own files call it; else the number as a text


Scalar = bool | int | float | str


class TensorRequest(Struct):
    """Named tensors for one signature. `outputs` None = all of the signature's.

    `parameters` = what the caller says to the model besides; None = nothing.
    """

    signature: str
    inputs: Mapping[str, Tensor]
    outputs: Sequence[str] | None = None
    parameters: Mapping[str, Scalar] | None = None


class FeatureKind(enum.Enum):
    """The three lists that a tf.train.Feature can hold."""

    BYTES = "bytes"
    FLOAT = "float"
    INT64 = "int64"


class Feature(Struct, frozen=True):
    """The values of one feature of one example."""

    kind: FeatureKind
    values: Sequence[bytes] | Sequence[float] | Sequence[int]


class ExampleRequest(Struct):
    """Feature maps, one per example, for classify and regress."""

    signature: str
    examples: Sequence[Mapping[str, Feature]]


class PayloadPart(Struct, frozen=True):
    """One named part of a body, as it was sent; `media_type` None = none was said."""

    name: str
    data: bytes | bytearray | memoryview
    media_type: str | None = None


class PayloadRequest(Struct):
    """A body for a model that reads bodies itself. `headers` are the caller's, spelt as it spelt them."""

    signature: str
    parts: Sequence[PayloadPart]
    headers: Mapping[str, str] = {}


class TreeRequest(Struct):
    """Rows of JSON values of any form, for a model that no signature describes."""

    signature: str
    rows: Sequence[object]
    headers: Mapping[str, str] = {}


class GenerateRequest(Struct):
    """Prompts to be continued, each a text or the tokens of one."""

    signature: str
    prompts: Sequence[str | Ids]
    asked: Asked = Asked()


class ChatRequest(Struct):
    """A conversation to be continued. A message is as the model's template reads it: a role and a content.

    `variables` are the template's besides: tools, documents, whether a turn is begun. `reads_tools`: calls of
    tools are looked for in what is written. `continues`: the last message goes on, and is not ended.
    `calls_end`: what is written is nothing but calls of tools, in JSON, and this is why it ends then.
    """

    signature: str
    messages: Sequence[Mapping[str, object]]
    variables: Mapping[str, object] = {}
    asked: Asked = Asked()
    reads_tools: bool = False
    continues: bool = False
    calls_end: Finish | None = None


class EmbedRequest(Struct):
    """Texts whose vectors are wanted, each a text or the tokens of one. `dimensions` None = whole vectors."""

    signature: str
    inputs: Sequence[str | Ids]
    dimensions: int | None = None


class RankRequest(Struct):
    """A query, and documents of which is wanted how well each fits it."""

    signature: str
    query: str
    documents: Sequence[str]


class TokenizeRequest(Struct):
    """Texts whose tokens are wanted; `special` = with those that the model wants around a text."""

    signature: str
    texts: Sequence[str]
    special: bool = True


class ExplainRequest(Struct):
    """A request whose answer is to be explained."""

    signature: str
    request: "CoreRequest"
    wish: Wish = Wish()


CoreRequest = (
    TensorRequest
    | ExampleRequest
    | PayloadRequest
    | TreeRequest
    | GenerateRequest
    | ChatRequest
    | EmbedRequest
    | TokenizeRequest
    | RankRequest
    | ExplainRequest
)
