"""What of the metrics is shown, and what is written to files."""

from typing import Any, Final

from dragoman.config.dialect import Level, Note
from dragoman.config.dialects.torchserve.configuration import Configuration
from dragoman.config.writer import Writer

MODES: Final = ("log", "prometheus", "legacy")
FOLDER_VARIABLE: Final = "METRICS_LOCATION"  # which TorchServe's configuration of its logs looks at
FOLDER: Final = "logs"


def write_metrics(writer: Writer, config: Configuration) -> None:
    """`metrics`.

    Errors: INVALID_ARGUMENT for an interval that is no number.
    """
    mode = config.text("metrics_mode").strip().lower()
    if mode not in MODES:
        text = f"{mode} is not one of {', '.join(MODES)}; log counts, as in TorchServe"
        writer.notes.append(Note(config.origin("metrics_mode"), Level.IGNORED, text))
        mode = MODES[0]
    seconds = 0 if config.on("disable_system_metrics") else config.number("metric_time_interval")
    found: dict[str, Any] = {"torchserve": mode, "torchserve_system_s": seconds}
    if config.text("metrics_config"):
        found["torchserve_file"] = config.text("metrics_config")
    if config.on("model_metrics_auto_detect"):
        found["torchserve_auto_detect"] = True
    if mode != "prometheus":
        found["torchserve_folder"] = writer.source.environment.get(FOLDER_VARIABLE) or FOLDER
    for key, value in found.items():
        writer.set(f"metrics.{key}", value, config.origin("metrics_mode"))
