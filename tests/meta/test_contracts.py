"""The import contracts hold, are those of the table, and catch what they are there for."""

import re
import shutil
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import grimp
import pytest
from importlinter.application.use_cases import read_user_options
from importlinter.configuration import configure
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.forbidden import ForbiddenContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.contracts.protected import ProtectedContract
from importlinter.domain.contract import Contract

from tests.meta import contracts
from tests.meta.contracts import CORE_LIBRARIES, HANDLER_LAYER, LAYERS, OUTSIDE, SIBLINGS, TABLE, TREE

PRESENT = contracts.packages(TREE / "src" / "dragoman")
ROWS = [package for package in TABLE if package in PRESENT]
INSIDE = [(package, name) for package in ROWS for name in contracts.forbidden_packages(package, PRESENT)]
FROM_OUTSIDE = [(package, name) for package in ROWS for name in OUTSIDE.get(package, ())]
TYPES: dict[str, type[Contract]] = {
    "acyclic_siblings": AcyclicSiblingsContract,
    "forbidden": ForbiddenContract,
    "independence": IndependenceContract,
    "layers": LayersContract,
    "protected": ProtectedContract,
}
LINT_IMPORTS = "from importlinter.cli import lint_imports_command as run; run()"
FOLDERS = [folder for folder in SIBLINGS if folder.split(".")[0] in PRESENT]


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("dragoman", include_external_packages=True, cache_dir=None)


@pytest.fixture(scope="module")
def options() -> dict[str, Contract]:
    """Every contract of .importlinter by its key."""
    configure()
    found = read_user_options(config_filename=str(contracts.CONTRACTS))
    return {
        str(contract["id"]): TYPES[contract["type"]](
            name=contract["name"], session_options=found.session_options, contract_options=contract
        )
        for contract in found.contracts_options
    }


def kept(contract: Contract, graph: grimp.ImportGraph, importer: str, imported: str) -> bool:
    """Whether the contract holds in a graph that has this one import more."""
    planted = deepcopy(graph)
    for module in (importer, imported):
        if module not in planted.modules:
            planted.add_module(module, is_squashed="dragoman" not in module)
    planted.add_import(importer=importer, imported=imported, line_number=1, line_contents="")
    return contract.check(planted, verbose=False).kept


def test_the_contracts_file_is_what_the_table_says() -> None:
    assert contracts.CONTRACTS.read_text(encoding="utf-8") == contracts.render(PRESENT)


def test_every_package_has_its_place() -> None:
    assert contracts.unplaced(PRESENT) == frozenset()


def test_a_package_without_a_place_is_named() -> None:
    assert contracts.unplaced(frozenset({"core", "utils"})) == frozenset({"utils"})


def test_every_folder_with_modules_is_a_package_that_the_contracts_see() -> None:
    modules = (
        path for path in (TREE / "src" / "dragoman").rglob("*.py") if HANDLER_LAYER not in path.parents
    )
    folders = {path.parent for path in modules}
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_table_and_the_layers_agree() -> None:
    height = {name: index for index, layer in enumerate(LAYERS) for name in layer}
    upward = [
        (package, name)
        for package, allowed in TABLE.items()
        for name in allowed
        if height[name.split(".")[0]] <= height[package]
    ]
    assert upward == []


@pytest.mark.parametrize("package", ROWS)
def test_a_row_is_kept_by_the_code_as_it_is(
    package: str, options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    assert options[package].check(deepcopy(graph), verbose=False).kept


@pytest.mark.parametrize(("package", "target"), INSIDE)
def test_a_forbidden_package_is_caught(
    package: str, target: str, options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    assert not kept(options[package], graph, f"dragoman.{package}.planted", f"dragoman.{target}.planted")


@pytest.mark.parametrize(("package", "library"), FROM_OUTSIDE)
def test_a_forbidden_library_is_caught(
    package: str, library: str, options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    assert not kept(options[package], graph, f"dragoman.{package}.planted", library)


@pytest.mark.parametrize(
    ("package", "module"),
    [(package, module) for package in ROWS for module in contracts.allowed_modules(package)],
)
def test_a_single_allowed_module_is_let_through(
    package: str, module: str, options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    assert kept(options[package], graph, f"dragoman.{package}.planted", f"dragoman.{module}")


@pytest.mark.parametrize("folder", FOLDERS)
def test_siblings_that_know_each_other_are_caught(
    folder: str, options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    contract = options[f"{folder}.siblings"]
    assert not kept(contract, graph, f"dragoman.{folder}.one", f"dragoman.{folder}.other")


def test_an_engine_imported_by_the_gateway_is_caught_twice(
    options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    planted = ("dragoman.gateway.planted", "dragoman.engines.planted")
    assert not kept(options["engines.protected"], graph, *planted)
    assert not kept(options["gateway"], graph, *planted)


def test_a_cycle_of_neighbours_is_caught(options: dict[str, Contract], graph: grimp.ImportGraph) -> None:
    cyclic = deepcopy(graph)
    for module in ("dragoman.wire.one", "dragoman.wire.other"):
        cyclic.add_module(module)
    cyclic.add_import(importer="dragoman.wire.other", imported="dragoman.wire.one")
    assert options["acyclic"].check(deepcopy(cyclic), verbose=False).kept
    assert not kept(options["acyclic"], cyclic, "dragoman.wire.one", "dragoman.wire.other")


def test_a_package_that_is_in_no_layer_is_caught(
    options: dict[str, Contract], graph: grimp.ImportGraph
) -> None:
    assert options["layers"].check(deepcopy(graph), verbose=False).kept
    assert not kept(options["layers"], graph, "dragoman.utils", "dragoman.core.tensors")


def test_the_core_uses_three_libraries_only(graph: grimp.ImportGraph) -> None:
    modules = {"dragoman.core", *graph.find_descendants("dragoman.core")}
    imported = {name for module in modules for name in graph.find_modules_directly_imported_by(module)}
    foreign = {name for name in imported if not name.startswith("dragoman.")}
    assert foreign - sys.stdlib_module_names <= CORE_LIBRARIES


@pytest.fixture
def planted_tree(tmp_path: Path) -> Path:
    """A copy of the package in which every row of the table is broken once."""
    shutil.copytree(TREE / "src" / "dragoman", tmp_path / "dragoman")
    shutil.copy(contracts.CONTRACTS, tmp_path)
    for package in ROWS:
        target = contracts.forbidden_packages(package, PRESENT)[0]
        module = tmp_path / "dragoman" / package / "planted.py"
        module.write_text(f"def late() -> None:\n    import dragoman.{target}\n", encoding="utf-8")
    return tmp_path


def test_the_command_that_lint_runs_catches_imports_planted_in_the_source(planted_tree: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-c", LINT_IMPORTS, "--no-cache"],
        cwd=planted_tree,
        env={"PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    broken = {re.split(":| BROKEN", line)[0] for line in run.stdout.splitlines() if " BROKEN" in line}
    assert run.returncode == 1, run.stdout + run.stderr
    assert broken >= {*ROWS, "Layers point one way"}, run.stdout
