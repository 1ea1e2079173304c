"""Which metrics are shown, by flags or by the file."""

from typing import Final, get_args

from dragoman.config.dialects.ovms.config_file import Metrics
from dragoman.config.writer import Writer
from dragoman.core.errors import invalid
from dragoman.settings.server import OvmsFamily

FAMILIES: Final[tuple[str, ...]] = get_args(OvmsFamily)
ENABLE: Final = "metrics_enable"
LIST: Final = "metrics_list"


def write_metrics(writer: Writer) -> None:
    """`metrics` from flags.

    Errors: INVALID_ARGUMENT.
    """
    if writer.line.on(ENABLE):
        families = tuple(filter(None, map(str.strip, writer.line.text(LIST).split(","))))
        write_families(writer, Metrics(enable=True, metrics_list=families), f"--{LIST}")


def write_monitoring(writer: Writer, metrics: Metrics, path: str) -> None:
    """`metrics` from a file.

    Errors: INVALID_ARGUMENT, also where flags say it, too, and where there is no page to show them on.
    """
    where = f"{path}: monitoring.metrics"
    if writer.line.on(ENABLE):
        raise invalid(f"{where}: is not given together with --{ENABLE}")
    if metrics.enable and not writer.line.number("rest_port"):
        raise invalid(f"{where}.enable: metrics are shown at --rest_port, which is not given")
    write_families(writer, metrics, f"{where}.{LIST}")


def write_families(writer: Writer, metrics: Metrics, origin: str) -> None:
    """Whether metrics are shown, and which families instead of the usual ones.

    Errors: INVALID_ARGUMENT for one that there is not.
    """
    unknown = [name for name in metrics.metrics_list if name not in FAMILIES]
    if unknown:
        raise invalid(f"{origin}: there is no family {unknown[0]!r}; there are {', '.join(FAMILIES)}")
    writer.set("metrics.ovms", metrics.enable, origin)
    if metrics.metrics_list:
        writer.set("metrics.ovms_families", list(metrics.metrics_list), origin)
