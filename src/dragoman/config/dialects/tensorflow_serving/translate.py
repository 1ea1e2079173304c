"""TensorFlow Serving's command line, environment and files as native settings."""

from collections.abc import Iterator
from typing import Final

from dragoman import __version__
from dragoman.config.command_line import CommandLine, read_command_line
from dragoman.config.dialect import Level, Note, Source, Translation
from dragoman.config.dialects.tensorflow_serving.flags import FLAGS
from dragoman.config.dialects.tensorflow_serving.joining import write_batching
from dragoman.config.dialects.tensorflow_serving.listeners import write_listeners
from dragoman.config.dialects.tensorflow_serving.models import write_models
from dragoman.config.dialects.tensorflow_serving.other_files import read_monitoring
from dragoman.config.writer import Writer
from dragoman.core.errors import DragomanError, invalid

THREADS: Final = ("session", "intra_op", "inter_op")


def translate(source: Source) -> Translation:
    """The native settings of a model server that is started so.

    Errors: INVALID_ARGUMENT with a line for each value or file that is wrong.
    """
    line = read_command_line(FLAGS, source.arguments)
    if line.on("version"):
        return Translation({}, message=f"dragoman {__version__} in the place of TensorFlow ModelServer")
    writer = Writer(source, line, "tfserving")
    mistakes: list[str] = []
    for part in (write_models, write_listeners, write_batching, write_metrics, write_timing, write_engines):
        try:
            part(writer)
        except DragomanError as error:
            mistakes += error.message.splitlines()
    if mistakes:
        raise invalid("\n".join(mistakes))
    return Translation(writer.tree, writer.origins, (*flag_notes(line), *writer.notes))


def write_metrics(writer: Writer) -> None:
    """`metrics`: the path that the reference shows its own names at."""
    if path := writer.line.text("monitoring_config_file"):
        shown_at, notes = read_monitoring(writer.source.read(path), path)
        writer.notes += notes
        writer.set("metrics.tensorflow_serving_path", shown_at, path)


def write_timing(writer: Writer) -> None:
    """How often files are looked at, and what is waited for how long. Below 0 is 0, as in the reference."""
    poll = "model_config_file_poll_wait_seconds"
    writer.set("config_poll_s", max(0, writer.line.number(poll)), f"--{poll}")
    for flag, key, scale in (
        ("rest_api_timeout_in_ms", "limits.request_timeout_s", 1e-3),
        ("file_system_poll_wait_seconds", "polling.poll_s", 1),
        ("max_num_load_retries", "loading.retries", 1),
        ("load_retry_interval_micros", "loading.first_pause_s", 1e-6),
    ):
        if flag in writer.line.given:
            writer.set(key, max(0, writer.line.number(flag)) * scale, f"--{flag}")
    if "load_retry_interval_micros" in writer.line.given:
        writer.set("loading.pause_factor", 1, "--load_retry_interval_micros")
    if not writer.line.on("enable_model_warmup"):
        writer.set("loading.recorded_warm_up", False, "--enable_model_warmup")
    if writer.line.number("num_load_threads") > 0:
        writer.set("loading.at_once", writer.line.number("num_load_threads"), "--num_load_threads")


def write_engines(writer: Writer) -> None:
    """`engine_options`: numbers of threads for TensorFlow and ONNX models, and what is TensorFlow's own.

    Errors: INVALID_ARGUMENT where all three numbers of threads are given, which the reference refuses.
    """
    line = writer.line
    session, intra, inter = (max(0, line.number(f"tensorflow_{name}_parallelism")) for name in THREADS)
    if session and intra and inter:
        raise invalid(
            "--tensorflow_session_parallelism cannot be given along with "
            "--tensorflow_intra_op_parallelism and --tensorflow_inter_op_parallelism"
        )
    for key, threads in (("intra_op_threads", intra or session), ("inter_op_threads", inter or session)):
        for engine in ("tensorflow", "onnx") if threads else ():
            writer.set(f"engine_options.{engine}.{key}", threads, "--tensorflow_..._parallelism")
    for flag, key, value in (
        ("saved_model_tags", "saved_model_tags", line.text("saved_model_tags").split(",")),
        ("per_process_gpu_memory_fraction", "gpu_memory_fraction", line["per_process_gpu_memory_fraction"]),
    ):
        if line[flag] != FLAGS[flag].default:
            writer.set(f"engine_options.tensorflow.{key}", value, f"--{flag}")


def flag_notes(line: CommandLine) -> Iterator[Note]:
    """A note for each flag that is given, and for each word that is none."""
    config_file = bool(line.text("model_config_file"))
    for name, value in line.given.items():
        flag = FLAGS[name]
        if name in ("model_name", "model_base_path") and config_file:
            yield Note(f"--{name}", Level.IGNORED, "--model_config_file names the models")
        elif value == flag.default:
            yield Note(f"--{name}", Level.HONOURED, "its default")
        else:
            yield Note(f"--{name}", flag.level, flag.text)
    for word in line.unknown:
        yield Note(word, Level.IGNORED, f"unknown argument: {word}")


def recognise(text: str, path: str) -> list[str]:
    """The command line that serves a file of models; nothing where the file is none."""
    return [f"--model_config_file={path}"] if "model_config_list" in text else []
