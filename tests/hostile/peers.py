"""nginx and haproxy as Debian packages them, started on loopback ports with the limits of the table."""

import asyncio
import contextlib
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

from tests.hostile.table import BIG_BYTES, LIMITS

NGINX = """
daemon off; master_process off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1000; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    client_header_timeout {header}s; client_body_timeout {grace}s; send_timeout {write}s;
    keepalive_timeout {idle}s; keepalive_requests 10000;
    server {{
        listen 127.0.0.1:{nginx}; client_max_body_size {body};
        location / {{ proxy_pass http://127.0.0.1:{inner}; proxy_http_version 1.1; }}
    }}
    server {{
        listen 127.0.0.1:{reader}; client_max_body_size 0;  # reads bodies before it answers
        location / {{ proxy_pass http://127.0.0.1:{inner}; proxy_http_version 1.1; }}
    }}
    server {{
        listen 127.0.0.1:{inner}; client_max_body_size 0;
        location / {{ return 200 "ok"; }}
        location = /big {{ alias {folder}/big; }}
    }}
}}
"""
HAPROXY = """
global
    maxconn 1000
defaults
    mode http
    timeout connect 1s
    timeout server 20s
    timeout client {grace}s
    timeout http-request {header}s
    timeout http-keep-alive {idle}s
frontend front
    bind 127.0.0.1:{haproxy}
    option http-buffer-request
    default_backend reader
backend reader
    server reader 127.0.0.1:{reader}
"""


def free_ports(count: int) -> list[int]:
    """Ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for bound in sockets:
            bound.bind(("127.0.0.1", 0))
        return [bound.getsockname()[1] for bound in sockets]


async def listening(port: int) -> None:
    """Wait until something does."""
    for _ in range(100):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except ConnectionError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise TimeoutError(f"nothing listens on {port}")


@contextlib.asynccontextmanager
async def peers(folder: Path) -> AsyncIterator[dict[str, int]]:
    """The ports of both, as long as they run."""
    nginx, haproxy, reader, inner = free_ports(4)
    names = {
        "folder": folder, "nginx": nginx, "haproxy": haproxy, "reader": reader, "inner": inner,
        "body": LIMITS.body_bytes,
        "header": int(LIMITS.header_timeout_s), "grace": int(LIMITS.body_grace_s),
        "write": int(LIMITS.write_timeout_s), "idle": int(LIMITS.keep_alive_timeout_s),
    }  # fmt: skip
    (folder / "big").write_bytes(bytes(BIG_BYTES))
    (folder / "nginx.conf").write_text(NGINX.format(**names))
    (folder / "haproxy.conf").write_text(HAPROXY.format(**names))
    commands = [
        ["nginx", "-c", str(folder / "nginx.conf"), "-e", str(folder / "nginx.log")],
        ["haproxy", "-q", "-db", "-f", str(folder / "haproxy.conf")],
    ]
    processes = [await asyncio.create_subprocess_exec(*command) for command in commands]
    try:
        await asyncio.gather(*(listening(port) for port in (nginx, haproxy, inner)))
        yield {"nginx": nginx, "haproxy": haproxy}
    finally:
        for process in processes:
            process.terminate()
        await asyncio.gather(*(process.wait() for process in processes))


def versions() -> dict[str, str]:
    """The installed packages' versions."""
    command = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "nginx", "haproxy"]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return dict(line.split(" ", 1) for line in lines)
