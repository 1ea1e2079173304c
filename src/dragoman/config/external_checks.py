"""Mistakes in what settings say of models that live in other servers."""

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Final

from dragoman.settings.external import (
    ExternalRules,
    ExternalSettings,
    ExternalTensor,
    KeySettings,
    origin_of,
)

HEADER: Final = re.compile(r"[A-Za-z0-9-]+")
Mistake = tuple[str, str]  # key, what is wrong with it


def external_mistakes(key: str, external: ExternalSettings, rules: ExternalRules) -> Iterator[Mistake]:
    """A server that cannot be called, or may not be, and keys that its protocol does not have."""
    yield from url_mistakes(f"{key}.url", external, rules)
    if external.key is not None:
        yield from key_mistakes(f"{key}.key", external.key)
    if external.protocol != "openai" and external.task != "text":
        yield f"{key}.task", f"the protocol {external.protocol} has no tasks"
    if bool(external.inputs) != bool(external.outputs):
        yield key, "inputs and outputs go together: declare both or none"
    for role in ("inputs", "outputs"):
        declared: Mapping[str, ExternalTensor] = getattr(external, role)
        if declared and external.protocol != "v1":
            yield f"{key}.{role}", f"the protocol {external.protocol} declares no tensors"
        for name, tensor in declared.items():
            if not tensor.shape:
                yield f"{key}.{role}.{name}.shape", "the first axis of a shape is the rows, and it has none"


def url_mistakes(key: str, external: ExternalSettings, rules: ExternalRules) -> Iterator[Mistake]:
    """What is wrong with the server's URL."""
    origin, protocol = origin_of(external.url), external.protocol
    if origin is None:
        yield key, "it is not of the form http(s)://host[:port][/path]"
    elif origin not in {origin_of(one) for one in rules.origins}:
        yield key, f"{origin} is none of external.origins, which lists the servers that may be called"
    elif protocol != "openai" and external.url.rstrip("/").endswith(f"/{protocol}"):
        yield key, f"/{protocol} is put behind the URL: leave it out"


def key_mistakes(where: str, key: KeySettings) -> Iterator[Mistake]:
    """A key that is nowhere or in two places, or would go in two ways."""
    if (key.file is None) == (key.env is None):
        yield where, "give exactly one of file and env"
    if key.header and key.username:
        yield where, "give at most one of header and username"
    if key.header and HEADER.fullmatch(key.header) is None:
        yield f"{where}.header", f"{key.header!r} is no name of a header"


def rule_mistakes(rules: ExternalRules) -> Iterator[Mistake]:
    """Origins and networks that are none."""
    for number, one in enumerate(rules.origins):
        if origin_of(one) is None or one.rstrip("/").count("/") > 2:
            yield f"external.origins[{number}]", "it is not of the form http(s)://host[:port]"
    for number, one in enumerate(rules.networks):
        try:
            ipaddress.ip_network(one)
        except ValueError as error:
            yield f"external.networks[{number}]", str(error)
