"""Our definitions agree, field by field, with those in the released packages of other servers and clients.

Those packages ship their definitions inside generated modules, as serialized descriptors. These are read
without importing the modules, which would load TensorFlow itself.
"""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import pytest
from google.protobuf.descriptor_pb2 import DescriptorProto, EnumDescriptorProto, FileDescriptorProto

from dragoman.wire.protobuf import shared_pool
from tests.clients.environments import Environment
from tests.meta.protos import PROTOS

pytestmark = pytest.mark.clients

FOLDERS: Final = {
    "tensorflow_serving": ("apis", "config"),
    "tensorflow": ("core/framework", "core/example", "core/protobuf", "compiler/xla/tsl/protobuf"),
}
# What the packages define and ours leave out: what no client of a model server sends.
LEFT_OUT: Final[Mapping[str, set[str]]] = {
    "tensorflow.TensorInfo": {"composite_tensor"},
    "tensorflow.serving.PredictionLog": {"session_run_log"},
    "tensorflow.error.Code": {"DO_NOT_USE_RESERVED_FOR_FUTURE_EXPANSION_USE_DEFAULT_IN_SWITCH_INSTEAD_"},
}
Facts = dict[str, dict[str, object]]

TRITON: Final = "tritonclient/grpc"
# What ours have and Triton's do not: KServe's answers to a load and an unload.
ADDED: Final[Mapping[str, set[str]]] = {
    "inference.RepositoryModelLoadResponse": {"model_name", "isLoaded"},
    "inference.RepositoryModelUnloadResponse": {"model_name", "isUnloaded"},
}
# Where a package and Triton's say different things under one name, and ours say what Triton's do.
CONFLICTS: Final[Mapping[str, Mapping[str, set[str]]]] = {
    "kserve/protocol/grpc": {
        "inference.RepositoryModelLoadRequest": {"model_name"},
        "inference.RepositoryModelUnloadRequest": {"model_name"},
    },
    "mlserver/grpc": {
        "inference.GRPCInferenceService": {"ModelStreamInfer"},
        "inference.ModelMetadataResponse": {"parameters"},
        "inference.ModelMetadataResponse.TensorMetadata": {"parameters"},
    },
}
MAPS_OF_CONFLICTS: Final = {
    "inference.ModelMetadataResponse.ParametersEntry",
    "inference.ModelMetadataResponse.TensorMetadata.ParametersEntry",
}


def released(environment: Environment, *folders: str) -> Facts:
    """Every message, enum and service in folders of installed packages, by its full name."""
    facts: Facts = {}
    for folder in folders:
        for path in (environment.site_packages / folder).glob("*_pb2.py"):
            facts |= facts_of(descriptor(path))
    return facts


def ours(package: str) -> Facts:
    """The same of our own definitions, those of one of the packages."""
    facts: Facts = {}
    for path in sorted(PROTOS.glob(f"{package}/**/*.proto")):
        file = FileDescriptorProto()
        shared_pool().FindFileByName(path.relative_to(PROTOS).as_posix()).CopyToProto(file)
        facts |= facts_of(file)
    return facts


def descriptor(path: Path) -> FileDescriptorProto:
    """The file in one generated module: the literal that is given to `AddSerializedFile`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "AddSerializedFile":
            return FileDescriptorProto.FromString(ast.literal_eval(node.args[0]))
    raise AssertionError(f"{path.name} holds no descriptor")


def facts_of(file: FileDescriptorProto) -> Facts:
    """What clients rely on: names, numbers, types, oneofs, maps, packing, and the file's own name."""
    facts: Facts = {}
    for message in file.message_type:
        facts |= dict(message_facts(file.package, message))
        facts[f"{file.package}.{message.name}"]["(file)"] = file.name
    for enum in file.enum_type:
        facts |= dict(enum_facts(file.package, enum))
    for service in file.service:
        methods = {method.name: (method.input_type, method.output_type) for method in service.method}
        facts[f"{file.package}.{service.name}"] = dict(methods)
    return facts


def message_facts(scope: str, message: DescriptorProto) -> Iterator[tuple[str, dict[str, object]]]:
    name = f"{scope}.{message.name}"
    fields: dict[str, object] = {"(map)": message.options.map_entry}
    for field in message.field:
        oneof = message.oneof_decl[field.oneof_index].name if field.HasField("oneof_index") else None
        fields[field.name] = (field.number, field.type, field.label, field.type_name, oneof)
    yield name, fields
    for nested in message.nested_type:
        yield from message_facts(name, nested)
    for enum in message.enum_type:
        yield from enum_facts(name, enum)


def enum_facts(scope: str, enum: EnumDescriptorProto) -> Iterator[tuple[str, dict[str, object]]]:
    yield f"{scope}.{enum.name}", {value.name: value.number for value in enum.value}


@pytest.mark.parametrize("package", FOLDERS)
def test_our_definitions_are_those_of_the_released_package(tensorflow: Environment, package: str) -> None:
    theirs = released(tensorflow, *[f"{package}/{folder}" for folder in FOLDERS[package]])
    mine = ours(package)
    assert mine
    for name, facts in mine.items():
        left_out = LEFT_OUT.get(name, set())
        assert left_out <= theirs[name].keys()
        assert {key: fact for key, fact in theirs[name].items() if key not in left_out} == facts, name


def without_files(facts: Facts) -> Facts:
    """The facts without the names of files: Triton, KServe and MLServer have one of their own each."""
    return {name: {key: of[key] for key in of if key != "(file)"} for name, of in facts.items()}


def test_our_definitions_of_inference_are_those_of_triton(tritonclient: Environment) -> None:
    theirs = without_files(released(tritonclient, TRITON))
    mine = {
        name: {key: fact for key, fact in facts.items() if key not in ADDED.get(name, set())}
        for name, facts in without_files(ours("inference")).items()
        if not name.startswith("inference.model_repository.")
    }
    assert mine == theirs


@pytest.mark.parametrize("folder", CONFLICTS)
def test_definitions_of_kserve_and_mlserver_differ_from_ours_only_where_they_exclude_tritons(
    folder: str, request: pytest.FixtureRequest
) -> None:
    environment = request.getfixturevalue("kserve" if folder.startswith("kserve") else "tritonclient")
    theirs = without_files(released(environment, folder))
    mine = without_files(ours("inference"))
    assert theirs
    differing = {
        (name, key)
        for name, facts in theirs.items()
        for key, fact in facts.items()
        if name not in MAPS_OF_CONFLICTS and mine[name].get(key, "(none)") != fact
    }
    assert differing == {(name, key) for name, keys in CONFLICTS[folder].items() for key in keys}
