"""What is for HTTP, by the name that `ovmsclient.httpclient` gives it."""

from dragoman.client.ovms.serving_client import make_http_client as make_client

__all__ = ["make_client"]
