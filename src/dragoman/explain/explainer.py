"""Explains a model's answers: takes a request as the model does, and gives numbers of its inputs' shapes."""

from collections.abc import AsyncGenerator, Awaitable, Mapping
from time import perf_counter_ns
from typing import Final

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.explanation import KEYS, Attribution, Wish
from dragoman.core.requests import CoreRequest, ExplainRequest, TensorRequest
from dragoman.core.responses import Chunk, CoreResponse, ExplainResponse
from dragoman.core.signatures import Signature
from dragoman.core.statistics import Occupancy, Run
from dragoman.execution.admission import Slots
from dragoman.execution.deadlines import within
from dragoman.explain import baseline as baselines
from dragoman.explain import occlusion, permutation
from dragoman.explain.attributions import by_runtime, explaining
from dragoman.explain.calls import MOST_ROWS, Model, finite
from dragoman.explain.code import FILE, CodeExplainer
from dragoman.explain.gradients import by_gradients
from dragoman.explain.instances import Instances
from dragoman.explain.output import explained_signature, no_explainer, place, wanted_output
from dragoman.explain.pace import Company, Pace
from dragoman.explain.task import MOST_BUDGET, Method, Task
from dragoman.repository.handle import Handle
from dragoman.settings.model import ExplainSettings

METHODS: Final[Mapping[str, Method]] = {
    permutation.NAME: permutation.by_permutations,
    occlusion.NAME: occlusion.by_occlusion,
}
AUTO: Final = "auto"
CODE: Final = "explainer"
OWN_BASELINE: Final = "training data"


class Explainer:
    """Explains one version, as often at once as its settings say. For the event loop's thread only.

    `most_rows` = that the model is asked for in one call.
    """

    def __init__(
        self,
        settings: ExplainSettings,
        name: str,
        baseline: baselines.Setting,
        company: Company,
        code: CodeExplainer | DragomanError | None = None,
        most_rows: int = MOST_ROWS,
    ) -> None:
        self._settings = settings
        self._baseline = baseline
        self._company = company
        self._code = code
        self._most_rows = most_rows
        self._slots = Slots(settings.concurrency, settings.max_queue, f"{name}'s explainer")

    def run(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> Awaitable[CoreResponse]:
        """The explanation, to be awaited."""
        return self._in_turn(handle, request, signature, call)

    async def stream(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> AsyncGenerator[Chunk, None]:
        """Nothing: an explanation is whole."""
        raise DragomanError(Code.UNIMPLEMENTED, "an explanation does not come in parts")
        yield Chunk()

    def occupancy(self) -> Occupancy | None:
        """That is the model's to say."""
        return None

    def close(self) -> None:
        """End the explainer of the model's own, where there is one."""
        if isinstance(self._code, CodeExplainer):
            self._code.close()

    async def _in_turn(
        self, handle: Handle, request: CoreRequest, signature: Signature, call: CallContext
    ) -> ExplainResponse:
        if not isinstance(request, ExplainRequest) or not isinstance(request.request, TensorRequest):
            raise no_explainer(handle.model, "what is explained is tensors")
        since_ns = perf_counter_ns()
        self._company.explaining += 1
        try:
            await within(call, self._slots.take())
            try:
                queue_ns = perf_counter_ns() - since_ns
                model = Model(handle, signature, call, Pace(self._company), self._most_rows)
                response = await self._explain(model, request.request, request.wish)
            finally:
                self._slots.give()
        finally:
            self._company.explaining -= 1
        response.version, response.run = handle.version, Run(model.infer_ns, queue_ns)
        return response

    async def _explain(self, model: Model, request: TensorRequest, wish: Wish) -> ExplainResponse:
        """By the model's own code where there is some and nothing else is asked for, else by our methods."""
        instances = Instances((await model.decoded(request)).inputs)
        budget = wish.budget or self._settings.budget
        check_budget(instances.count, budget)
        method = wish.method or self._settings.method
        if method == CODE or (method == AUTO and self._code is not None):
            return await self._by_code(model, instances, wish, budget)
        check_known(wish)
        handle = model.handle
        model.signature = explained_signature(handle.signatures, model.signature, handle.model)
        return await self._by_method(model, instances, wish, budget)

    async def _by_code(self, model: Model, instances: Instances, wish: Wish, budget: int) -> ExplainResponse:
        if isinstance(self._code, DragomanError):
            raise self._code
        if self._code is None:
            raise invalid(f"parameters.method: model {model.handle.model} has no {FILE}")
        given = None
        if wish.predictions:
            given = await model.outputs(instances.count, instances.sent, None)
            budget -= instances.count
        response = await self._code.explain(model, instances, wish, budget)
        response.predictions = given
        return response

    async def _by_method(
        self, model: Model, instances: Instances, wish: Wish, budget: int
    ) -> ExplainResponse:
        output = wanted_output(model.signature, wish)
        baseline = baselines.chosen(wish, self._baseline, instances)
        given = await model.outputs(instances.count, instances.sent, None if wish.predictions else [output])
        answers = finite(model.rows_of(given, instances.count, output), output)
        task = Task(
            model,
            instances,
            place(output, answers, wish.target),
            answers,
            baseline,
            budget - instances.count,
            wish.budget is not None,
            wish.seed,
            self._settings.max_features,
        )
        own = explaining(model.signature, output)
        name, words = self._method(wish, instances, own), baseline.words
        if own is not None and name == own.method:
            explain = by_gradients if own.gradients else by_runtime
            found, method = await explain(task, own)
            words = words if own.gradients else OWN_BASELINE
        else:
            found, method = await METHODS[name](task)
        predictions = given if wish.predictions else None
        return ExplainResponse(instances.shaped(found), method, words, predictions)

    def _method(self, wish: Wish, instances: Instances, own: Attribution | None) -> str:
        """The method that is asked for, else the usual one of such a model and such inputs.

        Errors: INVALID_ARGUMENT for one that the model does not have, or that takes no baseline.
        """
        name = wish.method or self._settings.method
        with_baseline = wish.baseline is not None or self._settings.baseline is not None
        if name == AUTO:
            if own is not None and (own.gradients or not with_baseline):
                return own.method
            small = instances.width <= self._settings.max_features
            return permutation.NAME if small else occlusion.NAME
        has = [*METHODS] if own is None else [own.method, *METHODS]
        if name not in has:
            key = "parameters.method" if wish.method else "explain.method"
            raise invalid(f"{key}: {name!r} is not for this model, which has {', '.join(has)}")
        if own is not None and name == own.method and not own.gradients and wish.baseline is not None:
            raise invalid(f"parameters.baseline: {name} goes by what the trees were trained with")
        return name


def check_known(wish: Wish) -> None:
    """Nothing, if all that the caller said means something.

    Errors: INVALID_ARGUMENT naming the first key that does not.
    """
    for key in wish.parameters:
        if key not in KEYS:
            raise invalid(f"parameters.{key}: there is no such key; there is {', '.join(KEYS)}")


def check_budget(rows: int, budget: int) -> None:
    """Nothing, if a request may ask for so many rows.

    Errors: INVALID_ARGUMENT naming the limit.
    """
    if budget > MOST_BUDGET:
        raise invalid(f"parameters.budget: {budget} is above the limit of {MOST_BUDGET} rows")
    if rows > budget:
        raise invalid(
            f"{rows} rows are to be explained, and the model may be asked for {budget} in all: explain fewer "
            f"at once, or raise parameters.budget, to {MOST_BUDGET} at most"
        )
