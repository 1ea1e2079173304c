"""What tensors are called."""

from pathlib import Path

from dragoman.engines.openvino.describe import names_of, read_mapping


def test_a_tensor_is_called_by_the_first_of_its_names() -> None:
    assert names_of({"zebra", "input", "input:0"}, "node", {})[0] == "input"


def test_a_tensor_without_a_name_is_called_otherwise() -> None:
    assert names_of(set(), "out_3", {}) == ("out_3", frozenset({"out_3"}))


def test_any_of_a_tensors_names_can_be_mapped() -> None:
    assert names_of({"input", "zebra"}, "node", {"zebra": "image"}) == (
        "image",
        frozenset({"input", "zebra"}),
    )


def test_without_a_file_nothing_is_mapped(tmp_path: Path) -> None:
    assert read_mapping(str(tmp_path)).inputs == {}
