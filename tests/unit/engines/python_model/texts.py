"""The text of small models."""

ECHO = """
class Model:
    inputs = {"x": ("%(dtype)s", None)}
    outputs = {"y": ("%(dtype)s", None)}

    def predict(self, inputs):
        return {"y": inputs["x"]}
"""
PAIR = """
class Model:
    inputs = {"a": ("float32", [None, 3]), "b": ("int64", [None])}
    outputs = {"c": ("float32", [None, 3]), "d": ("int64", [None])}

    def predict(self, inputs):
        return {"c": inputs["a"], "d": inputs["b"]}
"""
