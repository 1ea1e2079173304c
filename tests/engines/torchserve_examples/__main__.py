"""TorchServe's own handlers, unmodified, on a live server; the command behind scripts/torchserve_examples.

They are in no package that runs, so whoever runs this brings a checkout of pytorch/serve. Each is archived
with a small model that is made here, one server serves all, and answers are compared with the models'.
"""

import json
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.clients.environments import TORCHSERVE_EXAMPLES, make
from tests.engines.torchserve_examples import checks, models
from tests.engines.torchserve_examples.checks import Server
from tests.engines.torchserve_examples.models import Made
from tests.engines.torchserve_examples.site import sitecustomize
from tests.server_process import serving_listeners

DOGS: Final = "examples/Workflows/dog_breed_classification"
CLASSIFIERS: Final = "examples/image_classifier"


class Example(NamedTuple):
    """A handler, its model, and what the server has to answer. `settings` = what its owner says."""

    name: str
    handler: str  # in the checkout, or one that comes along
    make: Callable[[Path, Path], Made]
    check: Callable[[Server, Made], None]
    settings: Mapping[str, Any] = {}


EXAMPLES: Final = (
    Example("digits", f"{models.DIGITS}/mnist_handler.py", models.digits, checks.digits),
    Example(
        "digits_as_numbers",
        f"{models.DIGITS}/torchdata/mnist_handler.py",
        models.digits,
        checks.digits_as_numbers,
    ),
    Example(
        "measured_digits",
        "examples/custom_metrics/mnist_handler.py",
        models.measured_digits,
        checks.measured_digits,
        {"metrics_file": "metrics.yaml"},
    ),
    Example("batched", "examples/micro_batching/micro_batching_handler.py", models.batches, checks.batched),
    Example("vgg", f"{CLASSIFIERS}/vgg_16/vgg_handler.py", models.classifier, checks.classified("vgg")),
    Example(
        "frames",
        f"{CLASSIFIERS}/near_real_time_video/near_real_time_video_handler.py",
        models.classifier,
        checks.frames,
    ),
    Example(
        "compiled",
        "examples/pt2/torch_inductor_caching/caching_handler.py",
        models.compiled,
        checks.classified("compiled"),
    ),
    Example("cat_or_dog", f"{DOGS}/cat_dog_classification_handler.py", models.two_classes, checks.cat_or_dog),
    Example("breed", f"{DOGS}/dog_breed_classification_handler.py", models.classifier, checks.breed),
    Example(
        "workflow",
        f"{DOGS}/workflow_dog_breed_classification_handler.py:pre_processing",
        models.nothing,
        checks.workflow,
    ),
    # Calls of a sequence go to any worker, so there is one.
    Example(
        "sums",
        "examples/stateful/sequence_batching/stateful_handler.py",
        models.sequences,
        checks.sums,
        {"min_workers": 1, "max_workers": 1},
    ),
    Example("images", "examples/dcgan_fashiongen/dcgan_fashiongen_handler.py", models.dcgan, checks.images),
    Example(
        "streamed",
        "examples/LLM/llama/chat_app/docker/llama_cpp_handler.py",
        models.llama,
        checks.streamed,
    ),
    Example("resnet", "image_classifier", models.resnet, checks.resnet),
    Example("segmented", "image_segmenter", models.segmenter, checks.segmented),
    Example("detected", "object_detector", models.detector, checks.detected),
    Example("text", "text_classifier", models.texts, checks.text),
    Example("rows", "base_handler", models.script, checks.rows),
    Example("densenet", "ts/torch_handler/densenet_handler.py", models.script, checks.densenet),
)


def archived(example: Example, checkout: Path, folder: Path) -> Made:
    """Make the example's archive, in a folder of its own; what was put into it."""
    place = folder / example.name
    place.mkdir()
    made = example.make(checkout, place)
    handler = str(checkout / example.handler) if "/" in example.handler else example.handler
    flags = {"model-name": example.name, "version": "1.0", "handler": handler, "export-path": str(place)}
    words = [word for name, value in {**flags, **made.flags}.items() for word in (f"--{name}", value)]
    subprocess.run(
        [sys.executable, "-m", "dragoman", "archive", *words], check=True, stdout=subprocess.DEVNULL
    )
    return made


def settings(folder: Path) -> Path:
    """What the server is told: where the archives lie, and what their owner says of some."""
    tree = {
        "listeners": [{"name": "http", "port": 0}],
        "models": [
            {
                "name": example.name,
                "path": str(folder / example.name / f"{example.name}.mar"),
                "trust": "code",
                "handler": dict(example.settings),
            }
            for example in EXAMPLES
        ],
    }
    path = folder / "dragoman.yaml"
    path.write_text(json.dumps(tree), encoding="utf-8")
    return path


def surroundings(folder: Path) -> None:
    """Have this process, and those that it starts, find torchvision and what else the handlers import."""
    packages = str(TORCHSERVE_EXAMPLES.site_packages)
    first = [str(Path(sitecustomize.__file__).parent), packages]
    given = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([*first, *([given] if given else [])])
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "compiled-code")
    os.environ["LLAMA_Q4_MODEL"] = "any"  # a path, to the handler; its library here needs none
    sys.path.append(packages)


def run_all(checkout: Path, folder: Path) -> int:
    """Archive, serve and check all of them, and tell which passed; how many did not."""
    made = {example.name: archived(example, checkout, folder) for example in EXAMPLES}
    failed = 0
    with serving_listeners(["--config", str(settings(folder))], folder / "log", ["http"]) as addresses:
        server = Server(f"http://{addresses[0].host}:{addresses[0].port}", checkout)
        for example in EXAMPLES:
            try:
                example.check(server, made[example.name])
            except Exception:
                failed += 1
                print(f"FAILED  {example.handler}\n{traceback.format_exc()}", flush=True)
            else:
                print(f"passed  {example.handler}", flush=True)
    if failed:
        print((folder / "log").read_text(encoding="utf-8", errors="replace")[-8000:])
    return failed


def main(arguments: Sequence[str]) -> int:
    """Run them; 1 where one did not pass."""
    if len(arguments) != 1 or not (Path(arguments[0]) / DOGS).is_dir():
        print("usage: scripts/torchserve_examples CHECKOUT OF pytorch/serve", file=sys.stderr)
        return 2
    make(TORCHSERVE_EXAMPLES)
    with tempfile.TemporaryDirectory() as folder:
        surroundings(Path(folder))
        return 1 if run_all(Path(arguments[0]), Path(folder)) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
