"""Which version a request means, and that the caller may use it."""

from collections.abc import Sequence

from msgspec.structs import replace

from dragoman.core.access import Permission
from dragoman.core.errors import Code, DragomanError, Reason
from dragoman.gateway.exchange import Exchange
from dragoman.repository.handle import Handle
from dragoman.repository.manager import ModelManager
from dragoman.wire.operation import Draft

MOST_SHOWN = 20  # names of models in an error


class Pinning:
    """Finds versions and holds them."""

    def __init__(self, models: ModelManager) -> None:
        self._models = models
        self.default_model = ""  # the one that is meant where a request names none; empty = the only one

    def pin(self, exchange: Exchange, draft: Draft) -> Handle:
        """The version that is meant, held by the exchange from now on.

        Errors: those of `ModelManager.pin`, and where the caller may not use the model.
        """
        if not draft.target.model:
            draft.target = replace(draft.target, model=self._meant(exchange))
        if exchange.access is not None:
            exchange.check(draft.target.model)
        handle = self._models.pin(draft.target)
        exchange.hold(handle)
        return handle

    def _meant(self, exchange: Exchange) -> str:
        """The model that is meant where none is named: the one that the settings name, else the only one.

        Errors: as `unnamed`; as `Access.check` where the caller may use none of them.
        """
        if self.default_model:
            return self.default_model
        report = self._models.report
        names = [model.name for model in report.models.values() if model.latest_ready is not None]
        names = names or list(report.models)
        if len(names) == 1:
            return names[0]
        access = exchange.access
        if access is not None and names:
            names = [name for name in names if access.allows(name, Permission.INFER)]
            if not names:
                raise access.caller.refusal()
        raise unnamed(names)


def unnamed(names: Sequence[str]) -> DragomanError:
    """The error for a request that names no model, with the names that the caller may use."""
    if not names:
        message = "no model is named, and there is none"
    else:
        more = ", ..." if len(names) > MOST_SHOWN else ""
        message = f"no model is named, and there are several: {', '.join(names[:MOST_SHOWN])}{more}"
    return DragomanError(Code.INVALID_ARGUMENT, message, reason=Reason.MODEL_UNKNOWN, param="model")
