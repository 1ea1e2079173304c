"""Other names for a model's inputs and outputs, from a file that lies in the version's folder.

OpenVINO Model Server's `mapping_config.json`: `{"inputs": {"model's": "callers'"}, "outputs": {...}}`. A name
that the model does not have is passed over, as it is there: one file may serve several versions.
"""

import os
from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.core.errors import Code, DragomanError, invalid
from dragoman.core.signatures import Signature, TensorSpec

MOST_BYTES: Final = 1 << 20
Names = Mapping[str, str]


class TensorNames(Struct, frozen=True, forbid_unknown_fields=True):
    """The callers' names by the model's own."""

    inputs: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)


def renamed_signatures(found: Mapping[str, Signature], folder: str, file: str) -> Mapping[str, Signature]:
    """The signatures under the callers' names; as they are where no file is asked for, or none is there.

    Errors: INVALID_ARGUMENT naming file and key for a file of another form, and for a name given twice.
    """
    path = os.path.join(folder, file)
    if not file or not os.path.isfile(path):
        return found
    names = read_names(path, file)
    return {
        name: replace(
            signature,
            inputs=renamed(signature.inputs, names.inputs, f"{file}: inputs"),
            outputs=renamed(signature.outputs, names.outputs, f"{file}: outputs"),
        )
        for name, signature in found.items()
    }


def read_names(path: str, shown: str) -> TensorNames:
    """What the file says.

    Errors: INVALID_ARGUMENT naming the file; PERMISSION_DENIED where it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or "unknown reason").lower()
        raise DragomanError(Code.PERMISSION_DENIED, f"{shown} cannot be read: {reason}") from error
    if len(data) > MOST_BYTES:
        raise invalid(f"{shown}: the file is larger than {MOST_BYTES} bytes")
    try:
        return msgspec.json.decode(data, type=TensorNames)
    except msgspec.DecodeError as error:
        raise invalid(f"{shown}: {error}") from error


def renamed(specs: Mapping[str, TensorSpec], names: Names, key: str) -> Mapping[str, TensorSpec]:
    """The tensors under the callers' names.

    Errors: INVALID_ARGUMENT where two of them would have one name.
    """
    made: dict[str, TensorSpec] = {}
    for own, spec in specs.items():
        name = names.get(own, own)
        if name in made:
            raise invalid(f"{key}: two of the model's tensors would be called {name!r}")
        made[name] = replace(spec, name=name)
    return made
