"""Claims what scikit-learn's users save. Pickles are code, and loaded in workers; skops' files are data."""

import importlib
import os
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import structlog

from dragoman.core.errors import Code, DragomanError
from dragoman.engines.base import Artifact, Claim, Engine, Resources, TreeSnapshot, Trust
from dragoman.engines.options import read_options
from dragoman.engines.sklearn.estimator import methods_of, read_table
from dragoman.engines.sklearn.options import SklearnOptions
from dragoman.engines.table_model import TableModel, check_concurrency
from dragoman.engines.tables import missing, only_file
from dragoman.settings.model import ModelSettings

PICKLES: Final = (".joblib", ".pkl", ".pickle")
SKOPS: Final = ".skops"
CODE: Final = ("MAR-INF", "model.py")  # whose pickles are their own to read
MEMORY_FACTOR: Final = 10  # files may be compressed


class SklearnEngine(Engine):
    """scikit-learn's estimators, and others with its methods, from pickles."""

    name: ClassVar[str] = "sklearn"
    looks_for: ClassVar[str] = "model.joblib, model.pkl, or one file *.joblib, *.pkl or *.pickle"
    trust: ClassVar[Trust] = Trust.RUNS_CODE
    package: ClassVar[str | None] = "sklearn"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """`model.joblib` or another pickle of that name, else the only one; none beside code of its own."""
        if settings.engine != cls.name and any(name in files.top_level for name in CODE):
            return None
        found = only_file(files.top_level, PICKLES)
        return None if found is None else Claim(found, (found,))

    def estimate(self, artifact: Artifact) -> Resources:
        """An upper bound from the size of the file."""
        return Resources(MEMORY_FACTOR * os.path.getsize(artifact.path))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TableModel:
        """The model, ready for `infer`.

        Errors: as `loaded` says.
        """
        return loaded(artifact, options, self.name, read_pickle)


class SkopsEngine(SklearnEngine):
    """scikit-learn's estimators from skops' files, which hold no code."""

    name: ClassVar[str] = "skops"
    looks_for: ClassVar[str] = f"model{SKOPS}, or one file *{SKOPS}"
    trust: ClassVar[Trust] = Trust.DATA_ONLY
    package: ClassVar[str | None] = "skops"

    @classmethod
    def claim(cls, files: TreeSnapshot, settings: ModelSettings) -> Claim | None:
        """`model.skops`, else the only such file."""
        found = only_file(files.top_level, (SKOPS,))
        return None if found is None else Claim(found, (found,))

    def load(self, artifact: Artifact, options: Mapping[str, Any]) -> TableModel:
        """The model, ready for `infer`.

        Errors: as `loaded` says; FAILED_PRECONDITION naming what is not scikit-learn's.
        """
        return loaded(artifact, options, self.name, read_skops)


def loaded(
    artifact: Artifact, options: Mapping[str, Any], engine: str, read: Callable[[str, str], Any]
) -> TableModel:
    """The model in a file that `read` reads.

    Errors: INVALID_ARGUMENT for an option; NOT_FOUND for a file that is not there; FAILED_PRECONDITION where
    a package is missing, or the object is no fitted estimator; INTERNAL for a file that cannot be read.
    """
    chosen = read_options(options, SklearnOptions, engine)
    check_concurrency(chosen.concurrency)
    file = os.path.basename(artifact.path)
    if not os.path.isfile(artifact.path):
        raise DragomanError(Code.NOT_FOUND, f"{file} does not load: there is no such file")
    estimator = refusing(lambda: read(artifact.path, engine), artifact, file)
    table = read_table(estimator, chosen, file)
    if table.names:
        import_package("pandas", engine)
    title = f"model {artifact.model} version {artifact.version}"
    return TableModel(table, methods_of(estimator, table), chosen.concurrency or 1, title)


def refusing(read: Callable[[], Any], artifact: Artifact, file: str) -> Any:
    """What is read.

    Errors: DragomanError only; what the library said goes to the log.
    """
    try:
        return read()
    except DragomanError:
        raise
    except ModuleNotFoundError as error:
        message = f"{file} needs the module {error.name}, which is not installed"
        raise DragomanError(Code.FAILED_PRECONDITION, message) from error
    except Exception as error:
        structlog.get_logger("dragoman.engines.sklearn").error(
            "a file was refused", model=artifact.model, version=artifact.version, exc_info=error
        )
        why = "it is truncated, damaged, of another kind, or of other releases than those installed"
        raise DragomanError(Code.INTERNAL, f"{file} does not load: {why}; the log tells more") from error


def read_pickle(path: str, engine: str) -> Any:
    """The object in a pickle, whether joblib wrote it or pickle. Runs what the pickle says."""
    import_package("sklearn", engine)
    return import_package("joblib", engine).load(path)


def read_skops(path: str, engine: str) -> Any:
    """The object in skops' file, if it is of types of scikit-learn and NumPy alone.

    Errors: FAILED_PRECONDITION naming the others; what skops raises.
    """
    import_package("skops", engine)
    reader = import_package("skops.io", engine)
    if others := reader.get_untrusted_types(file=path):
        named = ", ".join(sorted(others)[:5])
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{os.path.basename(path)} does not load: it holds {named}, and data may hold only "
            "what is scikit-learn's, SciPy's and NumPy's own",
        )
    return reader.load(path)


def import_package(name: str, engine: str) -> Any:
    """A package that comes with the extra.

    Errors: FAILED_PRECONDITION naming the extra.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(name, name)
        raise DragomanError(Code.FAILED_PRECONDITION, missing(engine, package, "sklearn")) from error
