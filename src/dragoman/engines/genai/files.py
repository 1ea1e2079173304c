"""The files of an exported model."""

from typing import Final

MODEL: Final = "openvino_model.xml"
REQUIRED: Final = (
    MODEL,
    "openvino_model.bin",
    "openvino_tokenizer.xml",
    "openvino_tokenizer.bin",
    "openvino_detokenizer.xml",
    "openvino_detokenizer.bin",
)
