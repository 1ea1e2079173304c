"""`config` of a request to load: Triton's `ModelConfig` as JSON, in place of the model's own configuration.

protobuf's JSON reads it, as in Triton: names in snake or camel case, integers also as texts, no unknown keys.
A field that changes what the model answers, and that nothing here could follow, is refused; those of Triton's
own machinery (`optimization`, `response_cache`, agents, metrics) are taken, and have no effect.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import ParseDict, ParseError

from dragoman.core.configuration import Batching, ModelConfiguration, VersionChoice, WarmUp
from dragoman.core.errors import invalid
from dragoman.core.override import DemandedTensor, Demands, Override
from dragoman.core.tensors import DType, Shape
from dragoman.protocols.kserve_v2.configuration import DATA_TYPES
from dragoman.protocols.kserve_v2.operator_messages import messages
from dragoman.protocols.kserve_v2.platforms import ENGINES
from dragoman.wire.json_tree import excerpt, load_strictly

if TYPE_CHECKING:
    from dragoman.wire.protos.inference.model_config_pb2 import ModelConfig

MAX_DEPTH: Final = 100  # what protobuf's JSON takes
MOST_SHOWN: Final = 300  # characters of a reason
MOST_INSTANCES: Final = 1024
MOST_ROWS: Final = 65536  # of the made-up inputs of a warm-up
MOST_RUNS: Final = 10_000
MOST_DELAY_US: Final = 3_600_000_000
NOT_FOLLOWED: Final = ("sequence_batching", "ensemble_scheduling", "batch_input", "batch_output")
# What is looked at of each part; another field of it that is given is refused.
PARTS: Final[Mapping[str, tuple[str, ...]]] = {
    "input": ("name", "data_type", "format", "dims", "optional"),
    "output": ("name", "data_type", "dims"),
    "instance_group": ("name", "count", "kind"),
    "dynamic_batching": (
        "preferred_batch_size",
        "max_queue_delay_microseconds",
        "preserve_ordering",
        "default_queue_policy",
    ),
    "default_queue_policy": ("max_queue_size",),
    "model_warmup": ("name", "batch_size", "inputs", "count"),
    "inputs": ("data_type", "dims", "zero_data", "random_data"),
}
DTYPES: Final[Mapping[str, DType]] = {name: dtype for dtype, name in DATA_TYPES.items()}


def read_override(text: str, model: str, files: Mapping[str, bytes]) -> Override:
    """The configuration that stands in a text, for a model of that name.

    Errors: INVALID_ARGUMENT naming the field.
    """
    config = read_config(text)
    for key in NOT_FOLLOWED:
        if any(field.name == key for field, _ in config.ListFields()):
            raise invalid(f"config: {key} is not supported")
    if config.name not in ("", model):
        raise invalid(f"config: name is {config.name!r}, and the model is {model!r}")
    batching = read_batching(config)
    batches = batching is not None
    return Override(
        engine=read_engine(config),
        choice=read_choice(config),
        configuration=ModelConfiguration(
            file=config.default_model_filename,
            batching=batching,
            instances=read_instances(config),
            warm_up=read_warm_up(config, batching),
            options={name: option.string_value for name, option in config.parameters.items()},
        ),
        demands=Demands(
            file=config.default_model_filename,
            inputs=read_tensors(config, "input", batches=batches),
            outputs=read_tensors(config, "output", batches=batches),
            parts=config.model_transaction_policy.decoupled,
        ),
        files=files,
    )


def read_config(text: str) -> "ModelConfig":
    """The message.

    Errors: INVALID_ARGUMENT.
    """
    tree = load_strictly(text)
    if type(tree) is not dict:
        raise invalid(f"config must be a JSON object, not {excerpt(tree)}")
    try:
        return ParseDict(tree, messages().ModelConfig(), max_recursion_depth=MAX_DEPTH)
    except (ParseError, ValueError, TypeError) as error:
        first = str(error).partition("\n")[0].replace("inference.", "")
        raise invalid(f"config: {first[:MOST_SHOWN]}") from None


def read_engine(config: "ModelConfig") -> str | None:
    """The engine; None = it is not said.

    Errors: INVALID_ARGUMENT where both of its names are given, and are not of one.
    """
    names = [name for name in (config.platform, config.backend) if name]
    engines = {ENGINES.get(name, name) for name in names}
    if len(engines) > 1:
        raise invalid(f"config: platform {names[0]!r} and backend {names[1]!r} are not the same")
    return next(iter(engines), None)


def read_choice(config: "ModelConfig") -> VersionChoice:
    """Which versions serve.

    Errors: INVALID_ARGUMENT for none, or a negative one.
    """
    policy = config.version_policy
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return VersionChoice(all=True)
    if kind == "specific":
        versions = tuple(policy.specific.versions)
        if not versions or min(versions) < 0:
            raise invalid("config: version_policy.specific must name versions")
        return VersionChoice(specific=versions)
    return VersionChoice(latest=max(1, policy.latest.num_versions))


def read_batching(config: "ModelConfig") -> Batching | None:
    """How requests are joined; None = they are not.

    Sizes that are preferred are those that batches are filled up to, where the last is the largest: what our
    own configuration prints. Triton's others say when not to wait any longer, which nothing here depends on.
    Errors: INVALID_ARGUMENT.
    """
    rows, told = config.max_batch_size, config.dynamic_batching
    if rows < 0:
        raise invalid(f"config: max_batch_size must not be negative, and is {rows}")
    if not rows:
        if config.HasField("dynamic_batching"):
            raise invalid("config: dynamic_batching needs a max_batch_size above 0")
        return None
    check_fields(told, "dynamic_batching")
    check_fields(told.default_queue_policy, "default_queue_policy")
    sizes = tuple(told.preferred_batch_size)
    if any(not 0 < size <= rows for size in sizes):
        raise invalid(f"config: dynamic_batching.preferred_batch_size must be from 1 to {rows}")
    delay_us = told.max_queue_delay_microseconds
    check_most("dynamic_batching.max_queue_delay_microseconds", delay_us, MOST_DELAY_US)
    filled = sizes if len(sizes) > 1 and sizes[-1] == rows else ()
    return Batching(rows, delay_us, filled, told.default_queue_policy.max_queue_size)


def read_instances(config: "ModelConfig") -> int:
    """How many there are.

    Errors: INVALID_ARGUMENT.
    """
    count = 0
    for group in config.instance_group:
        check_fields(group, "instance_group")
        if group.kind == group.KIND_GPU:
            raise invalid("config: instance_group: an engine's options say where it runs, not KIND_GPU")
        if group.count < 0:
            raise invalid(f"config: instance_group: count must not be negative, and is {group.count}")
        count += group.count or 1
    check_most("instance_group: count", count, MOST_INSTANCES)
    return count or 1


def read_warm_up(config: "ModelConfig", batching: Batching | None) -> WarmUp | None:
    """The calls before the model serves; None = nothing is said of them.

    Errors: INVALID_ARGUMENT.
    """
    if len(config.model_warmup) > 1:
        raise invalid("config: model_warmup may have one entry, whose inputs are made up")
    for entry in config.model_warmup:
        check_fields(entry, "model_warmup")
        for given in entry.inputs.values():
            check_fields(given, "inputs", "model_warmup.inputs")
        first = [given.dims[0] for given in entry.inputs.values() if given.dims]
        rows = entry.batch_size if batching is not None else max(first, default=1)
        check_most("model_warmup.batch_size", rows, MOST_ROWS)
        check_most("model_warmup.count", entry.count, MOST_RUNS)
        return WarmUp(max(1, rows), entry.count or 1)
    return None


def read_tensors(config: "ModelConfig", role: str, *, batches: bool) -> tuple[DemandedTensor, ...]:
    """The inputs or outputs; their shapes are whole ones.

    Errors: INVALID_ARGUMENT naming the tensor.
    """
    made: dict[str, DemandedTensor] = {}
    for tensor in getattr(config, role):
        if not tensor.name or tensor.name in made:
            raise invalid(f"config: {role}: a name is {'missing' if not tensor.name else 'there twice'}")
        check_fields(tensor, role, f"{role} {tensor.name!r}")
        word = tensor.DESCRIPTOR.fields_by_name["data_type"].enum_type.values_by_number[tensor.data_type].name
        shape = read_dims(tensor.dims, f"{role} {tensor.name!r}")
        made[tensor.name] = DemandedTensor(
            tensor.name, DTYPES.get(word), (None, *shape) if batches else shape
        )
    return tuple(made.values())


def read_dims(dims: Any, owner: str) -> Shape:
    """The sizes; -1 is any.

    Errors: INVALID_ARGUMENT naming the tensor for a size that is none.
    """
    if any(size < -1 for size in dims):
        raise invalid(f"config: {owner}: dims are sizes, or -1 for any")
    return tuple(None if size == -1 else size for size in dims)


def check_fields(message: Any, part: str, shown: str = "") -> None:
    """Nothing, if no field is given of which nothing could be made.

    Errors: INVALID_ARGUMENT naming it.
    """
    for field, _ in message.ListFields():
        if field.name not in PARTS[part]:
            raise invalid(f"config: {shown or part}: {field.name} is not supported")


def check_most(key: str, value: int, most: int) -> None:
    """Nothing, if the number is not too large.

    Errors: INVALID_ARGUMENT.
    """
    if value > most:
        raise invalid(f"config: {key} is {value}; the most is {most}")
