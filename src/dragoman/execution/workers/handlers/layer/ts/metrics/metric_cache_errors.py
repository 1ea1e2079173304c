"""What a handler gets for a metric that cannot be."""


class GeneralMetricsCacheError(Exception):
    """Something else."""


class MetricsCacheIOError(OSError):
    """A metrics file that cannot be read."""


class MetricsCachePyYamlError(Exception):
    """A metrics file that is no YAML."""


class MetricsCacheTypeError(TypeError):
    """A name, unit or kind of the wrong type."""


class MetricsCacheValueError(ValueError):
    """A unit that the metric cannot have; a metrics file without metrics."""


class MetricsCacheKeyError(KeyError):
    """A metric that there is not; a key that is missing in a metrics file."""
