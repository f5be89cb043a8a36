"""The machine with the program installed on it, and a stack of two members with NGINX before it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.systemd.machine import Machine

ENV_FILE = "/etc/autoscaler/autoscaler.env"
SETTINGS = {
    "PROJECT": "shop",
    "INTERVAL": "0.5s",
    "AVERAGE_OVER": "1.5s",
    "NGINX__REACH": "host",
    "NGINX__TEST_COMMAND": "/opt/autoscaler/libexec/host-nginx test",
    "NGINX__RELOAD_COMMAND": "/opt/autoscaler/libexec/host-nginx reload",
    "NGINX__MIN_RELOAD_INTERVAL": "0.2s",
    "ROLES__BUSINESS__ENABLED": "false",
    "ROLES__SLIM__ENABLED": "false",
    "ROLES__VALIDATOR__HEALTH_PATH": "/index.html",
    # The count follows the bounds alone.
    "ROLES__VALIDATOR__CPU_LOW": "0",
    "ROLES__VALIDATOR__CPU_HIGH": "100",
    "ROLES__VALIDATOR__MIN": "1",
    "ROLES__VALIDATOR__MAX": "1",
}
# The shell is there to end on SIGTERM: BusyBox's httpd as process 1 would not.
MEMBERS = """
set -e
mkdir -p /member/bin /member/www/cgi-bin && cd /member
cp /bin/busybox bin/busybox && for name in sh sleep httpd echo timeout; do
    ln -s busybox bin/$name
done
echo ok >www/index.html
printf '#!/bin/sh\\nsleep 4\\necho Content-Type: text/plain\\necho\\necho whole\\n' \\
    >www/cgi-bin/slow
chmod +x www/cgi-bin/slow
tar -c . | docker import - member:1
docker network create shop
for number in 1 2; do
    docker create --name shop-validator-$number --network shop \
        --label com.docker.compose.project=shop \
        --label com.docker.compose.service=validator-$number \
        --label com.docker.compose.container-number=1 \
        --label com.docker.compose.oneoff=False \
        --label autoscaler.role=validator --label autoscaler.order=$number \
        member:1 sh -c 'trap exit TERM; httpd -f -p 9003 -h /www & wait'
done
docker start shop-validator-1
"""
SITE = """
include /var/lib/autoscaler/nginx/*.conf;
server { listen 80; location / { proxy_pass http://autoscaler_validator; } }
"""


def settings(**changes: str) -> str:
    """Return the text of an env file for the stack."""
    return "".join(f"AUTOSCALER_{k}={v}\n" for k, v in {**SETTINGS, **changes}.items())


def wait_settled(machine: Machine) -> None:
    """Wait until the primary alone runs and NGINX serves it."""
    settled = "running of desired: validator 1 of 1; Docker answers; NGINX is up to date"
    machine.until(lambda: machine.show("StatusText") == [settled], "all is as at the beginning")


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """Boot a machine, install by `make install`, and have NGINX include the daemon's file."""
    with Machine() as booted:
        booted.make("install")
        booted.run(MEMBERS)
        booted.write("/etc/nginx/sites-enabled/default", SITE)
        booted.write(ENV_FILE, settings())
        booted.run("systemctl stop nginx && systemctl start autoscaler")
        booted.until(
            "test -s /var/lib/autoscaler/nginx/autoscaler.conf", "the upstreams are written"
        )
        booted.run("systemctl start nginx")
        yield booted


@pytest.fixture
def service(machine: Machine) -> Iterator[Machine]:
    """Return the machine with the daemon running on good settings, and leave it so."""
    wait_settled(machine)
    yield machine
    machine.run("rm -rf /run/systemd/system/autoscaler.service.d && systemctl daemon-reload")
    machine.write(ENV_FILE, settings())
    machine.run("systemctl reset-failed; systemctl start docker && systemctl restart autoscaler")
