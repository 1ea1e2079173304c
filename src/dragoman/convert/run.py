"""The way of one conversion."""

from pathlib import Path

from msgspec import Struct

from dragoman.convert.comparing import Answers, Compared, answers, compare, shown_row, shown_values
from dragoman.convert.messages import Done, Form, Order, shown
from dragoman.convert.placing import (
    FILE,
    Place,
    check_free,
    copy_baseline,
    draft,
    place_for,
    put,
    sidecar,
    write_sidecar,
)
from dragoman.convert.process import converted
from dragoman.convert.sampling import Inputs, made_up, of_file, rows_of
from dragoman.convert.source import Source, find_source, load, settings_of
from dragoman.convert.timing import timed
from dragoman.convert.wanted import Converted, Tell, Wanted
from dragoman.core.errors import Code, DragomanError
from dragoman.core.signatures import DEFAULT_SIGNATURE, Signature
from dragoman.repository.loader import LoadedVersion
from dragoman.repository.sidecar import read_sidecar
from dragoman.repository.source import Candidate


class Trial(Struct):
    """One form of the model as ONNX, loaded, and how it compares."""

    form: Form
    version: LoadedVersion
    compared: Compared


def convert(wanted: Wanted, tell: Tell) -> Converted:
    """Convert the model, compare, time, and put it in place.

    Errors: DragomanError; FAILED_PRECONDITION with the worst row where the answers are not equal. Nothing is
    left at the place then.
    """
    source = find_source(wanted.source, trust_code=wanted.trust_code)
    place = place_for(source, wanted.output)
    check_free(place, force=wanted.force)
    tell(f"loading {source.candidate.shown} (engine {source.engine})")
    before = load(source.candidate)
    try:
        check_typed(before, source)
        with draft(place) as folder:
            return tried(wanted, source, before, place, folder, tell)
    finally:
        before.close()


def check_typed(version: LoadedVersion, source: Source) -> None:
    """Nothing, if the model says what tensors it takes.

    Errors: FAILED_PRECONDITION.
    """
    if any(signature.untyped for signature in version.model.signatures.values()):
        raise DragomanError(
            Code.FAILED_PRECONDITION,
            f"{source.candidate.shown} does not say of which types and shapes its tensors are: declare "
            "options.inputs and options.outputs in its model.yaml (docs/engines/torch.md)",
        )


def tried(
    wanted: Wanted, source: Source, before: LoadedVersion, place: Place, folder: Path, tell: Tell
) -> Converted:
    """Convert into the folder, compare each form, and keep the first that is equal."""
    given = None if wanted.samples is None else of_file(main_signature(before), wanted.samples)
    signatures = {name: shown(signature) for name, signature in before.model.signatures.items()}
    order = Order(source.engine, source.entry, settings_of(source), str(folder), signatures)
    done = converted(order, tell)
    inputs = given or made_up(main_signature(before), done.hints, wanted.rows, wanted.seed)
    rows = rows_of(inputs)
    tell(f"comparing {rows} rows")
    expected = answers(before, inputs, done.signatures)
    tell_left_out(before, done, tell)
    write_sidecar(folder, sidecar(source, before, done.signatures))
    trial = first_equal(done, source, folder, expected, inputs, wanted.tolerance)
    try:
        if trial.compared.unequal:
            raise unequal(trial, inputs, source)
        tell("timing both in turns")
        timings = timed(before, trial.version, inputs, done.signatures)
    finally:
        trial.version.close()
    arrange(folder, trial.form, done, place)
    copy_baseline(source, folder / str(place.version))
    put(folder, place)
    agreement = trial.compared.agreement
    return Converted(
        str(wanted.source),
        source.engine,
        str(place.file),
        trial.form.name,
        agreement,
        timings,
        wanted.samples is None,
    )


def tell_left_out(before: LoadedVersion, done: Done, tell: Tell) -> None:
    """Say which signatures the ONNX does not answer."""
    answered = done.signatures
    left = [name for name, each in before.signatures.items() if answered and each.source not in answered]
    if left:
        tell(f"left out, as the ONNX has only {', '.join(done.signatures)}: {', '.join(left)}")


def main_signature(version: LoadedVersion) -> Signature:
    """The signature whose inputs are sampled: the default one, else the first."""
    signatures = version.model.signatures
    return signatures.get(DEFAULT_SIGNATURE) or next(iter(signatures.values()))


def first_equal(
    done: Done, source: Source, folder: Path, expected: Answers, inputs: Inputs, tolerance: float
) -> Trial:
    """The first form that answers as the source does; else the one that differs in the fewest rows.

    Errors: that of the first form, where none loads and answers.
    """
    best: Trial | None = None
    failure: DragomanError | None = None
    for form in done.forms:
        try:
            version = load(as_candidate(source, folder, form))
        except DragomanError as error:
            failure = failure or error
            continue
        try:
            found = compare(expected, answers(version, inputs), rows_of(inputs), tolerance)
        except DragomanError as error:
            version.close()
            failure = failure or error
            continue
        trial = Trial(form, version, found)
        if not found.unequal:
            if best is not None:
                best.version.close()
            return trial
        if best is None or found.unequal < best.compared.unequal:
            if best is not None:
                best.version.close()
            best = trial
        else:
            version.close()
    if best is None:
        raise failure or DragomanError(Code.INTERNAL, "the conversion made no file")
    return best


def as_candidate(source: Source, folder: Path, form: Form) -> Candidate:
    """A form as a version that can be loaded, with the `model.yaml` that it is going to have."""
    name = source.candidate.model
    settings = read_sidecar(str(folder), name)
    path = str(folder / form.file)
    return Candidate(name, source.candidate.version, path, f"{name} as ONNX", settings)


def unequal(trial: Trial, inputs: Inputs, source: Source) -> DragomanError:
    """The error that shows the worst row."""
    found, worst = trial.compared, trial.compared.worst
    lines = [
        f"{source.candidate.shown} is not converted: the answers differ in {found.unequal} of "
        f"{found.agreement.rows} rows (tolerance {found.agreement.tolerance:g}, "
        f"computed in {trial.form.name})"
    ]
    if worst is not None:
        lines += [
            f"the worst is row {worst.row}: {shown_row(inputs, worst.row)}",
            f"  {worst.signature}: {worst.output} by {source.engine}: {shown_values(worst.source)}",
            f"  {worst.signature}: {worst.output} by ONNX: {shown_values(worst.onnx)}",
        ]
    return DragomanError(Code.FAILED_PRECONDITION, "\n".join(lines))


def arrange(folder: Path, form: Form, done: Done, place: Place) -> None:
    """Leave in the folder what is put in place: the version with the chosen file, its weights beside it."""
    target = folder / str(place.version)
    target.mkdir()
    (folder / form.file).rename(target / FILE)
    for other in done.forms:
        (folder / other.file).unlink(missing_ok=True)
    for left in folder.glob(f"{form.file}.data"):
        left.rename(target / left.name)
