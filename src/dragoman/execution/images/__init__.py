"""Encoded images and other pixels on their way to the model."""
