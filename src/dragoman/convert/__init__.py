"""What `dragoman convert` does: a model becomes ONNX, is compared with its source, and is put in place."""
