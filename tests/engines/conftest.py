"""These tests need TensorFlow, OpenVINO, torch or scikit-learn; scripts/engines runs them where all are."""

from importlib.util import find_spec

WITH_TENSORFLOW = ("test_command_line.py", "test_saved_model_conformance.py")
WITH_OPENVINO = ("test_openvino_conformance.py",)
WITH_CAPTUM = (
    "test_torch_guide.py",
    "test_torch_handlers.py",
    "test_torch_explanations.py",
    "test_torch_gradients.py",
)
WITH_TORCH = ("test_torch_agreement.py", "test_torch_conformance.py", "test_torch_models.py")
WITH_GENAI = (
    "test_text_conformance.py",
    "test_text_engine.py",
    "test_text_load.py",
    "test_text_protocols.py",
)
WITH_NETWORKS = ("torch", "safetensors", "tensorflow", "tf2onnx", "onnxscript")
WITH_TABLES = ("test_tables.py", "test_explanations.py")
WITH_BOTH = ("test_openvino_config_file.py",)
collect_ignore = [
    *(() if find_spec("tensorflow") else WITH_TENSORFLOW),
    *(() if find_spec("openvino") else WITH_OPENVINO),
    *(() if find_spec("openvino") and find_spec("tensorflow") else WITH_BOTH),
    *(() if find_spec("openvino_genai") else WITH_GENAI),
    *(() if find_spec("tokenizers") and find_spec("openvino") else ("test_embedder.py",)),
    *(() if find_spec("tokenizers") else ("test_vllm_engine.py", "test_cross_encoder.py")),
    *(() if find_spec("transformers") and find_spec("openvino_genai") else ("test_converted_models.py",)),
    *(() if find_spec("transformers") else ("test_transformers_engine.py",)),
    *(() if find_spec("skops") and find_spec("xgboost") and find_spec("lightgbm") else WITH_TABLES),
    *(() if all(map(find_spec, WITH_NETWORKS)) else ("test_convert_networks.py",)),
    *(() if find_spec("skl2onnx") and find_spec("onnxmltools") else ("test_convert.py",)),
    *(() if find_spec("torch") and find_spec("captum") else WITH_CAPTUM),
    *(() if find_spec("torch") and find_spec("safetensors") else WITH_TORCH),
]
