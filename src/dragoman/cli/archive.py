"""`dragoman archive`: what `torch-model-archiver` does, with its flags."""

import os
import sys
from typing import Annotated

from cyclopts import Parameter

from dragoman.cli.failure import FailureError
from dragoman.cli.view import say
from dragoman.core.errors import DragomanError
from dragoman.repository.archives.packing import Form, Packed, Parts, Runtime, pack

Switch = Annotated[bool, Parameter(name=("--force", "-f"), negative="")]
Version = Annotated[str, Parameter(name=("--version", "-v"))]


def archive(
    *,
    model_name: str,
    version: Version,
    handler: str,
    serialized_file: str | None = None,
    model_file: str | None = None,
    extra_files: str | None = None,
    runtime: Runtime = "python",
    export_path: str | None = None,
    archive_format: Form = "default",
    force: Switch = False,
    requirements_file: Annotated[str | None, Parameter(name=("--requirements-file", "-r"))] = None,
    config_file: Annotated[str | None, Parameter(name=("--config-file", "-c"))] = None,
) -> None:
    """Make a model archive, as torch-model-archiver does, with its flags.

    Parameters
    ----------
    model_name:
        The model's name, and that of the file.
    version:
        The version's name, any text.
    handler:
        A Python file, FILE:FUNCTION, or the name of a handler that comes along, such as image_classifier.
    serialized_file:
        The weights: a state dict, TorchScript or ONNX.
    model_file:
        The Python file with the model's class, where the weights are a state dict.
    extra_files:
        Other files, folders and wildcards, with commas between them.
    runtime:
        What runs the handler. dragoman runs python alone.
    export_path:
        The folder that the archive is written to. [default: the working directory]
    archive_format:
        NAME.mar; zip-store: the same, not compressed; tgz: NAME.tar.gz; no-archive: a folder NAME.
    force:
        Replace an archive that is there already.
    requirements_file:
        Python packages that the handler needs.
    config_file:
        The model's model-config.yaml.
    """
    extra = tuple(path.strip() for path in (extra_files or "").split(",") if path.strip())
    parts = Parts(
        model_name=model_name,
        version=version,
        handler=handler,
        runtime=runtime,
        model_file=model_file or "",
        serialized_file=serialized_file or "",
        extra_files=extra,
        requirements_file=requirements_file or "",
        config_file=config_file or "",
    )
    try:
        tell(pack(parts, export_path or os.getcwd(), archive_format, replace=force))
    except DragomanError as error:
        raise FailureError(error.message) from error
    except OSError as error:
        raise FailureError(f"{error.filename}: {(error.strerror or str(error)).lower()}") from error


def tell(packed: Packed) -> None:
    """Say what was written."""
    for given in packed.unmatched:
        print(f"dragoman: extra files: {given}: no file is called so", file=sys.stderr)
    say(f"{packed.path}: {len(packed.members)} files; serve it with: dragoman serve {packed.path}")
