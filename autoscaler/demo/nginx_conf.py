"""The static half of the demo's NGINX configuration: what an administrator would write.

It routes path prefixes to the upstreams `autoscaler_<role>`, which the daemon's generated file
defines. Pure text, no files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.demo.image import GENERATED_DIRECTORY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROUTES = {
    "/api/v11/consensus": "validator",
    "/api/v11/transaction": "business",
    "/api/v11/query": "business",
    "/api/v11/health": "slim",
}
# For this long after a response NGINX does not close a client's idle connection, not even when its
# worker is told to go: a client that reuses connections only while they are younger never writes
# into one that is being closed.
IDLE_PROMISE_SECONDS = 3

TEMPLATE = """\
worker_processes 2;
error_log stderr notice;
pid /run/nginx.pid;
events {{
    worker_connections 8192;
}}
http {{
    access_log off;
    client_body_temp_path /tmp/body;
    proxy_temp_path /tmp/proxy;
    fastcgi_temp_path /tmp/fastcgi;
    uwsgi_temp_path /tmp/uwsgi;
    scgi_temp_path /tmp/scgi;
    client_max_body_size 100m;
    keepalive_requests 1000000;
    keepalive_timeout 75s;
{promise}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host $host;
    proxy_connect_timeout 5s;
    proxy_read_timeout 30s;
    proxy_send_timeout 30s;
    proxy_next_upstream off;

    include {generated}/*.conf;

    server {{
        listen 80 default_server backlog=4096;
{locations}
        location / {{
            return 404;
        }}
    }}
}}
"""


def static_configuration(
    roles: Iterable[str], routes: Mapping[str, str] = ROUTES, *, idle_promise: bool
) -> str:
    """Return `nginx.conf` for those roles.

    Each role answers under `/<role>/`, and the routes whose role exists under their own path.
    `idle_promise` uses `keepalive_min_timeout`, which NGINX knows from 1.27.4 on.
    """
    names = list(roles)
    blocks = [(path, f"http://autoscaler_{role}") for path, role in routes.items() if role in names]
    blocks += [(f"/{role}/", f"http://autoscaler_{role}/") for role in names]
    return TEMPLATE.format(
        generated=GENERATED_DIRECTORY,
        promise=f"    keepalive_min_timeout {IDLE_PROMISE_SECONDS}s;" if idle_promise else "",
        locations="\n".join(
            f"        location {path} {{\n            proxy_pass {target};\n        }}"
            for path, target in blocks
        ),
    )
