"""Which operation answers a method and a path.

Paths are matched raw: percent-decoding is the codec's business. What no route knows is an operation too, in
the form of the protocol that owns that part of the path space, so that it passes through the gateway like
everything else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.core.status import StatusReport
from dragoman.settings.deployment import Deployment
from dragoman.transports.http.head import Route
from dragoman.transports.http.mounts import DEPLOYMENT, Mounts
from dragoman.transports.http.refusal import Refusal, neutral
from dragoman.transports.http.template import Template, compile_template
from dragoman.wire.messages import NO_PARAMS, Headers, WireRequest, WireResponse
from dragoman.wire.operation import (
    Arbiter,
    Choice,
    HttpRoute,
    Operation,
    ProtocolSpec,
    StatusOperation,
    in_dialect,
    is_absent,
)

CACHED_ROUTES: Final = 4096
CACHED_PATH_LENGTH: Final = 512  # longer paths are resolved each time, so that the cache stays small
Match = tuple[Operation | Choice, Mapping[str, str]]


class Row(Struct, frozen=True):
    """One row of the table."""

    method: str
    template: Template
    operation: Operation | Choice


class Claim(Struct, frozen=True):
    """A path of a protocol."""

    method: str
    template: Template
    operation: Operation
    owner: str  # the protocol's name


class Router:
    """The routes of all protocols of one listener."""

    def __init__(
        self,
        specs: Sequence[ProtocolSpec],
        dialect: str,
        arbiters: Mapping[tuple[str, str], Arbiter] | None = None,
        mounts: Mounts | None = None,
    ) -> None:
        self.mounts = mounts or Mounts()
        self._routes = sorted(
            table(claims(specs, dialect), arbiters or {}), key=lambda route: route.template.rank
        )
        present = [spec for spec in specs if not is_absent(spec.routes, dialect)]
        self._prefixes = sorted(
            ((prefix, spec) for spec in present for prefix in prefixes(spec, dialect)),
            key=lambda pair: -len(pair[0]),
        )
        at_home = [replace(spec, refuse=spec.homes[dialect]) for spec in present if dialect in spec.homes]
        self._home = at_home[0] if at_home else None
        self._resolved: dict[tuple[str, str, str], Match] = {}

    def route(self, method: str, path: str, headers: Headers) -> Route:
        """What answers this method and path, which may lie in a mount, with these headers."""
        mounted = self.mounts.resolve(path)
        if mounted is None:
            operation, params = self.match(method, path)
            return Route(chosen(operation, headers), path, params)
        name = mounted.deployment.name if mounted.deployment else ""
        owner = self._owner(mounted.asked) or self._owner(mounted.path)
        if mounted.deployment and mounted.wrong_version:
            return Route(wrong_version(owner, mounted.deployment), mounted.path, deployment=name)
        operation, params = self.match(method, mounted.path, owner)
        if mounted.called:
            params = {DEPLOYMENT: mounted.called, **params}
        return Route(chosen(operation, headers), mounted.path, params, name)

    def match(self, method: str, path: str, owner: ProtocolSpec | None = None) -> Match:
        """The operation, and what the placeholders of its template stand for.

        `owner` answers where there is none; None = the protocol whose part of the path space this is.
        """
        key = (method, path, owner.name if owner else "")
        found = self._resolved.get(key)
        if found is None:
            found = self._resolve(method, path, owner)
            if len(path) <= CACHED_PATH_LENGTH:
                if len(self._resolved) >= CACHED_ROUTES:
                    self._resolved.clear()
                self._resolved[key] = found
        return found

    def refuse(self, wire: WireRequest, refusal: Refusal) -> WireResponse:
        """The transport's own refusal, in the form of the protocol that owns the path."""
        spec = self._owner(wire.path)
        if spec is None:
            return neutral(refusal.status, refusal.message)
        response = spec.refuse(wire, refusal.as_error())
        if spec is not self._home:
            response.status = refusal.status
        return response

    def _resolve(self, method: str, path: str, owner: ProtocolSpec | None) -> Match:
        methods = {}
        for route in self._routes:
            if route.method in methods:
                continue
            if found := route.template.pattern.fullmatch(path):
                methods[route.method] = (route.operation, found.groupdict() or NO_PARAMS)
        if "GET" in methods:
            methods.setdefault("HEAD", methods["GET"])
        found_here = methods.get(method)
        return found_here or (unmatched(method, owner or self._owner(path), sorted(methods)), NO_PARAMS)

    def _owner(self, path: str) -> ProtocolSpec | None:
        if self._home is not None:
            return self._home
        return next((spec for prefix, spec in self._prefixes if path.startswith(prefix)), None)


def prefixes(spec: ProtocolSpec, dialect: str) -> Iterator[str]:
    """A protocol's parts of the path space in that dialect, but for those that only another form uses."""
    here = in_dialect(spec.routes, dialect)
    anywhere = [route for form in spec.routes.values() for route in form]
    for prefix in spec.prefixes:
        if has_below(here, prefix) or not has_below(anywhere, prefix):
            yield prefix


def has_below(routes: Iterable[HttpRoute], prefix: str) -> bool:
    """Whether one of the routes lies there."""
    return any(route.template.startswith(prefix) for route in routes)


def claims(specs: Sequence[ProtocolSpec], dialect: str) -> Iterator[Claim]:
    """Every route of every protocol in that dialect."""
    for spec in specs:
        for route in in_dialect(spec.routes, dialect):
            template = compile_template(route.template, ignore_case=route.ignore_case)
            yield Claim(route.method, template, route.operation, spec.name)


def table(claimed: Iterable[Claim], arbiters: Mapping[tuple[str, str], Arbiter]) -> Iterator[Row]:
    """One row for each method and path.

    Errors: ValueError for a path of two protocols that differ and have no arbiter.
    """
    by_key: dict[tuple[str, str], list[Claim]] = {}
    for claim in claimed:
        by_key.setdefault((claim.method, claim.template.shape), []).append(claim)
    named = {
        (method, compile_template(template).shape): arbiter
        for (method, template), arbiter in arbiters.items()
    }
    for key, rivals in by_key.items():
        first = rivals[0]
        operation: Operation | Choice = first.operation
        other = next((rival for rival in rivals if rival.operation is not operation), None)
        if other is not None:
            if key not in named:
                owners = f"{first.owner} and {other.owner}"
                raise ValueError(f"{' '.join(key)} is a route of both {owners}: name an arbiter")
            operation = named[key]({rival.owner: rival.operation for rival in rivals})
        yield Row(first.method, first.template, operation)


def chosen(operation: Operation | Choice, headers: Headers) -> Operation:
    """The operation for a request with these headers."""
    return operation.choose(headers) if isinstance(operation, Choice) else operation


def wrong_version(spec: ProtocolSpec | None, deployment: Deployment) -> StatusOperation:
    """The operation that answers where a deployment of one version is asked for another."""
    message = f"deployment {deployment.name} serves version {deployment.version} alone"
    return refusing(spec, DragomanError(Code.NOT_FOUND, message), model=deployment.model)


def unmatched(method: str, owner: ProtocolSpec | None, allowed: Sequence[str]) -> StatusOperation:
    """The operation that answers where there is no route, or none for this method but `allowed` ones."""
    if allowed:
        code, reason = Code.UNIMPLEMENTED, Reason.METHOD_NOT_ALLOWED
        message = f"{method} is not allowed here; allowed: {', '.join(allowed)}"
    else:
        code, reason = Code.NOT_FOUND, Reason.ROUTE_UNKNOWN
        message = "no such route"
    return refusing(owner, DragomanError(code, message, reason=reason), allowed)


def refusing(
    spec: ProtocolSpec | None, error: DragomanError, allowed: Sequence[str] = (), model: str = ""
) -> StatusOperation:
    """The operation that answers where there is no route, or none for this method but `allowed` ones.

    `model` is the one that is meant, where it is known: a caller that may not see it is told just that.
    """

    def refuse(wire: WireRequest, error: DragomanError) -> WireResponse:
        if spec is None:
            return neutral(405 if allowed else 404, error.message)
        return spec.refuse(wire, error)

    def answer(wire: WireRequest, report: StatusReport) -> WireResponse:
        if model:
            report.models.get(model)
        response = refuse(wire, error)
        if response.status == 405:
            response.headers = [*response.headers, (b"Allow", ", ".join(allowed).encode())]
        return response

    def fail(draft: None, error: DragomanError) -> WireResponse:
        del draft
        return refuse(WireRequest("", "", "", [], b""), error)

    return StatusOperation(f"{spec.name if spec else 'http'}.refuse", answer, fail)
