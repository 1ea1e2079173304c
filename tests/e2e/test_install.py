"""README's first command, on a machine that has nothing but Python and the package index."""

import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).parents[2]
LARGEST_MIB = 270  # what the default installation may take, all told
MOST_PACKAGES = 36
NEEDS_AN_EXTRA = (
    "dragoman.execution.text.sandbox"  # whose class is one of Jinja's; only a template brings it in
)

pytestmark = pytest.mark.install


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh virtual environment with `pip install .` of this tree and nothing else."""
    folder = tmp_path_factory.mktemp("install") / "venv"
    venv.create(folder, with_pip=True)
    command = [
        folder / "bin" / "python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        str(TREE),
    ]
    subprocess.run(command, check=True)
    return folder


def packages(environment: Path) -> Iterator[str]:
    """What is installed besides pip and setuptools."""
    command = [environment / "bin" / "python", "-m", "pip", "list", "--format=freeze"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        name = line.partition("=")[0].strip()
        if name not in ("pip", "setuptools", "dragoman"):
            yield name


def test_the_demo_reads_a_real_image_from_any_folder(environment: Path, tmp_path: Path) -> None:
    command = [environment / "bin" / "dragoman", "demo", "--once", "--port", "0", "--digit", "7"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    assert "prediction: 7" in run.stdout


def test_every_module_but_one_imports_with_the_base_dependencies_alone(environment: Path) -> None:
    program = (
        "import importlib, pkgutil, dragoman\n"
        "names = [found.name for found in pkgutil.walk_packages(dragoman.__path__, 'dragoman.')]\n"
        f"names.remove('{NEEDS_AN_EXTRA}')\n"
        "[importlib.import_module(name) for name in names if not name.endswith('__main__')]\n"
    )
    command = [environment / "bin" / "python", "-W", "error", "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_installation_stays_small(environment: Path) -> None:
    site = environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    own = ("pip", "setuptools", "__pycache__")
    files = [path for path in site.rglob("*") if path.is_file() and not set(own) & set(path.parts)]
    assert sum(path.stat().st_size for path in files) <= LARGEST_MIB * 2**20
    assert len(list(packages(environment))) <= MOST_PACKAGES
