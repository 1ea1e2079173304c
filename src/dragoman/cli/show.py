"""`dragoman show`: one model of a running server with all that is known of it."""

import json
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

from dragoman.cli.client import DEFAULT_URL, MODELS, look
from dragoman.cli.models import Json, cause_of, number_of
from dragoman.cli.table import one_line

MB: Final = 1_000_000


def show(model: str, /, *, url: str = DEFAULT_URL, as_json: Json = False) -> None:
    """Show a model: its versions, labels and signatures.

    Parameters
    ----------
    model:
        The model's name.
    url:
        Where the server listens.
    as_json:
        Print what the server answered as JSON.
    """
    document = look(url, f"{MODELS}/{quote(model, safe='')}", "versions")
    print(json.dumps(document, indent=2) if as_json else "\n".join(lines(document)))


def lines(model: dict[str, Any]) -> Iterator[str]:
    """The model as text."""
    yield one_line(model["name"])
    for label, version in model["labels"].items():
        yield f"  label {one_line(label)}: version {version}"
    for note in [cause_of(model), *map(one_line, model["notes"])]:
        if note:
            yield f"  {note}"
    for version in model["versions"]:
        engine = f", {version['engine']}" if version["engine"] else ""
        yield f"  version {number_of(version)}: {version['state']}{engine}"
        if cause := cause_of(version):
            yield f"    {cause}"
        if workers := version.get("workers"):
            yield from worker_lines(workers)
        for signature in version["signatures"]:
            yield from signature_lines(signature)


def worker_lines(workers: dict[str, Any]) -> Iterator[str]:
    """The workers of a version, one in each line."""
    yield f"    workers: {len(workers['workers'])}, from {workers['min']} to {workers['max']}"
    for worker in workers["workers"]:
        process = "" if worker["pid"] is None else f", process {worker['pid']}"
        memory = f", {worker['memory_bytes'] / MB:.0f} MB" if worker["memory_bytes"] else ""
        gpu = "" if worker["gpu"] is None else f", GPU {worker['gpu']}"
        yield f"      {worker['id']}: {worker['state']}{process}{memory}{gpu}"


def signature_lines(signature: dict[str, Any]) -> Iterator[str]:
    """One signature, its inputs and outputs in columns."""
    yield f"    {one_line(signature['name'])} ({signature['method']})"
    tensors = [("in", tensor) for tensor in signature["inputs"]]
    tensors += [("out", tensor) for tensor in signature["outputs"]]
    width = max((len(one_line(tensor["name"])) for _, tensor in tensors), default=0)
    for side, tensor in tensors:
        yield f"      {side:<3}  {one_line(tensor['name']):<{width}}  {tensor['dtype']} {shape(tensor)}"


def shape(tensor: dict[str, Any]) -> str:
    """The shape in brackets, `?` for an open size."""
    sizes = tensor["shape"]
    return "any shape" if sizes is None else f"[{', '.join('?' if s is None else str(s) for s in sizes)}]"
