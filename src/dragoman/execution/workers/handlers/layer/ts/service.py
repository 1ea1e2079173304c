"""How a worker runs one handler.

    service = Service("mnist", folder, manifest, "mnist_handler.py", send_parts=send, take_metrics=take)
    service.initialize()                            # LoadFailureError
    answers = service.predict([Request(id, headers, [Part("body", "image/png", data)])])  # BatchFailureError

The `Service` makes one `Context` for the handler's whole life and gives it the requests of each batch:
ids, headers, and fresh statuses and headers for the answers, which it reads when the handler has returned.

Two callables of the worker take what leaves a handler before that:

`send_parts(answers)` takes one part of the answer to each request of the batch, in the thread of the handler
and before `send_intermediate_predict_response` returns. The status, phrase, headers and type of a request's
first part are those of its whole answer. It may raise, which ends the handler as any error does.

`take_metrics(records)` takes the metrics that were added while a batch ran, at its end, or one that was added
at another time at once. There is one such callable in a process; without it metrics are lines of the log.
"""

import importlib.machinery
import logging
import os
import sys
import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import ts
from ts.context import Context, RequestProcessor
from ts.metrics.emission import Sink, emission
from ts.metrics.metric_cache import Definitions, MetricsCache
from ts.serving import entry_point, envelopes, failures, results
from ts.serving.inputs import data_of, headers_of
from ts.serving.requests import (
    Answer,
    BatchFailureError,
    HandlerFailureError,
    LoadFailureError,
    Part,
    Request,
)
from ts.utils.util import PredictionException

__all__ = [
    "Answer",
    "BatchFailureError",
    "HandlerFailureError",
    "LoadFailureError",
    "Part",
    "PredictionException",
    "Request",
    "Service",
    "emit_metrics",
]

PREDICTION_METRIC = "PredictionTime"
SendParts = Callable[[list[Answer]], None]

logger = logging.getLogger(__name__)


class PartsSender:
    """What handlers know as `context.cl_socket`."""

    def __init__(self, send_parts: SendParts) -> None:
        self.send_parts = send_parts


class Service:
    """One loaded handler.

    `handler` is as in a manifest. `envelope` names a service envelope for every call; a call may name one
    for itself where this is None. `metric_definitions` is `model_metrics` of a metrics file. With `shared`,
    several threads may call `predict` at the same time.
    """

    def __init__(
        self,
        model_name: str,
        model_dir: str,
        manifest: dict[str, Any] | None,
        handler: str,
        gpu: int | None = None,
        batch_size: int | None = 1,
        envelope: str | None = None,
        model_yaml_config: Mapping[str, Any] | None = None,
        limit_max_image_pixels: bool = True,
        *,
        metric_definitions: Definitions | None = None,
        decode_input_request: bool | None = None,
        shared: bool = False,
        send_parts: SendParts | None = None,
        take_metrics: Sink | None = None,
    ) -> None:
        if decode_input_request is None:
            decode_input_request = os.environ.get("TS_DECODE_INPUT_REQUEST", "true") == "true"
        self.envelope = envelope
        self._handler = handler
        self._model_dir = model_dir
        self._decode = decode_input_request
        self._handle: entry_point.Handle | None = None
        self._metrics = MetricsCache(metric_definitions, model_name=model_name, shared=shared)
        self._context = Context(
            model_name,
            model_dir,
            manifest,
            batch_size,
            gpu,
            ts.__version__,
            limit_max_image_pixels,
            self._metrics,
            dict(model_yaml_config or {}),
            shared=shared,
        )
        if send_parts is not None:
            self._context.cl_socket = PartsSender(send_parts)
        if take_metrics is not None:
            emission.install(take_metrics)

    @property
    def context(self) -> Context:
        """The handler's context."""
        return self._context

    def initialize(self) -> None:
        """Import the handler, from the model's folder, and have it load its model.

        Errors: LoadFailureError.
        """
        name_what_is_hidden()
        failures.load(self._load, self._handler)

    def _load(self) -> None:
        entry_point.enter(self._model_dir)
        if self.envelope is not None:
            envelopes.find(self.envelope)
        # What a handler measures while it loads belongs to no request.
        self._metrics.set_request_ids(str(uuid.uuid4()))
        found = entry_point.find(self._handler)
        found.initialize(self._context)
        self._handle = found.handle

    def predict(self, requests: Sequence[Request], envelope: str | None = None) -> list[Answer]:
        """The answers to a batch, in its order.

        Errors: BatchFailureError, which is the answer to every request of the batch.
        """
        request_ids = {index: request.id for index, request in enumerate(requests)}
        self._context.request_ids = request_ids
        self._context.request_processor = [RequestProcessor(headers_of(request)) for request in requests]
        self._metrics.set_request_ids(request_ids)
        data = [data_of(request, decode=self._decode) for request in requests]
        with emission:
            result = failures.run(lambda: self._result(data, envelope))
            return failures.run(lambda: results.answers(result, request_ids, self._context))

    def _result(self, data: list[dict[str, Any]], envelope: str | None) -> list[Any]:
        started_s = time.perf_counter()
        result = self._wrapped(data, envelope)(data, self._context)
        if not isinstance(result, list):
            logger.warning("the handler returned a %s and no list", type(result).__name__)
            raise BatchFailureError(503, "Invalid model predict output")
        if len(result) != len(data):
            logger.warning("the handler returned %d results for %d requests", len(result), len(data))
            raise BatchFailureError(503, "number of batch response mismatched")
        self._metrics.add_time(PREDICTION_METRIC, round((time.perf_counter() - started_s) * 1000, 2))
        return result

    def _wrapped(self, data: list[dict[str, Any]], envelope: str | None) -> entry_point.Handle:
        if self._handle is None:
            raise RuntimeError("initialize has not run")
        chosen = self.envelope or envelope
        # A call that asks the handler to describe itself has no body for an envelope to open.
        if chosen is None or self._context.get_request_header(0, "describe") == "True":
            return self._handle
        if envelopes.goes_past(chosen, data, self._context):
            return self._handle
        return envelopes.wrapped(chosen, self._handle)


def name_what_is_hidden() -> None:
    """Say in the log that the real package is installed and that handlers do not get it."""
    here = os.path.dirname(os.path.dirname(os.path.abspath(ts.__file__)))
    others = [place for place in sys.path if os.path.abspath(place) != here]
    hidden = importlib.machinery.PathFinder.find_spec("ts", others)
    if hidden is not None and hidden.origin is not None:
        logger.info("handlers import the server's own package ts, not the one in %s", hidden.origin)


def emit_metrics(metrics: Iterable[Any] | None) -> None:
    """Send off metrics that were collected in a list, as `MetricsStore.store` is."""
    for metric in metrics or ():
        emission.emit(metric.record())
