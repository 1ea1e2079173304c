"""Files of models, and where and how models run."""

import importlib
import logging
import os
from collections.abc import Mapping
from typing import Any

from ts.utils.util import check_valid_pt2_backend, list_classes_from_module

logger = logging.getLogger(__name__)


def choose_device(gpu_id: Any) -> tuple[str, Any]:
    """The kind of device and the device: the GPU of this number where there are any, else the CPU."""
    import torch

    if gpu_id is not None:
        if torch.cuda.is_available():
            return "cuda", torch.device(f"cuda:{gpu_id}")
        if os.environ.get("TS_IPEX_GPU_ENABLE") == "true" and torch.xpu.is_available():
            return "xpu", torch.device(f"xpu:{gpu_id}")
        if torch.backends.mps.is_available():
            return "mps", torch.device("mps")
    return "cpu", torch.device("cpu")


def make_model(model_dir: str, model_file: str) -> Any:
    """An object of the only class that the file defines.

    Errors: RuntimeError where there is no such file; ValueError where it does not define just one class.
    """
    if not os.path.isfile(os.path.join(model_dir, model_file)):
        raise RuntimeError(f"the model's file {model_file} is missing")
    module = importlib.import_module(model_file.partition(".")[0])
    classes = list_classes_from_module(module)
    if len(classes) != 1:
        found = ", ".join(cls.__name__ for cls in classes) or "none"
        raise ValueError(f"{model_file} has to define one class, the model; it defines {found}")
    return classes[0]()


def load_weights(model: Any, path: str, device: Any) -> Any:
    """The model with the state dict of the file.

    The file may hold objects of any class: it comes with code of the same origin, which runs here already.
    """
    import torch

    model.load_state_dict(torch.load(path, map_location=device, weights_only=False))
    return model


def setup_ort_session(model_pt_path: str, map_location: str) -> Any:
    """A session of ONNX Runtime that uses every core."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = os.cpu_count() or 1
    providers = ["CPUExecutionProvider"]
    if map_location == "cuda":
        providers.insert(0, "CUDAExecutionProvider")
    return onnxruntime.InferenceSession(model_pt_path, sess_options=options, providers=providers)


def is_aot_compiled(config: Mapping[str, Any]) -> bool:
    """Whether model-config.yaml says that the model is a library that torch.export made."""
    pt2 = config.get("pt2")
    export = pt2.get("export") if isinstance(pt2, Mapping) else None
    return isinstance(export, Mapping) and export.get("aot_compile") is True


def compile_options(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `torch.compile` is to be told, of `pt2` in model-config.yaml; None where it is not to be called.

    Errors: ValueError for a `pt2` of another form.
    """
    if "pt2" not in config:
        return None
    pt2 = config["pt2"]
    if isinstance(pt2, str):
        options: dict[str, Any] = {"backend": pt2}
    elif not isinstance(pt2, Mapping):
        raise ValueError("pt2 in model-config.yaml has to be a text or a mapping")
    elif "compile" in pt2:
        options = dict(pt2["compile"])
        if options.pop("enable", None) is not True:
            return None
    elif "export" in pt2:
        return None
    else:
        options = dict(pt2)
    if "backend" in options and not check_valid_pt2_backend(options["backend"]):
        return None
    return options


def compiled(model: Any, options: dict[str, Any]) -> Any:
    """The model compiled, or as it is where that fails."""
    import torch

    try:
        return torch.compile(model, **options)
    except Exception:
        logger.warning("the model is not compiled", exc_info=True)
        return model
