"""Models as Hugging Face has them, converted once to OpenVINO's files and kept."""

from dragoman.engines.conversion.convert import Conversion, converted
from dragoman.engines.conversion.exporter import Exporter, find_exporter
from dragoman.engines.conversion.options import CLOSED, ConversionOptions

__all__ = ["CLOSED", "Conversion", "ConversionOptions", "Exporter", "converted", "find_exporter"]
