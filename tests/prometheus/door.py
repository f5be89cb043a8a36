"""What stands before a Prometheus: TLS of an authority of our own, a password, a bearer token."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.e2e.waiting import until
from tests.prometheus.server import free_port

USER, PASSWORD, TOKEN = "autoscaler", "open sesame", "t0ken-of-a-test"

_BCRYPT = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy"
"""The password as Prometheus wants it, by the cheapest rounds."""

_WEB = """\
tls_server_config: {{cert_file: server.pem, key_file: server.key}}
basic_auth_users: {{{user}: "{password}"}}
"""

_NGINX = """\
pid {at}/nginx.pid; user root; daemon off; worker_processes 1; error_log {at}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {at}/body; proxy_temp_path {at}/proxy;
  fastcgi_temp_path {at}/fastcgi; uwsgi_temp_path {at}/uwsgi; scgi_temp_path {at}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location / {{
      if ($http_authorization != "Bearer {token}") {{ return 401; }}
      proxy_pass {behind};
    }}
    location /moved/ {{ return 302 {behind}; }}
    location /away/ {{ proxy_pass http://127.0.0.1:9; }}
  }}
}}
"""


@dataclass(frozen=True)
class Certificates:
    """Files of an authority (`ca`), of one that vouched for nothing, and Prometheus' web file."""

    ca: Path
    other_ca: Path
    web: Path


def certificates(directory: Path) -> Certificates:
    """Make an authority, a certificate of 127.0.0.1 by it, and a web file with one user."""
    authority = ("-addext", "basicConstraints=critical,CA:TRUE")
    for name in ("ca", "other"):
        _certificate(directory, name, *authority)
    by_ca = ("-CA", f"{directory}/ca.pem", "-CAkey", f"{directory}/ca.key")
    _certificate(directory, "server", *by_ca, "-addext", "subjectAltName=IP:127.0.0.1")
    web = directory / "web.yml"
    web.write_text(_WEB.format(user=USER, password=_BCRYPT), encoding="utf-8")
    return Certificates(directory / "ca.pem", directory / "other.pem", web)


def _certificate(directory: Path, name: str, *options: str) -> None:
    """Make a key and a certificate of it."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
            "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem", *options,
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip


class Gate:
    """A real NGINX before a Prometheus: lets the token through; /moved/ and /away/ lead nowhere."""

    def __init__(self, directory: Path, behind: str) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._pid = directory / "nginx.pid"
        self._config = directory / "nginx.conf"
        self._config.write_text(
            _NGINX.format(at=directory, port=port, token=TOKEN, behind=behind), encoding="utf-8"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it."""
        words = ["/usr/sbin/nginx", "-p", f"{self._config.parent}/", "-c", str(self._config)]
        self._process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", *words])
        until(self._pid.exists, "NGINX runs")
        return self

    def __exit__(self, *error: object) -> None:
        """End it."""
        assert self._process is not None
        self._process.terminate()
        self._process.wait(10)
