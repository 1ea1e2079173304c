"""How a worker runs a handler: what goes in, what comes out, what can fail. Handlers import none of it."""
