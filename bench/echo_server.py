"""The bare echo of our own HTTP transport: what any request costs before a protocol has looked at it.

python bench/echo_server.py --port 8099
"""

import argparse
import asyncio
import signal

from dragoman.settings.limits import Limits
from dragoman.transports.http.router import Router
from dragoman.transports.http.server import HttpServer
from dragoman.wire.messages import WireRequest, WireResponse
from dragoman.wire.operation import Operation


def echo(operation: Operation, wire: WireRequest) -> WireResponse:
    """The body, back."""
    del operation
    return WireResponse(200, wire.body)


async def serve(port: int) -> None:
    """Serve until SIGTERM or SIGINT."""
    server = HttpServer(Router([], "superset"), echo, Limits())
    print(f"listening on http://127.0.0.1:{await server.start('127.0.0.1', port)}", flush=True)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await stop.wait()
    await server.drain(1.0)


def main() -> None:
    """Run on uvloop where it is installed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    port = parser.parse_args().port
    try:
        import uvloop  # noqa: PLC0415 (optional)
    except ImportError:
        asyncio.run(serve(port))
    else:
        uvloop.run(serve(port))


if __name__ == "__main__":
    main()
