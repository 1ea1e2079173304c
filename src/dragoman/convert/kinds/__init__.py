"""How models of each engine become ONNX; used in the process that converts."""
