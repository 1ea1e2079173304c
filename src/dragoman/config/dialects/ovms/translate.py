"""OpenVINO Model Server's command line and `config.json` as native settings."""

import json
import posixpath
from collections.abc import Iterator
from typing import Any, Final

from msgspec import UNSET

from dragoman import __version__
from dragoman.config.command_line import CommandLine, read_command_line
from dragoman.config.dialect import Level, Note, Source, Translation
from dragoman.config.dialects.ovms.config_file import (
    KEYS,
    Config,
    Model,
    Policy,
    decoded,
    read_config,
)
from dragoman.config.dialects.ovms.editing import COMMANDS
from dragoman.config.dialects.ovms.flags import FLAGS, MODEL_FLAGS
from dragoman.config.dialects.ovms.listeners import write_listeners
from dragoman.config.dialects.ovms.metrics import write_metrics, write_monitoring
from dragoman.config.dialects.ovms.models import ENGINE, model_tree, model_trees
from dragoman.config.dialects.ovms.pipelines import library_trees, pipeline_trees
from dragoman.config.writer import Writer
from dragoman.core.errors import DragomanError, invalid

NAME: Final = "ovms"
LOG_LEVELS: Final = {
    "TRACE": "debug",
    "DEBUG": "debug",
    "INFO": "info",
    "WARNING": "warning",
    "ERROR": "error",
}
BODY_BYTES: Final = 1 << 30  # of a request over REST, and of a message over gRPC
PREPROCESSING: Final = ("mean", "scale", "color_format", "precision")
PRECISIONS: Final = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}  # the others have one name


def translate(source: Source) -> Translation:
    """The native settings of a server that is started so.

    Errors: INVALID_ARGUMENT with a line for each value or file that is wrong.
    """
    line = read_command_line(FLAGS, source.arguments)
    unknown = [f"error parsing options: Option {word!r} does not exist" for word in line.unknown]
    if unknown:
        raise invalid("\n".join(unknown))
    if line.on("version"):
        return Translation({}, message=f"dragoman {__version__} in the place of OpenVINO Model Server")
    for flag, command in COMMANDS.items():
        if line.on(flag):
            return command(source, line)
    writer = Writer(source, line, NAME)
    mistakes = list(conflicts(line))
    for part in (write_models, write_listeners, write_metrics, write_rest):
        try:
            part(writer)
        except DragomanError as error:
            mistakes += error.message.splitlines()
    if mistakes:
        raise invalid("\n".join(mistakes))
    return Translation(writer.tree, writer.origins, (*flag_notes(line), *writer.notes))


def conflicts(line: CommandLine) -> Iterator[str]:
    """Flags that do not go together, and values that none can have."""
    given = sorted(line.given.keys() & MODEL_FLAGS)
    if line.text("config_path"):
        yield from (f"--{name}: is not given together with --config_path" for name in given)
    elif given and not (line.text("model_name") and line.text("model_path")):
        yield "--model_name and --model_path: give both, or --config_path"
    for name in ("port", "rest_port"):
        if not 0 <= line.number(name) <= 65535:
            yield f"--{name}: {line.number(name)} is no port"
    if line.text("metrics_list") and not line.on("metrics_enable"):
        yield "--metrics_list: is given without --metrics_enable"
    if line.on("metrics_enable") and not line.number("rest_port"):
        yield "--metrics_enable: metrics are shown at --rest_port, which is not given"
    if line.text("log_level") not in LOG_LEVELS:
        yield f"--log_level: {line.text('log_level')!r} is not one of {', '.join(LOG_LEVELS)}"


def write_models(writer: Writer) -> None:
    """`models`, `pipelines` and `node_libraries`; none where the command line has a PATH of its own.

    Errors: INVALID_ARGUMENT.
    """
    path = writer.line.text("config_path")
    if path:
        write_file(writer, read_config(writer.source.read(path), path), path)
    elif writer.line.text("model_name"):
        write_one(writer)
    elif writer.source.path is None:
        raise invalid("--config_path, or --model_name and --model_path: give one of them")


def write_file(writer: Writer, config: Config, path: str) -> None:
    """What a file names."""
    folder = posixpath.dirname(path)
    models, notes = model_trees([entry.config for entry in config.model_config_list], folder)
    writer.notes += notes
    writer.set("models", models, path)
    libraries, notes = library_trees(config.custom_node_library_config_list, folder, len(models))
    writer.notes += notes
    pipelines, notes = pipeline_trees(config.pipeline_config_list, [model["name"] for model in models])
    writer.notes += notes
    for key, trees in (("node_libraries", libraries), ("pipelines", pipelines)):
        if trees:
            writer.set(key, trees, path)
    for key, value in (
        ("custom_loader_config_list", config.custom_loader_config_list),
        ("mediapipe_config_list", config.mediapipe_config_list),
    ):
        if value:
            writer.notes.append(Note(f"{path}: {key}", *KEYS["the file"][key]))
    if config.monitoring:
        write_monitoring(writer, config.monitoring.metrics, path)


def write_one(writer: Writer) -> None:
    """The one model of a command line.

    Errors: INVALID_ARGUMENT for JSON in a flag that is none.
    """
    line = writer.line
    policy = line.text("model_version_policy")
    plugin_config = line.text("plugin_config")
    model = Model(
        name=line.text("model_name"),
        base_path=line.text("model_path"),
        batch_size=number_or_text(line.text("batch_size")),
        shape=text_or_object(line, "shape"),
        layout=text_or_object(line, "layout"),
        nireq=line.number("nireq"),
        target_device=line.text("target_device"),
        plugin_config=decoded(plugin_config, dict[str, bool | int | float | str], "--plugin_config")
        if plugin_config
        else {},
        model_version_policy=decoded(policy, Policy, "--model_version_policy") if policy else UNSET,
    )
    tree = model_tree(model, "")
    preprocessing = {key: value(line.text(key)) for key in PREPROCESSING if line.text(key)}
    if "precision" in preprocessing:
        preprocessing["precision"] = PRECISIONS.get(preprocessing["precision"], preprocessing["precision"])
    if preprocessing:
        tree["preprocessing"] = {**tree.get("preprocessing", {}), **preprocessing}
    writer.set("models", [tree], "--model_name and --model_path")
    writer.set("loading.required", True, "--model_name and --model_path")


def number_or_text(text: str) -> int | str:
    """A batch size: a number where it is one."""
    return int(text) if text.isdecimal() else text or 0


def text_or_object(line: CommandLine, name: str) -> str | dict[str, str]:
    """A flag for the only tensor, or a JSON object by tensor."""
    text = line.text(name)
    return decoded(text, dict[str, str], f"--{name}") if text.lstrip().startswith("{") else text


def value(text: str) -> Any:
    """A number, a list of numbers as `[a,b,c]` or `(a,b,c)`, or a text."""
    try:
        return json.loads(text.replace("(", "[").replace(")", "]"))
    except ValueError:
        return text


def write_rest(writer: Writer) -> None:
    """How often files are looked at, how large a request may be, the log, and a place for compiled models."""
    line = writer.line
    wait = "file_system_poll_wait_seconds"
    for key in ("polling.poll_s", "config_poll_s"):
        writer.set(key, line.number(wait), f"--{wait}")
    if "log_level" in line.given:
        level = LOG_LEVELS.get(line.text("log_level"), "info")
        writer.set("log.level", level, "--log_level")
    writer.set("limits.body_bytes", BODY_BYTES, "OpenVINO Model Server's own limit")
    if line.text("cache_dir"):
        writer.set(f"engine_options.{ENGINE}.cache_dir", line.text("cache_dir"), "--cache_dir")


def flag_notes(line: CommandLine) -> Iterator[Note]:
    """A note for each flag that is given."""
    for name, given in line.given.items():
        flag = FLAGS[name]
        if given == flag.default:
            yield Note(f"--{name}", Level.HONOURED, "its default")
        else:
            yield Note(f"--{name}", flag.level, flag.text)


def recognise(text: str, path: str) -> list[str]:
    """The command line that serves a `config.json`; nothing where the file is none."""
    if not path.endswith(".json") or '"model_config_list"' not in text:
        return []
    return [f"--config_path={path}", "--port=9000", "--rest_port=8000"]
