"""Some of these tests need OpenVINO, or TensorFlow to make models; scripts/engines runs them with both."""

from importlib.util import find_spec

WITH_OPENVINO = ("test_openvino.py", "test_changes.py", "test_agreement.py")
WITH_TENSORFLOW = ("test_formats.py",)
collect_ignore = [
    *(() if find_spec("openvino") else (*WITH_OPENVINO, *WITH_TENSORFLOW)),
    *(() if find_spec("tensorflow") else WITH_TENSORFLOW),
]
