from dragoman.wire.protos.inference import infer_pb2 as _infer_pb2
from dragoman.wire.protos.inference import model_config_pb2 as _model_config_pb2
from dragoman.wire.protos.inference import operator_settings_pb2 as _operator_settings_pb2
from dragoman.wire.protos.inference import repository_pb2 as _repository_pb2
from dragoman.wire.protos.inference import server_pb2 as _server_pb2
from dragoman.wire.protos.inference import shared_memory_pb2 as _shared_memory_pb2
from dragoman.wire.protos.inference import statistics_pb2 as _statistics_pb2
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor
