"""The methods of runtimes that explain their own models, as libraries of boosted trees do."""

from math import prod
from typing import Final

import numpy as np
from msgspec.structs import replace

from dragoman.core.explanation import Attribution
from dragoman.core.signatures import Signature, TensorSpec
from dragoman.core.tensors import Array, DType
from dragoman.explain.task import Explained, Task

NAME: Final = "attributions"  # as the explanation calls the output
SUM_IS_OUTPUT: Final = 1e-3  # of the output's size, by which the numbers may miss it


def explaining(signature: Signature, output: str) -> Attribution | None:
    """How the model's runtime explains an output; None = it does not."""
    found = signature.attribution
    return found if found is not None and signature.outputs[output].source == found.explains else None


async def by_runtime(task: Task, attribution: Attribution) -> Explained:
    """What each value adds, as the model's runtime says."""
    instances, signature = task.instances, task.model.signature
    output = TensorSpec(NAME, DType.FP64, None, attribution.output)
    asking = replace(signature, name=f"{signature.name} {NAME}", outputs={NAME: output})
    model = task.model.as_signature(asking)
    given = await model.values(instances.count, instances.sent, NAME)
    task.model.infer_ns = model.infer_ns
    given = given.reshape(instances.count, -1, instances.width + 1)
    found = given[np.arange(instances.count), task.place.index]
    ordered = found[:, own_order(task, attribution)]
    return ordered, attribution.method + ("" if adds_up(task, found) else "; of the value before the link")


def own_order(task: Task, attribution: Attribution) -> Array:
    """Where each value of the instances is among the runtime's. Shapes: (width,)."""
    specs = task.model.signature.inputs
    sizes = {specs[one.name].source: prod(one.shape) for one in task.instances.columns}
    begins, begin = {}, 0
    for source in attribution.inputs:
        begins[source] = begin
        begin += sizes[source]
    places = [begins[specs[one.name].source] + np.arange(one.size) for one in task.instances.columns]
    return np.concatenate(places)


def adds_up(task: Task, found: Array) -> bool:
    """Whether the numbers add up to the output itself, and not to what a link function makes it of."""
    return bool(np.allclose(found.sum(axis=1), task.wholes, rtol=SUM_IS_OUTPUT, atol=SUM_IS_OUTPUT))
