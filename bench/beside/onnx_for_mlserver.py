"""An ONNX model as MLServer's users write one; MLServer imports this module, in its own environment."""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class OnnxModel(MLModel):
    """A model of one input, with onnxruntime set as it is everywhere in this benchmark."""

    async def load(self) -> bool:
        """Open the file that `parameters.uri` names."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, options, providers)
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answer with the output `y`."""
        (given,) = payload.inputs
        values = NumpyCodec.decode_input(given)
        (answer,) = self._session.run(["y"], {given.name: values})
        return InferenceResponse(model_name=self.name, outputs=[NumpyCodec.encode_output("y", answer)])
