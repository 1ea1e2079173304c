"""What handlers import is there, without torch and whatever else is no part of Python."""

import subprocess
import sys

import pytest

from tests.meta.contracts import HANDLER_LAYER

# What handlers in the wild import, and the rest of TorchServe's package that a handler may.
NAMES = {
    "context": ["Context", "RequestProcessor"],
    "handler_utils.distributed.deepspeed": ["create_checkpoints_json", "get_ds_engine"],
    "handler_utils.distributed.pt_pippy": ["get_pipeline_driver", "initialize_rpc_workers"],
    "handler_utils.hf_batch_streamer": ["TextIteratorStreamerBatch"],
    "handler_utils.micro_batching": ["MicroBatching"],
    "handler_utils.text_utils": ["get_tokenizer", "ngrams_iterator"],
    "handler_utils.timer": ["timed"],
    "handler_utils.utils": ["import_class", "send_intermediate_predict_response"],
    "metrics.caching_metric": ["CachingMetric"],
    "metrics.dimension": ["Dimension"],
    "metrics.metric": ["Metric"],
    "metrics.metric_abstract": ["MetricAbstract"],
    "metrics.metric_cache_abstract": ["MetricCacheAbstract"],
    "metrics.metric_cache_errors": ["MetricsCacheKeyError", "MetricsCacheTypeError"],
    "metrics.metric_cache_yaml_impl": ["MetricsCacheYamlImpl"],
    "metrics.metric_encoder": ["MetricEncoder"],
    "metrics.metric_type_enum": ["MetricTypes"],
    "metrics.metrics_store": ["MetricsStore"],
    "metrics.process_memory_metric": ["check_process_mem_usage", "get_cpu_usage"],
    "metrics.unit": ["Units"],
    "protocol.otf_message_handler": ["create_predict_response", "send_intermediate_predict_response"],
    "service": ["PredictionException", "Service", "emit_metrics"],
    "torch_handler.base_handler": ["BaseHandler"],
    "torch_handler.contractions": ["CONTRACTION_MAP"],
    "torch_handler.dali_handler": ["DALIHandler"],
    "torch_handler.dali_image_classifier": ["DALIImageClassifier"],
    "torch_handler.densenet_handler": ["DenseNetHandler"],
    "torch_handler.distributed.base_deepspeed_handler": ["BaseDeepSpeedHandler"],
    "torch_handler.distributed.base_pippy_handler": ["BasePippyHandler"],
    "torch_handler.image_classifier": ["ImageClassifier"],
    "torch_handler.image_segmenter": ["ImageSegmenter"],
    "torch_handler.object_detector": ["ObjectDetector"],
    "torch_handler.request_envelope.base": ["BaseEnvelope"],
    "torch_handler.request_envelope.body": ["BodyEnvelope"],
    "torch_handler.request_envelope.json": ["JSONEnvelope"],
    "torch_handler.request_envelope.kserve": ["KServeEnvelope"],
    "torch_handler.request_envelope.kservev2": ["KServev2Envelope"],
    "torch_handler.text_classifier": ["TextClassifier"],
    "torch_handler.text_handler": ["TextHandler"],
    "torch_handler.trt_llm_handler": ["TRTLLMHandler"],
    "torch_handler.unit_tests.test_utils.mock_context": ["MockContext"],
    "torch_handler.unit_tests.test_utils.model_dir": ["copy_files"],
    "torch_handler.vision_handler": ["VisionHandler"],
    "torch_handler.vllm_handler": ["VLLMHandler"],
    "utils.util": [
        "CLEANUP_REGEX", "PT2Backend", "PredictionException", "check_valid_pt2_backend", "deprecated",
        "get_yaml_config", "list_classes_from_module", "load_label_mapping", "map_class_to_label",
    ],
}  # fmt: skip


def bare_python(program: str) -> str:
    """What the program prints in a Python that sees the layer and the standard library."""
    lines = f"import sys; sys.path.insert(0, {str(HANDLER_LAYER)!r})\n{program}"
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", lines], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_name_is_there_where_only_python_is_installed() -> None:
    lines = [f"from ts.{module} import {', '.join(names)}" for module, names in NAMES.items()]
    bare_python("\n".join(lines))


def test_nothing_of_the_layer_needs_a_package_at_import() -> None:
    program = (
        "import importlib, pkgutil, ts\n"
        "names = [found.name for found in pkgutil.walk_packages(ts.__path__, 'ts.')]\n"
        "for name in names: importlib.import_module(name)\n"
        "print(len(names))"
    )
    assert int(bare_python(program)) > len(NAMES)


def test_the_package_says_whose_handlers_it_runs() -> None:
    assert bare_python("import ts; print(ts.__version__)").strip() == "0.12.0"


@pytest.mark.parametrize("module", ["handler_utils.distributed.deepspeed", "torch_handler.vllm_handler"])
def test_what_does_not_run_here_says_so_when_it_is_used(module: str) -> None:
    use = {
        "handler_utils.distributed.deepspeed": "get_ds_engine(None, None)",
        "torch_handler.vllm_handler": "VLLMHandler().initialize(None)",
    }[module]
    told = bare_python(
        f"from ts.{module} import *\ntry:\n    {use}\nexcept NotImplementedError as error:\n    print(error)"
    )
    assert "is not supported by this server" in told
