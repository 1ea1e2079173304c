"""Recorded requests replayed on a version that has just been loaded: codec, adapters, model, and no more.

Any that fails fails the load, as in TensorFlow Serving: who records requests wants them answered.
"""

import os
from collections.abc import Iterator, Sequence

from dragoman.core.context import CallContext
from dragoman.core.errors import Code, DragomanError
from dragoman.core.requests import TensorRequest
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.execution.adapters import SignatureAdapter
from dragoman.execution.images.preparation import Preparation
from dragoman.repository.lifecycle import WarmUp
from dragoman.repository.loader import LoadedVersion
from dragoman.repository.source import Candidate
from dragoman.settings.limits import Limits
from dragoman.wire.messages import WireRequest
from dragoman.wire.operation import Draft, MultiDraft, ProtocolSpec, RecordedCall, Recording


def make_warm_up(specs: Sequence[ProtocolSpec], limits: Limits) -> WarmUp:
    """What replays the requests that these protocols find in a version's folder."""
    recordings = [spec.recording for spec in specs if spec.recording is not None]

    def warm_up(candidate: Candidate, version: LoadedVersion) -> None:
        if candidate.external is not None:
            return  # it has no folder
        for recording in recordings:
            data = read(os.path.join(candidate.path, recording.path))
            if data is not None:
                replay_all(f"{candidate.shown}/{recording.path}", recording, data, version, limits)

    return warm_up


def read(path: str) -> bytes | None:
    """The file's bytes, if there is one."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def replay_all(shown: str, recording: Recording, data: bytes, version: LoadedVersion, limits: Limits) -> None:
    """Answer every recorded request.

    Errors: that of the first one that fails, with its number.
    """
    number = 0
    try:
        for call, wire in recording.read(data):
            replay(call, wire, version, limits)
            number += 1
    except DragomanError as error:
        raise DragomanError(error.code, f"{shown}: record {number}: {error.message}") from error


def replay(call: RecordedCall, wire: WireRequest, version: LoadedVersion, limits: Limits) -> None:
    """Answer one recorded request, and throw the answer away."""
    for part in parts(call.parse(wire, limits)):
        signature = signature_of(version, part.target.signature or DEFAULT_SIGNATURE)
        adapter = SignatureAdapter(signature, version.model.signatures[signature.source])
        request, context = call.bind(part, signature), CallContext("warm-up")
        if isinstance(request, TensorRequest):
            request = Preparation(signature, limits).prepared(request, context)
        version.model.infer(adapter.to_engine(request), context)


def parts(draft: Draft) -> Iterator[Draft]:
    """The single calls of a request."""
    if isinstance(draft, MultiDraft):
        yield from draft.parts
    else:
        yield draft


def signature_of(version: LoadedVersion, name: str) -> Signature:
    """The signature of that name.

    Errors: NOT_FOUND.
    """
    signature = version.signatures.get(name)
    if signature is None:
        raise DragomanError(Code.NOT_FOUND, f"the model has no signature {name!r}")
    return signature
