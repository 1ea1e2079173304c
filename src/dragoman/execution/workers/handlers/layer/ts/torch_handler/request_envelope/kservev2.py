"""The envelope `kservev2`: bodies of the Open Inference Protocol."""

import json
from typing import Any

from ts.torch_handler.request_envelope.base import BaseEnvelope

DATATYPES = {
    "bool": "BOOL",
    "uint8": "UINT8",
    "uint16": "UINT16",
    "uint32": "UINT32",
    "uint64": "UINT64",
    "int8": "INT8",
    "int16": "INT16",
    "int32": "INT32",
    "int64": "INT64",
    "float16": "FP16",
    "float32": "FP32",
    "float64": "FP64",
    "object": "BYTES",
}


class KServev2Envelope(BaseEnvelope):
    """The handler gets the tensors of the first request, so a batch may hold no other."""

    _names: tuple[str, ...] = ()
    _id: str | None = None

    def parse_input(self, data: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The inputs, their data as nested lists of their shapes; of BYTES the first element.

        Errors: KeyError where there are none; ValueError for data that do not fit their shape.
        """
        body: Any = data[0].get("data") or data[0].get("body")
        if isinstance(body, bytes | bytearray):
            body = json.loads(body)
        inputs = [{**tensor, "data": shaped(tensor)} for tensor in body["inputs"]]
        self._names = tuple(tensor["name"] for tensor in inputs)
        self._id = str(body.get("id") or "").strip() and body["id"]
        return inputs

    def format_output(self, data: list[Any]) -> list[dict[str, Any]]:
        """Each result as a flat tensor under the name of the input in its place."""
        model = self.context.manifest.get("model", {})
        return [
            {
                "id": self._id or self.context.get_request_id(0),
                "model_name": model.get("modelName"),
                "model_version": model.get("modelVersion"),
                "outputs": [tensor(item, self._name(index)) for index, item in enumerate(data)],
            }
        ]

    def _name(self, index: int) -> str:
        return self._names[index] if index < len(self._names) else f"output-{index}"


def shaped(tensor: dict[str, Any]) -> Any:
    """A tensor's data as the handler gets them."""
    import numpy as np

    if tensor["datatype"] == "BYTES":
        return tensor["data"][0]
    return np.array(tensor["data"]).reshape(tuple(tensor["shape"])).tolist()


def tensor(data: Any, name: str) -> dict[str, Any]:
    """Data as a tensor of one dimension.

    Errors: KeyError for data of a type that the protocol does not have.
    """
    import numpy as np

    array = np.array(data).flatten()
    datatype = "BYTES" if array.dtype.kind == "U" else DATATYPES[str(array.dtype)]
    return {"name": name, "datatype": datatype, "data": array.tolist(), "shape": array.shape}
