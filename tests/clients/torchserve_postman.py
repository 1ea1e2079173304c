"""TorchServe's own postman collections on fresh servers; the command behind scripts/torchserve_postman.

They are in no package, so whoever runs this brings a checkout of pytorch/serve; newman comes from npm. The
weights of the models are not in the checkout, nor are the archives that some rows name by URL: in the place
of each model there is a handler that answers what its row expects. So what is tested is how models are
managed, and the way of requests to a handler and of its answer back.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.conformance.handler_archives import write_archive
from tests.server_process import printing

FOLDER: Final = "test"  # paths of files in rows are relative to it
NEWMAN: Final = os.environ.get("NEWMAN", "npx --yes newman@6").split()
PATIENCE_S: Final = 600
USUAL: Final = "disable_token_authorization=true\nenable_model_api=true\nmetrics_mode=prometheus\n"
ALLOWED: Final = "allowed_urls=https://torchserve.pytorch.org/.*\n"
HANDLER: Final = """
import json, os

def handle(data, context):
    if data is None:
        return None
    with open(os.path.join(context.system_properties["model_dir"], "answers.json")) as file:
        answers = json.load(file)
    explains = context.get_request_header(0, "explain") == "True"
    answer = answers["explain" if explains else "predict"]
    return shaped(answer, len(data))

def shaped(answer, count):
    if isinstance(answer, str):
        return [answer] * count
    if isinstance(answer, dict) and "outputs" in answer:
        import numpy as np
        return [np.reshape(one["data"], one["shape"]) for one in answer["outputs"]]
    for key in ("predictions", "explanations"):
        if isinstance(answer, dict) and key in answer:
            return answer[key]
    return [answer] * count
"""
# Rows whose expectation does not hold here, by the name of their test, with the reason.
DIFFERENT: Final[Mapping[str, str]] = {
    "Model Re-Registration Densenet161": (
        "a download does not lie in the store under its own name, so none is in its way (500 there)"
    ),
    "Scale worker by calling Update Worker API with negative min worker Count": (
        "400, where the reference fails with 500"
    ),
}


class Suite(NamedTuple):
    """A collection with its rows, and what the server's file of settings says besides."""

    name: str
    collection: str
    rows: str
    settings: str = ""


SUITES: Final = (
    Suite("management", "management_api_test_collection.json", "management_data.json"),
    Suite("inference", "inference_api_test_collection.json", "inference_data.json"),
    Suite("kserve v1", "kf_api_test_collection.json", "kf_inference_data.json", "service_envelope=kserve\n"),
    Suite(
        "kserve v2",
        "kfv2_api_test_collection.json",
        "kfv2_inference_data.json",
        "service_envelope=kservev2\n",
    ),
)


class Failure(NamedTuple):
    """An assertion of a row that did not hold."""

    row: str
    test: str
    message: str


def main(arguments: Sequence[str]) -> int:
    """Run every collection; 1 if something fails that is not known to, or holds that is said not to."""
    (checkout,) = map(Path, arguments)
    wrong = 0
    for suite in SUITES:
        with tempfile.TemporaryDirectory() as scratch:
            count, failures = run(checkout / FOLDER, suite, Path(scratch))
        unknown = [one for one in failures if one.row not in DIFFERENT]
        wrong += len(unknown)
        print(f"{suite.name}: {count} assertions, {len(failures)} fail, {len(unknown)} of them unexpectedly")
        for one in failures:
            print(f"  {one.row}: {one.test}: {DIFFERENT.get(one.row, one.message)}")
    return 1 if wrong else 0


def run(folder: Path, suite: Suite, scratch: Path) -> tuple[int, list[Failure]]:
    """How many assertions there were, and those that failed."""
    rows = local_rows(json.loads((folder / "postman" / suite.rows).read_bytes()))
    if missing := [row["file"] for row in rows if "file" in row and not (folder / row["file"]).is_file()]:
        sys.exit(f"the checkout lacks {', '.join(missing)}")
    write_store(folder, rows, scratch / "store")
    (scratch / "rows.json").write_text(json.dumps(rows))
    (scratch / "config.properties").write_text(USUAL + ALLOWED + suite.settings)
    server = [sys.executable, "-m", "dragoman", "serve", "--as", "torchserve", "--ncs"]
    flags = ["--model-store", str(scratch / "store"), "--ts-config", str(scratch / "config.properties")]
    report = scratch / "report.json"
    newman = [*NEWMAN, "run", f"postman/{suite.collection}", "-e", "postman/environment.json"]
    newman += ["-d", str(scratch / "rows.json")]
    newman += ["-r", "json", "--reporter-json-export", str(report)]
    newman += ["--working-dir", str(folder)]
    with printing([*server, *flags], scratch / "log", ["http"] * 3):
        subprocess.run(newman, cwd=folder, timeout=PATIENCE_S, check=False, stdout=subprocess.DEVNULL)
    executions = json.loads(report.read_bytes())["run"]["executions"]
    held = sum(len(one.get("assertions", ())) for one in executions)
    return held, list(failures_of(executions, rows))


def local_rows(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows with archives of the store in the place of those at URLs, where a model is to be called."""
    made = []
    for row in rows:
        url = str(row.get("url", ""))
        made.append({**row, "url": url.rpartition("/")[2]} if "://" in url else dict(row))
    return made


def write_store(folder: Path, rows: Sequence[Mapping[str, Any]], store: Path) -> None:
    """An archive for each that the environment or a row names; what each answers is in its rows."""
    environment = json.loads((folder / "postman/environment.json").read_bytes())["values"]
    files = {
        f"{{{{{one['key']}}}}}": one["value"] for one in environment if one["key"].startswith("mar_path")
    }
    answers: dict[str, dict[str, Any]] = {name: {} for name in files.values()}
    for row in rows:
        if "url" in row:
            expected = {"predict": row.get("expected", {}), "explain": row.get("expected_explain", {})}
            answers[files.get(row["url"], row["url"])] = expected
    for file, told in answers.items():
        name = file.removesuffix(".mar")
        model = {"modelName": name, "modelVersion": "1.0", "handler": "h.py"}
        held = {"h.py": HANDLER, "answers.json": json.dumps(told)}
        write_archive(store / file, {**held, "MAR-INF/MANIFEST.json": json.dumps({"model": model})})


def failures_of(
    executions: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> Iterator[Failure]:
    """What did not hold, by the rows' names."""
    for execution in executions:
        row = rows[execution["cursor"]["iteration"]]
        name = str(row.get("test") or row.get("model_name"))
        status = execution.get("response", {}).get("code", "no answer")
        for one in execution.get("assertions", ()):
            if "error" in one:
                message = f"{execution['item']['name']}: {status}: {one['error']['message']}"
                yield Failure(name, one["assertion"], message)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
