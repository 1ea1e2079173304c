"""Requests and answers of the Open Inference Protocol in JSON, which several protocols read and write."""
