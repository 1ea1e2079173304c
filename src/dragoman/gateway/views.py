"""Calls that tell of the models: from the report alone, or from what a model says of itself."""

from time import perf_counter_ns

from dragoman.core.responses import CoreResponse, TensorResponse
from dragoman.gateway.ending import Ending
from dragoman.gateway.exchange import Exchange
from dragoman.gateway.pinning import Pinning
from dragoman.repository.manager import ModelManager
from dragoman.wire.messages import WireResponse
from dragoman.wire.operation import StatusOperation, ViewOperation


class Views:
    """Answers what is asked about models."""

    def __init__(self, models: ModelManager, pinning: Pinning, ending: Ending) -> None:
        self._models = models
        self._pinning = pinning
        self._ending = ending

    def status(self, operation: StatusOperation, exchange: Exchange) -> WireResponse:
        """What the report has, as far as the caller may see it."""
        try:
            report = self._models.report
            if (access := exchange.access) is not None:
                report = access.view(report, operation.permission)
            return self._ending.end(exchange, operation.answer(exchange.wire, report))
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)

    async def view(self, operation: ViewOperation, exchange: Exchange) -> WireResponse:
        """A view that may ask a model about itself."""
        try:
            report = self._models.report
            if (access := exchange.access) is not None:
                report = access.view(report, operation.permission)
            said: CoreResponse | None = None
            exchange.draft = question = operation.asks(exchange.wire, report)
            if question is not None:
                handle = self._pinning.pin(exchange, question)
                signature = handle.signature(question.target.signature)
                given = handle.runner.run(handle, question.request, signature, exchange.call)
                said = given if isinstance(given, TensorResponse) else await given
                ended_ns = perf_counter_ns()
                exchange.succeed(said.run, 0, ended_ns)
            return self._ending.end(exchange, operation.answer(exchange.wire, report, said))
        except Exception as caught:
            return self._ending.fail(operation, exchange, caught)
        finally:
            exchange.abandon()
