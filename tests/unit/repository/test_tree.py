"""What lies below a folder."""

from pathlib import Path

import pytest

from dragoman.repository import tree
from dragoman.repository.tree import scan


def test_files_are_named_by_their_path_below_the_folder(tmp_path: Path) -> None:
    (tmp_path / "variables").mkdir()
    (tmp_path / "variables" / "data").write_bytes(b"12345")
    (tmp_path / "model.onnx").write_bytes(b"1")
    found = scan(str(tmp_path))
    assert {name: stat.size for name, stat in found.files.items()} == {"model.onnx": 1, "variables/data": 5}
    assert found.top_level == ["model.onnx", "variables"]
    assert found.root == str(tmp_path)


def test_a_file_is_a_tree_of_itself(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(b"12")
    found = scan(str(tmp_path / "m.onnx"))
    assert list(found.files) == ["m.onnx"]


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "weights").write_bytes(b"123")
    root = tmp_path / "root"
    root.mkdir()
    (root / "linked").symlink_to(tmp_path / "real")
    (root / "loop").symlink_to(root)
    (root / "nowhere").symlink_to(tmp_path / "nothing")
    assert list(scan(str(root)).files) == ["linked/weights"]


def test_two_looks_at_an_unchanged_folder_are_equal_and_a_change_shows(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = scan(str(tmp_path))
    assert scan(str(tmp_path)) == before
    (tmp_path / "a").write_bytes(b"12")
    assert scan(str(tmp_path)) != before


def test_a_missing_folder_is_an_oserror(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        scan(str(tmp_path / "gone"))


def test_a_folder_of_very_many_files_is_not_looked_at_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MOST_FILES", 3)
    for number in range(5):
        (tmp_path / str(number)).touch()
    with pytest.raises(OSError, match="more than 3 files"):
        scan(str(tmp_path))
