"""What `dragoman predict` does: values are read, the model is called, and its outputs are shown."""
