"""The definitions for clients in other languages."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_tools import protoc

from dragoman.cli.failure import Exit
from dragoman.cli.main import run
from dragoman.wire.protobuf import shared_pool


def test_what_is_exported_compiles_by_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "protos"
    assert run(["protos", str(folder)]) == Exit.OK
    sources = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*.proto"))]
    assert capsys.readouterr().out.startswith(f"{len(sources)} files in {folder};")
    assert "tensorflow_serving/apis/prediction_service.proto" in sources
    assert not any(name.startswith("dragoman/") for name in sources)
    well_known = Path(protoc.__file__).parent / "_proto"
    target = tmp_path / "set.binpb"
    arguments = [f"--proto_path={folder}", f"--proto_path={well_known}", f"--descriptor_set_out={target}"]
    assert protoc.main(["protoc", *arguments, *sources]) == 0


def test_what_is_exported_has_the_names_that_the_server_answers_to(tmp_path: Path) -> None:
    assert run(["protos", str(tmp_path)]) == Exit.OK
    for path in tmp_path.rglob("*.proto"):
        file = FileDescriptorProto()
        shared_pool().FindFileByName(path.relative_to(tmp_path).as_posix()).CopyToProto(file)
        assert f"package {file.package};" in path.read_text(encoding="utf-8")


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run(["protos", str(tmp_path / "file")]) == Exit.FAILURE
    assert str(tmp_path / "file") in capsys.readouterr().err
