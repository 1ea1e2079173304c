"""A node library that cuts a list of numbers into rows; fewer than none is an error of its own."""


def initialize(params):
    return int(params["width"])


def get_inputs_info(params, state):
    return {"x": ("float32", [0])}


def get_outputs_info(params, state):
    return {"row": ("float32", [0, state])}


def execute(inputs, params, state):
    x = inputs["x"]
    if len(x) % state:
        raise ValueError(f"{len(x)} numbers do not fill rows of {state}")
    if (x < 0).any():
        raise RuntimeError("a number below zero")
    return {"row": x.reshape(-1, state)}
