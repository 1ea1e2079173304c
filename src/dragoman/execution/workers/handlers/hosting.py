"""A handler in a worker process: batches in, answers out.

The folder `layer` beside this file is where the package `ts` lies that handlers import. It is on the path of
processes that host a handler, and of no other.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import Signature
from dragoman.engines.base import Artifact
from dragoman.execution.workers.frames import Batch
from dragoman.execution.workers.handlers.measuring import Measuring
from dragoman.execution.workers.handlers.signature import SIGNATURES
from dragoman.execution.workers.handlers.statuses import code_of

LAYER: Final = os.path.join(os.path.dirname(os.path.abspath(__file__)), "layer")
SHARED_CALLS: Final = 16

# What `ts.serving.requests.Answer` holds; the package's types have no name outside of hosting processes.
HandlerAnswer = Any
SendParts = Callable[[Sequence[HandlerAnswer]], None]


class ReaderGoneError(Exception):
    """Nobody reads the parts of this answer any more."""


class HandlerHost:
    """Loads a handler; the counterpart of an engine in workers of handlers."""

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> "HostedHandler":
        """The handler, initialized.

        Errors: as `HostedHandler`.
        """
        mount_layer()
        return HostedHandler(artifact, options)


def mount_layer() -> None:
    """Have `import ts` in this process give what handlers are to have."""
    if LAYER not in sys.path:
        sys.path.insert(0, LAYER)


class HostedHandler:
    """A loaded handler. Only one with `shared` takes several batches at once."""

    signatures: Mapping[str, Signature] = SIGNATURES

    def __init__(self, artifact: Artifact, options: Mapping[str, Any]) -> None:
        """Import the handler's module and initialize it.

        Errors: INTERNAL; RESOURCE_EXHAUSTED for too little memory.
        """
        from ts.service import HandlerFailureError, Part, Request, Service  # noqa: PLC0415

        self._request, self._part, self._failure = Request, Part, HandlerFailureError
        shared = bool(options["shared"])
        self.concurrency = SHARED_CALLS if shared else 1
        self._senders = threading.local() if shared else Senders()
        self.measuring = Measuring()
        self._service = Service(
            artifact.model,
            artifact.path,
            dict(options["manifest"]),
            options["handler"],
            options.get("gpu"),
            options["batch_size"],
            options["envelope"],
            options["yaml"],
            metric_definitions=options["metrics"],
            shared=shared,
            decode_input_request=options["decode_input"],
            limit_max_image_pixels=options["limit_image_pixels"],
            send_parts=self._send,
            take_metrics=self.measuring.take,
        )
        try:
            self._service.initialize()
        except HandlerFailureError as error:
            raise DragomanError(code_of(error.status), error.message, status=error.status) from error

    def answers(self, batch: Batch, bodies: Sequence[bytearray], send: SendParts) -> Sequence[HandlerAnswer]:
        """The answers to a batch, in its order; `send` is given the parts that come before.

        Errors: DragomanError with the status that the handler chose; SystemExit; what `send` raises.
        """
        requests = [
            self._request(
                job.id, job.headers, [self._part(name, media, bodies[at]) for name, media, at in job.parts]
            )
            for job in batch.jobs
        ]
        self._senders.send = send
        try:
            with self.measuring:
                found: Sequence[HandlerAnswer] = self._service.predict(requests, batch.envelope)
        except self._failure as error:
            if isinstance(error.__cause__, ReaderGoneError):
                raise DragomanError(Code.CANCELLED, "the request was cancelled") from error
            raise DragomanError(code_of(error.status), error.message, status=error.status) from error
        return found

    def _send(self, answers: Sequence[HandlerAnswer]) -> None:
        self._senders.send(answers)

    def close(self) -> None:
        """Nothing: the process ends."""


class Senders:
    """Where the parts of the batch at hand go, from whichever thread of the handler."""

    send: SendParts
