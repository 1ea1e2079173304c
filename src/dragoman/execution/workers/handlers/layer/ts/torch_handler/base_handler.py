"""The handler that others derive from: loads a model of torch or ONNX, calls it, times it."""

import logging
import os
import tempfile
import time
from typing import Any

from ts.handler_utils.timer import timed
from ts.torch_handler.loading import (
    choose_device,
    compile_options,
    compiled,
    is_aot_compiled,
    load_weights,
    make_model,
    setup_ort_session,
)
from ts.utils.util import PredictionException, load_label_mapping

logger = logging.getLogger(__name__)


class BaseHandler:
    """preprocess, inference, postprocess: handlers override what differs.

    A subclass need not call `__init__`.
    """

    model: Any = None
    mapping: Any = None
    device: Any = None
    initialized: Any = False
    context: Any = None
    model_pt_path: Any = None
    manifest: Any = None
    map_location: Any = None
    explain: Any = False
    target: Any = 0

    def __init__(self) -> None:
        self.profiler_args: dict[str, Any] = {}

    def initialize(self, context: Any) -> None:
        """Load the model that the manifest names, and the labels of its classes.

        Errors: RuntimeError where the manifest names no model that this can load.
        """
        self.model_yaml_config = getattr(context, "model_yaml_config", None) or {}
        self.manifest = context.manifest
        properties = context.system_properties
        self.map_location, self.device = choose_device(properties.get("gpu_id"))
        model_dir = properties.get("model_dir")
        self.model_pt_path = None
        if "serializedFile" in self.manifest["model"]:
            self.model_pt_path = os.path.join(model_dir, self.manifest["model"]["serializedFile"])
        self.model = self._loaded(model_dir, self.manifest["model"].get("modelFile"))
        options = compile_options(self.model_yaml_config)
        if options is not None:
            self.model = compiled(self.model, options)
        self.mapping = load_label_mapping(os.path.join(model_dir, "index_to_name.json"))
        self.initialized = True

    def _loaded(self, model_dir: str, model_file: str | None) -> Any:
        path = self.model_pt_path or ""
        if model_file:
            model = self._load_pickled_model(model_dir, model_file, self.model_pt_path)
            model.to(self.device)
        elif path.endswith(".pt"):
            model = self._load_torchscript_model(path)
        elif path.endswith(".onnx"):
            return setup_ort_session(path, self.map_location)
        elif path.endswith(".so") and is_aot_compiled(self.model_yaml_config):
            return self._load_torch_export_aot_compile(path)
        else:
            raise RuntimeError("the manifest names no modelFile, and no serializedFile that can be loaded")
        model.eval()
        return model

    def _load_torchscript_model(self, model_pt_path: str) -> Any:
        """A model of TorchScript."""
        import torch

        return torch.jit.load(model_pt_path, map_location=self.device)

    def _load_pickled_model(self, model_dir: str, model_file: str, model_pt_path: str | None) -> Any:
        """A model whose class is in a file of Python, with the state dict of another where there is one."""
        model = make_model(model_dir, model_file)
        return load_weights(model, model_pt_path, self.device) if model_pt_path else model

    def _load_torch_export_aot_compile(self, model_so_path: str) -> Any:
        """A model that torch.export compiled to a library."""
        import torch

        if self.map_location == "cuda":
            torch.cuda.set_device(self.device)
        return torch._export.aot_load(model_so_path, self.map_location)

    @timed
    def preprocess(self, data: Any) -> Any:
        """The requests as the model's input."""
        import torch

        return torch.as_tensor(data, device=self.device)

    @timed
    def inference(self, data: Any, *args: Any, **kwargs: Any) -> Any:
        """The model's output."""
        import torch

        with torch.inference_mode():
            return self.model(data.to(self.device), *args, **kwargs)

    @timed
    def postprocess(self, data: Any) -> Any:
        """The output as one result per request."""
        return data.tolist()

    def handle(self, data: Any, context: Any) -> Any:
        """The results of a batch, or the explanations or the description that the first request asks for."""
        started_s = time.perf_counter()
        self.context = context
        if os.environ.get("ENABLE_TORCH_PROFILER"):
            output, _ = self._infer_with_profiler(data)
        elif self._is_describe():
            output = [self.describe_handle()]
        else:
            prepared = self.preprocess(data)
            if self._is_explain():
                output = self.explain_handle(prepared, data)
            else:
                output = self.postprocess(self.inference(prepared))
        duration_ms = round((time.perf_counter() - started_s) * 1000, 2)
        context.metrics.add_time("HandlerTime", duration_ms, None, "ms")
        return output

    def _infer_with_profiler(self, data: Any) -> tuple[Any, Any]:
        """The results, and torch's profile of the three steps, which is written to a file as well."""
        from torch.profiler import ProfilerActivity, profile, record_function, tensorboard_trace_handler

        arguments = dict(getattr(self, "profiler_args", None) or {})
        if not arguments:
            activities = [ProfilerActivity.CPU]
            if self.map_location == "cuda":
                activities.append(ProfilerActivity.CUDA)
            arguments = {"activities": activities, "record_shapes": True}
        name = (self.manifest or self.context.manifest)["model"].get("modelName", "")
        folder = os.path.join(tempfile.gettempdir(), "pytorch_profiler", name)
        arguments.setdefault("on_trace_ready", tensorboard_trace_handler(folder))
        with profile(**arguments) as profiled:
            with record_function("preprocess"):
                prepared = self.preprocess(data)
            if self._is_explain():
                with record_function("explain"):
                    output = self.explain_handle(prepared, data)
            else:
                with record_function("inference"):
                    output = self.inference(prepared)
                with record_function("postprocess"):
                    output = self.postprocess(output)
        logger.info(profiled.key_averages().table(sort_by="cpu_time_total", row_limit=10))
        return output, profiled

    def explain_handle(self, data_preprocess: Any, raw_data: Any) -> Any:
        """What `get_insights` says of the class that the first request names as `target`, else of class 0."""
        row = raw_data[0]
        inputs, target = None, 0
        if isinstance(row, dict):
            inputs = row.get("data") or row.get("body")
            target = row.get("target") or 0
        return self.get_insights(data_preprocess, inputs, target)

    def get_insights(self, tensor_data: Any, raw_data: Any, target: Any = 0) -> Any:
        """The explanations, of handlers that have some.

        Errors: PredictionException 501 of those that have none.
        """
        raise PredictionException("this model's handler gives no explanations", 501)

    def _is_explain(self) -> bool:
        asked = self._asked("explain")
        self.explain = self.explain or asked
        return asked

    def _is_describe(self) -> bool:
        return self._asked("describe")

    def _asked(self, header: str) -> bool:
        return bool(self.context) and self.context.get_request_header(0, header) == "True"

    def describe_handle(self) -> Any:
        """What `describe` with `customized=true` shows of the handler; nothing unless a subclass says so."""
        return None

    def get_device(self) -> Any:
        """Where the model runs."""
        return self.device
