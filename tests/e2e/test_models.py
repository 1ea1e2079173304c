"""`dragoman models` against servers that are not dragoman."""

import http.server
import threading

import pytest

from tests.e2e.process import dragoman_run


@pytest.fixture
def foreign_server(request):
    """A server that answers every GET with this status and body."""
    status, body = request.param

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Tests print nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    "foreign_server", [(404, b"nothing"), (200, b"<html>"), (200, b"[1]"), (200, b"{}")], indirect=True
)
def test_another_kind_of_server_is_told_in_one_line(foreign_server):
    ended = dragoman_run("models", "--url", foreign_server)
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"dragoman: {foreign_server} answers ")
    assert ended.stderr.endswith(" without a list of models: is that a dragoman server?\n")
    assert len(ended.stderr.splitlines()) == 1
