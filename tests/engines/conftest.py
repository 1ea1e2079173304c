"""These tests need TensorFlow or OpenVINO; scripts/engines runs them in an environment that has both."""

from importlib.util import find_spec

WITH_TENSORFLOW = ("test_command_line.py", "test_saved_model_conformance.py")
WITH_OPENVINO = ("test_openvino_conformance.py",)
collect_ignore = [
    *(() if find_spec("tensorflow") else WITH_TENSORFLOW),
    *(() if find_spec("openvino") else WITH_OPENVINO),
]
