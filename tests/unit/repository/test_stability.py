"""When a watched folder is complete."""

import pytest
from msgspec.structs import replace

from dragoman.engines.base import FileStat, TreeSnapshot
from dragoman.repository.stability import Look, StabilityRules, settled

RULES = StabilityRules(settle_s=2.0, required=("model.onnx",))
TREE = TreeSnapshot("/m/1", {"model.onnx": FileStat(10, 1), "labels.txt": FileStat(3, 1)})
FIRST, SECOND = Look(TREE, 100.0), Look(TREE, 102.0)


def holding(**files: FileStat) -> TreeSnapshot:
    return replace(
        TREE, files={**TREE.files, **{name.replace("_", "."): stat for name, stat in files.items()}}
    )


def test_a_folder_that_looks_the_same_for_long_enough_is_settled() -> None:
    assert settled(SECOND, FIRST, RULES)


def test_a_first_look_settles_nothing() -> None:
    assert not settled(FIRST, None, RULES)


def test_two_looks_too_close_together_settle_nothing() -> None:
    assert not settled(Look(TREE, 101.9), FIRST, RULES)


@pytest.mark.parametrize(
    "tree",
    [
        holding(model_onnx=FileStat(11, 1)),
        holding(model_onnx=FileStat(10, 2)),
        holding(more_bin=FileStat(1, 1)),
    ],
    ids=["size", "time", "name"],
)
def test_a_change_between_two_looks_settles_nothing(tree: TreeSnapshot) -> None:
    assert not settled(Look(tree, 102.0), FIRST, RULES)


@pytest.mark.parametrize("name", ["model.onnx.tmp", "weights.part", "weights.uploading"])
def test_a_file_that_is_still_written_settles_nothing(name: str) -> None:
    tree = replace(TREE, files={**TREE.files, name: FileStat(1, 1)})
    assert not settled(Look(tree, 102.0), Look(tree, 100.0), RULES)


def test_a_required_file_has_to_be_there() -> None:
    assert not settled(SECOND, FIRST, replace(RULES, required=("model.onnx", "weights.bin")))


def test_a_marker_file_has_to_be_there_where_one_is_configured() -> None:
    rules = replace(RULES, marker="_SUCCESS")
    assert not settled(SECOND, FIRST, rules)
    tree = replace(TREE, files={**TREE.files, "_SUCCESS": FileStat(0, 1)})
    assert settled(Look(tree, 102.0), Look(tree, 100.0), rules)


def test_an_empty_folder_is_not_settled() -> None:
    tree = TreeSnapshot("/m/1", {})
    assert not settled(Look(tree, 102.0), Look(tree, 100.0), StabilityRules())
