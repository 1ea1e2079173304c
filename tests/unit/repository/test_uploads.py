"""Files that requests bring along."""

from pathlib import Path

import pytest

from dragoman.core.errors import Code, DragomanError
from dragoman.repository.uploads import MOST_FILES, Uploads, check_paths, delete, write_files


def place(root: Path, *paths: str) -> None:
    check_paths(paths)
    write_files(str(root), dict.fromkeys(paths, b"x"))


def refusal(root: Path, *paths: str) -> DragomanError:
    with pytest.raises(DragomanError) as caught:
        place(root, *paths)
    assert list(root.iterdir()) == []
    return caught.value


def test_files_lie_below_a_folder_of_their_own(tmp_path: Path) -> None:
    files = {
        "1/model.onnx": b"a",
        "1/deep/er/weights.bin": b"",
        "2/model with spaces.onnx": b"c",
        "ümlaut": b"d",
    }
    folder = Path(write_files(str(tmp_path), files))
    assert folder.parent == tmp_path
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == files
    assert write_files(str(tmp_path), files) != str(folder)


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/etc/passwd", "..", "../x", "1/../../x", "1//x", "1/", "./x", "1/.", " ", "1/ ", "1/.. ",
        "a\\b", "..\\x", "c:x", "a\0b", "a\nb", "1/\x7f", "\ud800",
    ],
)  # fmt: skip
def test_a_path_that_may_lead_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    error = refusal(tmp_path, "1/model.onnx", path)
    assert error.code is Code.INVALID_ARGUMENT
    assert "file:" in error.message


def test_a_path_of_endless_components_is_refused(tmp_path: Path) -> None:
    assert refusal(tmp_path, "a/" * 5000 + "b").code is Code.INVALID_ARGUMENT


def test_endless_files_are_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path, *map(str, range(MOST_FILES + 1)))
    assert error.message == f"there are more than {MOST_FILES} files"


def test_settings_of_our_own_do_not_come_with_a_request(tmp_path: Path) -> None:
    assert "config says" in refusal(tmp_path, "model.yaml").message
    check_paths(["1/model.yaml"])


@pytest.mark.parametrize("name", ["A" * 256, "ü" * 128, "1/" + "A" * 256])
def test_a_name_that_no_file_system_takes_cannot_be_written(tmp_path: Path, name: str) -> None:
    error = refusal(tmp_path, name)
    assert error.code is Code.INTERNAL
    assert "cannot be written" in error.message


@pytest.mark.parametrize("paths", [("1", "1/model.onnx"), ("1/model.onnx", "1")])
def test_a_file_that_is_also_a_folder_cannot_be_written(tmp_path: Path, paths: tuple[str, str]) -> None:
    error = refusal(tmp_path, *paths)
    assert (error.code, str(tmp_path) in error.message) == (Code.INTERNAL, False)


def test_a_folder_that_cannot_be_made_is_told_without_its_place(tmp_path: Path) -> None:
    with pytest.raises(DragomanError) as caught:
        write_files(str(tmp_path / "nowhere"), {"1": b""})
    assert caught.value.message == "the files cannot be written: no such file or directory"


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Uploads:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return Uploads()


def test_what_is_not_used_goes(tmp_path: Path, uploads: Uploads) -> None:
    (tmp_path / "temporary").mkdir()
    folders = [uploads.write({"a": b""}) for _ in range(3)]
    for folder in folders[:2]:
        uploads.keep(folder)
    unused = uploads.unused({folders[0], ""})
    assert unused == [folders[1]]
    assert uploads.unused({folders[0]}) == []
    delete(unused)
    assert [Path(folder).exists() for folder in folders] == [True, False, True]
    uploads.close()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_nothing_is_made_for_paths_that_are_refused(tmp_path: Path, uploads: Uploads) -> None:
    (tmp_path / "temporary").mkdir()
    with pytest.raises(DragomanError):
        uploads.write({"../x": b""})
    assert list((tmp_path / "temporary").iterdir()) == []


def test_where_there_is_no_place_for_files_is_told(uploads: Uploads) -> None:
    with pytest.raises(DragomanError) as caught:
        uploads.write({"a": b""})
    assert (
        caught.value.message
        == "there is no place for files that come with requests: no such file or directory"
    )
