"""What a handler is told of its model and of the requests at hand, and what it says of its answers."""

import os
from collections.abc import Mapping
from typing import Any

from ts.serving.requests import BatchState, ThreadsBatchState


class RequestProcessor:
    """One request's headers, and what the handler sets for its answer."""

    def __init__(self, request_header: dict[str, Any]) -> None:
        self._request_header = request_header
        self._status_code: Any = 200
        self._reason_phrase: str | None = None
        self._response_header: dict[str, str] = {}

    def get_request_property(self, key: str) -> Any:
        """The header of exactly this name; of a part's name, {"content-type": its type}."""
        return self._request_header.get(key)

    def get_request_properties(self) -> dict[str, Any]:
        """Every header."""
        return self._request_header

    def report_status(self, code: int, reason_phrase: str | None = None) -> None:
        """Set the answer's status."""
        self._status_code = code
        self._reason_phrase = reason_phrase

    def get_response_status_code(self) -> Any:
        """The status set for the answer, else 200."""
        return self._status_code

    def get_response_status_phrase(self) -> str | None:
        """The phrase set for the answer."""
        return self._reason_phrase

    def add_response_property(self, key: str, value: str) -> None:
        """Set a header of the answer."""
        self._response_header[key] = value

    def get_response_headers(self) -> dict[str, str]:
        """Every header set for the answer."""
        return self._response_header

    def get_response_header(self, key: str) -> str | None:
        """One header set for the answer."""
        return self._response_header.get(key)


class Context:
    """One plain, lasting object per loaded handler, which may hang attributes of its own on it.

    With `shared`, threads that call the handler at the same time see each the requests of their own call.
    """

    def __init__(
        self,
        model_name: str,
        model_dir: str | None,
        manifest: dict[str, Any] | None,
        batch_size: int | None,
        gpu: int | None,
        mms_version: str,
        limit_max_image_pixels: bool = True,
        metrics: Any = None,
        model_yaml_config: Mapping[str, Any] | None = None,
        *,
        shared: bool = False,
    ) -> None:
        self.model_name = model_name
        self.manifest = manifest
        self.metrics = metrics
        self.model_yaml_config = model_yaml_config
        self.stopping_criteria: Any = None
        self.cl_socket: Any = None  # takes parts of answers; ts.service says how
        self.header_key_sequence_id = os.getenv("TS_REQUEST_SEQUENCE_ID", "ts_request_sequence_id")
        self.header_key_sequence_start = os.getenv("TS_REQUEST_SEQUENCE_START", "ts_request_sequence_start")
        self.header_key_sequence_end = os.getenv("TS_REQUEST_SEQUENCE_END", "ts_request_sequence_end")
        self._batch: BatchState | ThreadsBatchState = ThreadsBatchState() if shared else BatchState()
        self._system_properties = {
            "model_dir": model_dir,
            "gpu_id": gpu,
            "batch_size": batch_size,
            "server_name": "MMS",
            "server_version": mms_version,
            "limit_max_image_pixels": limit_max_image_pixels,
        }

    @property
    def system_properties(self) -> dict[str, Any]:
        """The model's folder, the GPU's number or None, the batch size, and what the server is."""
        return self._system_properties

    @property
    def request_ids(self) -> dict[int, str] | None:
        """The ids of the batch by index; None while the model loads."""
        return self._batch.request_ids

    @request_ids.setter
    def request_ids(self, request_ids: dict[int, str] | None) -> None:
        self._batch.request_ids = request_ids

    @property
    def request_processor(self) -> Any:
        """One `RequestProcessor` per request of the batch."""
        return self._batch.request_processor

    @request_processor.setter
    def request_processor(self, request_processor: list[RequestProcessor] | None) -> None:
        self._batch.request_processor = request_processor

    def get_request_id(self, idx: int = 0) -> str | None:
        """One request's id."""
        ids = self.request_ids
        return None if ids is None else ids.get(idx)

    def get_request_header(self, idx: int, key: str) -> Any:
        """A request's header, by its name exactly as the client spelt it."""
        return self.request_processor[idx].get_request_property(key)

    def get_all_request_header(self, idx: int) -> dict[str, Any]:
        """Every header of one request."""
        headers: dict[str, Any] = self.request_processor[idx].get_request_properties()
        return headers

    def get_sequence_id(self, idx: int) -> Any:
        """The id of the sequence that a request belongs to."""
        return self.get_request_header(idx, self.header_key_sequence_id)

    def set_response_content_type(self, idx: int, value: str) -> None:
        """Set the media type of one answer."""
        self.set_response_header(idx, "content-type", value)

    def get_response_content_type(self, idx: int) -> str | None:
        """The media type set for one answer."""
        return self.get_response_headers(idx).get("content-type")

    def set_response_header(self, idx: int, key: str, value: str) -> None:
        """Set a header of one answer."""
        self.request_processor[idx].add_response_property(key, value)

    def get_response_headers(self, idx: int) -> dict[str, str]:
        """Every header set for one answer."""
        headers: dict[str, str] = self.request_processor[idx].get_response_headers()
        return headers

    def set_response_status(self, code: int = 200, phrase: str = "", idx: int = 0) -> None:
        """Set the status of one answer."""
        processors = self.request_processor
        if processors is not None and processors[idx] is not None:
            processors[idx].report_status(code, reason_phrase=phrase)

    def set_all_response_status(self, code: int = 200, phrase: str = "") -> None:
        """Set the status of every answer."""
        for processor in self.request_processor:
            processor.report_status(code, reason_phrase=phrase)

    def get_response_status(self, idx: int) -> tuple[Any, str | None]:
        """The status and phrase set for one answer."""
        processor = self.request_processor[idx]
        return processor.get_response_status_code(), processor.get_response_status_phrase()
