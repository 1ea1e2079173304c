"""Several sources of settings, one over the other, and where each value comes from.

From weakest to strongest: defaults, a dialect's flags and files, `dragoman.yaml`, the environment, the
command line. Rules:

1. Mappings are joined key by key. A list replaces a list, except lists whose entries have names
   (NAMED_LISTS): there an entry takes the keys of the weaker entry of its name that it does not give itself.
2. Environment and command line change single values. Those of listeners mean every listener, or the first one
   of a transport; where there is none, it is added.
3. The defaults' listeners are there only where no file has any.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from dragoman.settings.server import LISTENERS

NAMED_LISTS: Final = frozenset({"listeners", "models", "pipelines", "node_libraries"})
DEFAULT: Final = "default"


class Layer(Struct, frozen=True):
    """Settings of one source as plain data; `origins` says of a key, and all below it, where it is given."""

    tree: Mapping[str, Any]
    origins: Mapping[str, str]


class Override(Struct, frozen=True):
    """One value. `transport` None = of the key itself; else of the first listener of it, `*` = of all."""

    key: str
    value: Any
    origin: str
    transport: str | None = None


class Leaf(Struct, frozen=True):
    """A value and its origin."""

    value: Any
    origin: str


class Merged(Struct, frozen=True):
    """What the sources say together, and the origin of each value by its key."""

    tree: dict[str, Any]
    origins: dict[str, str] = field(default_factory=dict)


def merge(layers: Sequence[Layer], overrides: Sequence[Override]) -> Merged:
    """The layers, weakest first, and the single values over them."""
    whole: dict[str, Any] = {}
    for layer in layers:
        whole = joined(whole, annotated(layer.tree, "", "", layer.origins), "")
    for override in overrides:
        if override.transport is None:
            put(whole, override.key.split("."), Leaf(override.value, override.origin))
        else:
            put_in_listeners(whole, override)
    origins: dict[str, str] = {}
    tree: dict[str, Any] = plain(whole, "", origins)
    return Merged(tree, origins)


def annotated(value: Any, key: str, origin: str, origins: Mapping[str, str]) -> Any:
    """The same tree with an origin at every value: that of its own key, else of the nearest key above."""
    origin = origins.get(key, origin)
    if isinstance(value, Mapping) and (value or not key):
        return {
            name: annotated(inner, f"{key}.{name}" if key else name, origin, origins)
            for name, inner in value.items()
        }
    if isinstance(value, list | tuple) and any(isinstance(entry, Mapping) for entry in value):
        return [annotated(entry, f"{key}[{i}]", origin, origins) for i, entry in enumerate(value)]
    return Leaf(value, origin)


def joined(lower: dict[str, Any], upper: dict[str, Any], key: str) -> dict[str, Any]:
    """Two mappings, key by key."""
    made = dict(lower)
    for name, value in upper.items():
        old = made.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            made[name] = joined(old, value, name)
        elif not key and name in NAMED_LISTS and isinstance(old, list) and isinstance(value, list):
            made[name] = joined_by_name(old, value)
        else:
            made[name] = value
    return made


def joined_by_name(lower: list[Any], upper: list[Any]) -> list[Any]:
    """Two lists of entries: entries of one name become one, in the weaker list's place; new ones follow."""
    made = list(lower)
    for entry in upper:
        name = name_of(entry)
        place = next((i for i, old in enumerate(lower) if name is not None and name_of(old) == name), None)
        if place is None:
            made.append(entry)
        else:
            made[place] = {**made[place], **entry}
    return made


def name_of(entry: Any) -> Any:
    """The name that an entry has."""
    leaf = entry.get("name") if isinstance(entry, dict) else None
    return leaf.value if isinstance(leaf, Leaf) else None


def put(whole: dict[str, Any], path: Sequence[str], leaf: Leaf) -> None:
    """Set one value."""
    *sections, last = path
    for section in sections:
        inner = whole.get(section)
        if not isinstance(inner, dict):
            inner = whole[section] = {}
        whole = inner
    whole[last] = leaf


def put_in_listeners(whole: dict[str, Any], override: Override) -> None:
    """Set a value of listeners."""
    listeners = whole.get("listeners")
    if not isinstance(listeners, list):
        usual = [msgspec.to_builtins(listener) for listener in LISTENERS]
        listeners = whole["listeners"] = annotated(usual, "listeners", DEFAULT, {})
    leaf = Leaf(override.value, override.origin)
    if override.transport == "*":
        for listener in listeners:
            listener[override.key] = leaf
        return
    for listener in listeners:
        if transport_of(listener) == override.transport:
            listener[override.key] = leaf
            return
    listeners.append({"transport": Leaf(override.transport, override.origin), override.key: leaf})


def transport_of(listener: Mapping[str, Any]) -> str:
    """The transport of a listener; HTTP where it does not say."""
    leaf = listener.get("transport")
    return str(leaf.value) if isinstance(leaf, Leaf) else "http"


def plain(value: Any, key: str, origins: dict[str, str]) -> Any:
    """The tree without its origins, which are collected by key."""
    if isinstance(value, Leaf):
        origins[key] = value.origin
        return value.value
    if isinstance(value, dict):
        return {
            name: plain(inner, f"{key}.{name}" if key else name, origins) for name, inner in value.items()
        }
    return [plain(entry, f"{key}[{i}]", origins) for i, entry in enumerate(value)]
