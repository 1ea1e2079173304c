"""Every call of the client, as a flow of steps: what both clients share.

The public methods of `Client` and `AsyncClient` are made from those of `Calls`, with their parameters and
docstrings; each `Flow[T]` here is a T there, or an awaitable of one.
"""

import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar

from dragoman.client.attempts import Attempts
from dragoman.client.codec import Codec, Inference, Load, Version
from dragoman.client.errors import ClientError, Code, InvalidInput, ServerError
from dragoman.client.exchange import Exchange, Flow, Streamed
from dragoman.client.inputs import KnownModels, Outputs, requested
from dragoman.client.results import ModelMetadata, ModelState, Parameters, Result

T = TypeVar("T")
NO_PARAMETERS: Final[Parameters] = {}
# A call that ends so may have been made after metadata that holds no more.
DOUBTFUL: Final = frozenset({Code.INVALID_ARGUMENT, Code.NOT_FOUND})


class Calls:
    """The calls to one server."""

    def __init__(self, codec: Codec, attempts: Attempts, url: str) -> None:
        self._codec = codec
        self._attempts = attempts
        self._url = url
        self._models = KnownModels(codec, attempts)

    def about(self, model: str) -> "About":
        """Where errors learn which server and model they are about.

        Errors: InvalidInput for a model without a name.
        """
        if not (isinstance(model, str) and model):
            raise InvalidInput(f"{model!r} is no model's name", url=self._url)
        return About(self._url, model)

    def infer(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        version: Version = None,
        outputs: Outputs = None,
        parameters: Parameters = NO_PARAMETERS,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Flow[Result]:
        """Call a model; its outputs by name, as NumPy arrays.

        An array is sent as it is, bit for bit. Numbers, texts and nested lists become what the model takes,
        for which its metadata is asked for once. `outputs` names those that are wanted, None = all; as a
        mapping it gives each parameters of its own, as in `{"scores": {"classification": 3}}`.
        """
        with self.about(model):
            deadline = self._attempts.deadline(timeout_s)
            tensors = yield from self._models.tensors(model, version, inputs, deadline)
            call = Inference(model, version, tensors, requested(outputs), parameters, request_id)
            try:
                return (yield from self._attempts.send(self._codec.infer(call), deadline))
            except ServerError as error:
                self._doubt(model, error)
                raise

    def stream(
        self,
        model: str,
        inputs: Mapping[str, Any],
        *,
        version: Version = None,
        outputs: Outputs = None,
        parameters: Parameters = NO_PARAMETERS,
        request_id: str | None = None,
        timeout_s: float | None = None,
    ) -> Flow[Streamed]:
        """Call a model that answers in parts; the results as they come.

        What is said of `infer` holds here, but for `timeout_s`: it bounds the wait for each result.
        """
        about = self.about(model)
        with about:
            deadline = self._attempts.deadline(timeout_s)
            tensors = yield from self._models.tensors(model, version, inputs, deadline)
            call = Inference(model, version, tensors, requested(outputs), parameters, request_id)
            try:
                return (yield from self._attempts.open(self._codec.stream(call), timeout_s, about))
            except ServerError as error:
                self._doubt(model, error)
                raise

    def predict(
        self,
        model: str,
        instances: Any = None,
        *,
        inputs: Any = None,
        version: Version = None,
        signature: str | None = None,
        timeout_s: float | None = None,
    ) -> Flow[Any]:
        """Call a model with JSON, as TensorFlow Serving and KServe V1 have it; the predictions.

        Either `instances`, one entry per row, or `inputs`, one value per input. Arrays may stand in place of
        lists. Over HTTP only.
        """
        with self.about(model):
            if (instances is None) == (inputs is None):
                raise InvalidInput("give either instances or inputs")
            body = {"inputs": inputs} if instances is None else {"instances": instances}
            if signature is not None:
                body["signature_name"] = signature
            return (yield from self._look(self._codec.predict(model, version, body), timeout_s))

    def explain(
        self,
        model: str,
        instances: Any = None,
        *,
        inputs: Any = None,
        version: Version = None,
        signature: str | None = None,
        parameters: Parameters = NO_PARAMETERS,
        timeout_s: float | None = None,
    ) -> Flow[Any]:
        """What each value adds to a model's answer, as KServe V1 has it; nested as the values are.

        The values are given as to `predict`. `parameters` say what is explained and how, such as
        `{"target": 3, "method": "shapley"}`. Over HTTP only.
        """
        with self.about(model):
            if (instances is None) == (inputs is None):
                raise InvalidInput("give either instances or inputs")
            body = {"inputs": inputs} if instances is None else {"instances": instances}
            if signature is not None:
                body["signature_name"] = signature
            if parameters:
                body["parameters"] = dict(parameters)
            return (yield from self._look(self._codec.explain(model, version, body), timeout_s))

    def metadata(
        self, model: str, *, version: Version = None, timeout_s: float | None = None
    ) -> Flow[ModelMetadata]:
        """What a model takes and gives, as the server says it now."""
        with self.about(model):
            deadline = self._attempts.deadline(timeout_s)
            return (yield from self._models.fetch(model, version, deadline))

    def models(self, *, timeout_s: float | None = None) -> Flow[Sequence[ModelState]]:
        """The models in the server's repository, version by version."""
        with About(self._url, None):
            return (yield from self._look(self._codec.models(), timeout_s))

    def ready(
        self, model: str | None = None, *, version: Version = None, timeout_s: float | None = None
    ) -> Flow[bool]:
        """Whether the model can be called, or, without one, whether the server is ready.

        False for a model that is not known, too. A server that is not there raises ConnectionFailed.
        """
        with About(self._url, model):
            return (yield from self._look(self._codec.ready(model, version), timeout_s))

    def load(
        self,
        model: str,
        *,
        config: Mapping[str, Any] | str | None = None,
        files: Mapping[str, bytes] | None = None,
        timeout_s: float | None = None,
    ) -> Flow[None]:
        """Load a model of the repository, or load it anew; it has been loaded when this ends.

        `config` goes before the model's own configuration, in Triton's form; `files`, such as
        `{"1/model.onnx": ...}`, go before its own. Both hold until it is loaded again. Without `timeout_s`
        this takes as long as it takes.
        """
        with self.about(model):
            text = config if config is None or isinstance(config, str) else json.dumps(config)
            yield from self._change(model, self._codec.load(Load(model, text, files or {})), timeout_s)

    def unload(
        self, model: str, *, unload_dependents: bool = False, timeout_s: float | None = None
    ) -> Flow[None]:
        """Unload a model; calls that have begun are answered. `unload_dependents` = with its parts."""
        with self.about(model):
            yield from self._change(model, self._codec.unload(model, dependents=unload_dependents), timeout_s)

    def statistics(
        self, model: str | None = None, *, version: Version = None, timeout_s: float | None = None
    ) -> Flow[list[dict[str, Any]]]:
        """What the model, or every model, has done: one dictionary per version, in Triton's form."""
        with About(self._url, model):
            return (yield from self._look(self._codec.statistics(model, version), timeout_s))

    def config(
        self, model: str, *, version: Version = None, timeout_s: float | None = None
    ) -> Flow[dict[str, Any]]:
        """A model's configuration, in Triton's form."""
        with self.about(model):
            return (yield from self._look(self._codec.config(model, version), timeout_s))

    def _look(self, exchange: Exchange[T], timeout_s: float | None) -> Flow[T]:
        return (yield from self._attempts.send(exchange, self._attempts.deadline(timeout_s)))

    def _change(self, model: str, exchange: Exchange[None], timeout_s: float | None) -> Flow[None]:
        deadline = None if timeout_s is None else self._attempts.deadline(timeout_s)
        try:
            yield from self._attempts.send(exchange, deadline)
        finally:  # also where it may have been done after all
            self._models.forget(model)

    def _doubt(self, model: str, error: ServerError) -> None:
        if error.code in DOUBTFUL:
            self._models.forget(model)


class About:
    """Tells errors that pass through it which server and model they are about."""

    __slots__ = ("_model", "_url")

    def __init__(self, url: str, model: str | None) -> None:
        self._url = url
        self._model = model

    def __enter__(self) -> None:
        """Nothing."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, ClientError):
            error.url = error.url or self._url
            error.model = self._model if error.model is None else error.model
