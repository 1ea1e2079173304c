"""Virtual environments that real clients live in, beside the one of development: their pins are their own.

python -m tests.clients.environments             make what is missing; scripts/clients does so
python -m tests.clients.environments exporter    make that one, which converts models
"""

import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parents[2] / ".venv-clients"


class Environment(NamedTuple):
    """Packages by their releases. `alone` = installed without the packages that they ask for."""

    name: str
    packages: tuple[str, ...]
    alone: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """Where it is."""
        return FOLDER / self.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @property
    def site_packages(self) -> Path:
        """Where its packages lie."""
        return next(self.folder.glob("lib/python3*/site-packages"))

    @property
    def wanted(self) -> str:
        """What belongs into it, as text."""
        return "\n".join([*self.packages, *self.alone])

    @property
    def record(self) -> Path:
        """The file that tells what is in it: written last, so that one that was interrupted is made again."""
        return self.folder / "packages"


# The client asks for `tensorflow`, which is built for GPUs; `tensorflow-cpu` is the same without.
TENSORFLOW: Final = Environment(
    "tensorflow",
    (
        "tensorflow-cpu==2.21.0",
        "grpcio==1.85.1",
        "grpcio-health-checking==1.85.1",
        "grpcio-reflection==1.85.1",
        "requests==2.34.2",
    ),
    alone=("tensorflow-serving-api==2.21.0",),
)
OVMSCLIENT: Final = Environment(
    "ovmsclient",
    (
        "ovmsclient==2023.1",
        "grpcio==1.85.1",
        "numpy==2.4.6",
        "protobuf==7.36.2",
        "requests==2.34.2",
    ),
)
# What `tritonclient[all]` asks for, without CUDA and a load generator. MLServer gives its definitions only.
TRITONCLIENT: Final = Environment(
    "tritonclient",
    (
        "aiohttp==3.14.5",
        "geventhttpclient==2.6.1",
        "greenlet==3.3.2",
        "grpcio==1.85.1",
        "ml-dtypes==0.5.4",
        "numpy==2.4.6",
        "packaging==26.4",
        "protobuf==6.33.6",
        "python-rapidjson==1.25",
        "urllib3==2.8.0",
    ),
    alone=("tritonclient==2.73.0", "mlserver==1.7.1"),
)
KSERVE: Final = Environment(
    "kserve", ("kserve==0.21.0", "grpcio==1.85.1", "numpy==2.4.6", "protobuf==6.33.6")
)
# Its stubs, converters and codecs are a client; bench/beside measures the server with its runtime.
MLSERVER: Final = Environment("mlserver", ("mlserver==1.7.1", "onnxruntime==1.31.1"))
# It makes clients of OpenAPI documents, which then run on httpx.
OPENAPI: Final = Environment("openapi", ("openapi-python-client==0.29.1", "httpx==0.28.1", "attrs==26.1.0"))
OPENAI: Final = Environment("openai", ("openai==3.52.0",))
# Without what only its command line and its images of containers import.
DEEPLOY: Final = Environment(
    "deeploy",
    ("click==8.5.1", "numpy==2.4.6", "pandas==3.1.1", "pydantic==2.14.4", "requests==2.34.2", "tqdm==4.70.1"),
    alone=("deeploy==1.66.0",),
)
# No client: what the server of the tests of OpenAI's client is shown besides.
GENAI: Final = Environment(
    "openvino-genai",
    (),
    alone=(
        "openvino==2026.4.1",
        "openvino-genai==2026.4.1.0",
        "openvino-tokenizers==2026.4.1.0",
        "tokenizers==0.23.3",
    ),
)
# No client: what the benchmark's own interpreter is shown besides.
OPENVINO: Final = Environment("openvino", (), alone=("openvino==2026.4.1",))
# Nor this one, which is TorchServe itself, for the benchmark; its workers need torch whatever a handler does.
TORCHSERVE: Final = Environment(
    "torchserve",
    (
        "numpy==2.4.6",
        "packaging==26.4",
        "pillow==13.0.0",
        "psutil",
        "pyyaml",
        "setuptools",
        "torch==2.13.0",
        "wheel",
    ),
    alone=("torchserve==0.12.0",),
)
# Nor this one: what handlers of TorchServe's examples import besides torch.
TORCHSERVE_EXAMPLES: Final = Environment(
    "torchserve-examples", (), alone=("torchvision==0.28.0", "lru-dict==1.4.1")
)
# Nor this one, which converts models for the tests of engines. It asks for torchvision, and needs none.
EXPORTER: Final = Environment(
    "exporter",
    (
        "nncf==3.4.0",
        "openvino==2026.4.1",
        "openvino-tokenizers==2026.4.1.0",
        "requests==2.34.2",
        "setuptools",
        "torch==2.13.0",
        "transformers==5.5.4",
    ),
    alone=("optimum==2.3.0", "optimum-intel==2.2.0"),
)
ENVIRONMENTS: Final = (
    TENSORFLOW,
    OVMSCLIENT,
    TRITONCLIENT,
    KSERVE,
    MLSERVER,
    OPENAPI,
    OPENAI,
    DEEPLOY,
    GENAI,
)


def make(environment: Environment) -> None:
    """Make the environment, unless it is there."""
    if is_made(environment):
        return
    shutil.rmtree(environment.folder, ignore_errors=True)
    venv.create(environment.folder, with_pip=True)
    if environment.packages:
        install(environment, *environment.packages)
    if environment.alone:
        install(environment, "--no-deps", *environment.alone)
    environment.record.write_text(environment.wanted, encoding="utf-8")


def is_made(environment: Environment) -> bool:
    """Whether it is there, whole and with these very packages."""
    record = environment.record
    return record.is_file() and record.read_text(encoding="utf-8") == environment.wanted


def install(environment: Environment, *arguments: str) -> None:
    """What pip does with these arguments; its own words where it fails."""
    pip = [environment.python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *arguments], check=True)


if __name__ == "__main__":
    for known in [EXPORTER] if sys.argv[1:] == [EXPORTER.name] else ENVIRONMENTS:
        make(known)
