"""Which case file runs on which listener."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.conformance import handler_archives, image_models, reference_models
from tests.conformance.forms import GRPC, HTTP, TORCHSERVE, V2, Form

SETUPS: Final = Path(__file__).parent / "setups"  # files of settings for servers that need more than a flag


def write_handlers(folder: Path) -> None:
    """Write the archives that TorchServe's cases speak of, and the file of settings of their profile."""
    handler_archives.write(folder)
    handler_archives.write_properties(folder)


def write_handlers_with_tokens(folder: Path) -> None:
    """The same for a server that wants tokens."""
    handler_archives.write(folder)
    handler_archives.write_properties(folder, tokens=True)


class Listener(NamedTuple):
    """A way to start the server: what writes MODELS, and what `dragoman serve MODELS` is given besides.

    `{models}` in an argument is that folder; `bare` = it is given only there. `http` and `grpc` = how
    many addresses of each it has.
    """

    name: str
    arguments: tuple[str, ...] = ()
    write: Callable[[Path], None] = reference_models.write
    bare: bool = False
    http: int = 1
    grpc: int = 1


class Run(NamedTuple):
    """A listener that a case file runs on. `lenient` = `json` is read as `json_subset` there."""

    listener: Listener
    lenient: bool = False


class Suite(NamedTuple):
    """The form of a file's cases, and where the file runs."""

    form: Form
    runs: tuple[Run, ...]


DEFAULT: Final = Listener("default")
TFSERVING: Final = Listener("tfserving", ("--as", "tfserving"))
GRADIENT: Final = Listener("gradient", ("--config", str(SETUPS / "gradient.yaml")))
DEEPLOY: Final = Listener("deeploy", ("--config", str(SETUPS / "deeploy.yaml")))
V2_RAW: Final = Listener("v2-raw", ("--config", str(SETUPS / "v2_raw.yaml")))
V2_CONTENTS: Final = Listener("v2-contents", ("--config", str(SETUPS / "v2_contents.yaml")))
KSERVE: Final = Listener("kserve", ("--as", "kserve"))
IMAGES: Final = Listener("images", write=image_models.write)
IMAGES_TFSERVING: Final = Listener("images-tfserving", ("--as", "tfserving"), image_models.write)
IMAGES_OVMS: Final = Listener(
    "images-ovms", ("--config", str(SETUPS / "images_ovms.yaml")), image_models.write
)
OVMS: Final = Listener("ovms", ("--as", "ovms", "--rest_port", "1", "--port", "2"))  # free ones, in truth
PIPELINES: Final = Listener("pipelines", ("--config", str(SETUPS / "pipelines.yaml")))

TORCHSERVE_LISTENER: Final = Listener(
    "torchserve",
    ("--as", "torchserve", "--ts-config", "{models}/config.properties"),
    write_handlers,
    bare=True,
    http=3,
    grpc=2,
)
TORCHSERVE_TOKENS: Final = TORCHSERVE_LISTENER._replace(
    name="torchserve-tokens", write=write_handlers_with_tokens
)
TORCHSERVE_TENSORS: Final = Listener("torchserve-tensors", ("--config", str(SETUPS / "torchserve.yaml")))

SUITES: Final[Mapping[str, Suite]] = {
    "deeploy.json": Suite(HTTP, (Run(DEEPLOY), Run(DEFAULT))),
    "gradient.json": Suite(HTTP, (Run(GRADIENT),)),
    "kserve_v1.json": Suite(HTTP, (Run(KSERVE), Run(DEFAULT, lenient=True))),
    "images_grpc.json": Suite(GRPC, (Run(IMAGES), Run(IMAGES_TFSERVING), Run(IMAGES_OVMS))),
    "images_rest.json": Suite(HTTP, (Run(IMAGES), Run(IMAGES_TFSERVING), Run(IMAGES_OVMS))),
    "images_v2.json": Suite(V2, (Run(IMAGES), Run(IMAGES_OVMS))),
    "images_v2_grpc.json": Suite(GRPC, (Run(IMAGES), Run(IMAGES_OVMS))),
    "ovms_grpc.json": Suite(GRPC, (Run(OVMS),)),
    "ovms_rest.json": Suite(HTTP, (Run(OVMS),)),
    "pipelines.json": Suite(HTTP, (Run(PIPELINES),)),
    "predictions.json": Suite(HTTP, (Run(DEFAULT), Run(TORCHSERVE_TENSORS), Run(IMAGES))),
    "predictions_grpc.json": Suite(GRPC, (Run(DEFAULT), Run(TORCHSERVE_TENSORS))),
    "tfserving_grpc.json": Suite(GRPC, (Run(TFSERVING), Run(DEFAULT, lenient=True))),
    "tfserving_rest.json": Suite(HTTP, (Run(TFSERVING), Run(DEFAULT, lenient=True))),
    "torchserve.json": Suite(TORCHSERVE, (Run(TORCHSERVE_LISTENER), Run(TORCHSERVE_TOKENS))),
    "torchserve_grpc.json": Suite(GRPC, (Run(TORCHSERVE_LISTENER),)),
    "torchserve_management_grpc.json": Suite(GRPC, (Run(TORCHSERVE_LISTENER),)),
    "torchserve_more.json": Suite(TORCHSERVE, (Run(TORCHSERVE_LISTENER),)),
    "v2_grpc.json": Suite(GRPC, (Run(DEFAULT), Run(V2_RAW), Run(V2_CONTENTS))),
    "v2_rest.json": Suite(V2, (Run(DEFAULT),)),
}

# What the reference models and these listeners provide of what a case may need.
PROVIDED: Final = frozenset({"labels", "rank-free model"})
