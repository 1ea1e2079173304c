"""A version's configuration as Triton's `ModelConfig`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice
from dragoman.core.requests import Target
from dragoman.core.signatures import Answers, TensorSpec
from dragoman.core.status import StatusReport
from dragoman.core.tensors import DType, Shape
from dragoman.protocols.kserve_v2.message_tree import message_tree
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.protocols.kserve_v2.platforms import platform_of
from dragoman.protocols.kserve_v2.status import default_signature, serving_version
from dragoman.protocols.kserve_v2.target import read_target
from dragoman.wire.datatypes import DATATYPES
from dragoman.wire.json_tree import dump
from dragoman.wire.messages import WireRequest, WireResponse

if TYPE_CHECKING:
    from dragoman.wire.protos.inference.model_config_pb2 import ModelConfig

DATA_TYPES: Final[Mapping[DType, str]] = {
    dtype: "TYPE_STRING" if dtype is DType.BYTES else f"TYPE_{name}" for dtype, name in DATATYPES.items()
}
UNKNOWN: Final = ModelConfiguration()
ANY_SIZE: Final = -1
MADE_UP: Final = 1  # for a size that is open, in inputs that are made up


def answer_configuration(wire: WireRequest, report: StatusReport) -> WireResponse:
    """The configuration of one version: of the one that is asked for, else of the one that serves.

    Errors: as `serving_version`.
    """
    return WireResponse(200, dump(message_tree(model_config(read_target(wire), report))))


def model_config(target: Target, report: StatusReport) -> "ModelConfig":
    """The message.

    Errors: as `serving_version`.
    """
    model, version = serving_version(target, report)
    told = version.configuration or UNKNOWN
    platform = platform_of(version.engine)
    batches = told.batching is not None
    config = messages().ModelConfig(
        name=model.name,
        platform=platform.name,
        backend=platform.backend,
        default_model_filename=told.file,
        max_batch_size=told.batching.rows if told.batching is not None else 0,
        instance_group=[{"name": model.name, "kind": instance_kind(told), "count": told.instances}],
        optimization={"input_pinned_memory": {"enable": False}, "output_pinned_memory": {"enable": False}},
    )
    set_version_policy(config, model.choice)
    for option, text in told.options.items():
        config.parameters[option].string_value = text
    if told.batching is not None:
        set_batching(config, told.batching)
    signature = default_signature(version)
    if signature is not None:
        for spec in signature.inputs.values():
            config.input.add(
                name=spec.name,
                data_type=DATA_TYPES[spec.dtype],
                dims=dims(spec.shape, batches=batches),
                optional=spec.default is not None,
            )
        for spec in signature.outputs.values():
            config.output.add(
                name=spec.name, data_type=DATA_TYPES[spec.dtype], dims=dims(spec.shape, batches=batches)
            )
        config.model_transaction_policy.decoupled = signature.answers is Answers.PARTS
        add_warm_up(config, told, signature.inputs)
    return config


def set_version_policy(config: "ModelConfig", choice: VersionChoice) -> None:
    """Fill in which versions serve."""
    policy = config.version_policy
    if choice.all:
        policy.all.SetInParent()
    elif choice.specific:
        policy.specific.versions.extend(choice.specific)
    else:
        policy.latest.num_versions = choice.latest


def set_batching(config: "ModelConfig", batching: Batching) -> None:
    """Fill in how requests are joined; where no sizes are preferred, the largest is, as in Triton."""
    made = config.dynamic_batching
    made.preferred_batch_size.extend(batching.sizes or (batching.rows,))
    made.max_queue_delay_microseconds = batching.delay_us
    made.default_queue_policy.max_queue_size = batching.queue


def add_warm_up(config: "ModelConfig", told: ModelConfiguration, inputs: Mapping[str, TensorSpec]) -> None:
    """Fill in the calls with made-up inputs that somebody asked for."""
    warm_up = told.warm_up
    if warm_up is None or not warm_up.runs:
        return
    batches = told.batching is not None
    made = config.model_warmup.add(
        name="warm_up", batch_size=warm_up.rows if batches else 0, count=warm_up.runs
    )
    for name, spec in inputs.items():
        sizes = dims(spec.shape, batches=batches)
        if sizes and sizes[0] == ANY_SIZE and not batches:
            sizes[0] = warm_up.rows
        given = made.inputs[name]
        given.data_type = DATA_TYPES[spec.dtype]  # type: ignore[assignment]  # protobuf takes names of values
        given.dims.extend(MADE_UP if size == ANY_SIZE else size for size in sizes)
        given.random_data = True


def dims(shape: Shape | None, *, batches: bool) -> list[int]:
    """The sizes of a tensor, of one row where the model takes batches; -1 = any size.

    Where even the rank is open, one such size stands for all.
    """
    if shape is None:
        return [ANY_SIZE]
    return [ANY_SIZE if size is None else size for size in (shape[1:] if batches else shape)]


def instance_kind(told: ModelConfiguration) -> str:
    """Where instances run: on the CPU, or where the engine's own options say."""
    return "KIND_AUTO" if "providers" in told.options else "KIND_CPU"
