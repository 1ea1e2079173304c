"""Worker processes for models that bring code. The link between the two is docs/worker-protocol.md."""
