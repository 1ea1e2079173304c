"""What a struct's types cannot say: mistakes that only show when all settings are there."""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from dragoman.config.external_checks import external_mistakes, rule_mistakes
from dragoman.core.errors import DragomanError
from dragoman.core.names import check_model_name
from dragoman.settings.overlay import NamedModel
from dragoman.settings.pipeline import NodeSettings
from dragoman.settings.server import CorsSettings, ServerSettings

PLAIN_PATH: Final = re.compile(r"(/[\w.~-]+)+")
Mistake = tuple[str, str]  # key, what is wrong with it


def mistakes(settings: ServerSettings) -> Iterator[Mistake]:
    """Every mistake with the key that it is at."""
    yield from twice("models", [model.name for model in settings.models])
    yield from twice("listeners", [listener.name for listener in settings.listeners])
    yield from twice("pipelines", [pipeline.name for pipeline in settings.pipelines])
    yield from twice("node_libraries", [library.name for library in settings.node_libraries])
    yield from twice("deployments", [deployment.name for deployment in settings.deployments])
    for index, model in enumerate(settings.models):
        yield from wrong(f"models[{index}].name", check_model_name, model.name)
        yield from place_mistakes(f"models[{index}]", model)
        if model.server is not None:
            yield from external_mistakes(f"models[{index}].external", model.server, settings.external)
    yield from rule_mistakes(settings.external)
    yield from listener_mistakes(settings)
    yield from pipeline_mistakes(settings)
    path = settings.metrics.tensorflow_serving_path
    if path and PLAIN_PATH.fullmatch(path) is None:
        yield "metrics.tensorflow_serving_path", f"{path!r} is not a plain path such as /monitoring/metrics"


def place_mistakes(key: str, model: NamedModel) -> Iterator[Mistake]:
    """A model that is nowhere, or in two places."""
    if model.server is None:
        if not model.paths or not all(model.paths):
            yield f"{key}.path", "a path is expected, or a server under external"
    elif model.paths:
        yield f"{key}.external", "a model has either a path or a server, and not both"


def twice(key: str, names: Sequence[str]) -> Iterator[Mistake]:
    """Names that several entries of a list have."""
    for index, name in enumerate(names):
        first = names.index(name)
        if name and first != index:
            yield f"{key}[{index}].name", f"{name!r} is the name of {key}[{first}] already"


def wrong(key: str, check: Callable[[str], object], value: str) -> Iterator[Mistake]:
    """What a check says of a value."""
    try:
        check(value)
    except DragomanError as error:
        yield key, error.message


def listener_mistakes(settings: ServerSettings) -> Iterator[Mistake]:
    """No listener at all, and two at one address."""
    if not settings.listeners:
        yield "listeners", "there has to be one at least"
    taken: dict[tuple[str, int], int] = {}
    for index, listener in enumerate(settings.listeners):
        if isinstance(listener.cors, CorsSettings):
            for name, value in msgspec.structs.asdict(listener.cors).items():
                if not (value.isascii() and value.isprintable()):
                    yield f"listeners[{index}].cors.{name}", f"{value!r} is no value of a header"
        first = taken.setdefault((listener.host, listener.port), index)
        if listener.port and first != index:
            where = f"{listener.host}:{listener.port}"
            yield f"listeners[{index}].port", f"{where} is the address of listeners[{first}] already"


def pipeline_mistakes(settings: ServerSettings) -> Iterator[Mistake]:
    """What no pipeline can be, whatever its models are. Mistakes in its graph are told by its status."""
    for index, pipeline in enumerate(settings.pipelines):
        key = f"pipelines[{index}]"
        yield from wrong(f"{key}.name", check_model_name, pipeline.name)
        for number, node in enumerate(pipeline.nodes):
            yield from node_mistakes(f"{key}.nodes[{number}]", node)
    for index, library in enumerate(settings.node_libraries):
        if not library.path:
            yield f"node_libraries[{index}].path", "a path is expected"


def node_mistakes(key: str, node: NodeSettings) -> Iterator[Mistake]:
    """A node that calls nothing or two things, and keys that belong to the other kind."""
    if (node.model is None) == (node.library is None):
        yield key, "a node has either a model or a library"
    elif node.model is not None and node.params:
        yield f"{key}.params", "a model takes no params; a library does"
    elif node.library is not None:
        for name in ("version", "signature"):
            if getattr(node, name) is not None:
                yield f"{key}.{name}", f"a library has no {name}; a model does"
