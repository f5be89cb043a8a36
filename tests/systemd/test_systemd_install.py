"""`make install` and `make uninstall` on a machine, over and over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.systemd.conftest import ENV_FILE
from tests.systemd.machine import CHECKOUT, Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.engine

PROGRAM = (
    "/opt/autoscaler",
    "/usr/local/bin/autoscaler",
    "/etc/systemd/system/autoscaler.service",
    "/etc/systemd/system/autoscaler-nginx-test.service",
    "/etc/systemd/system/autoscaler-nginx-reload.service",
    "/etc/sysusers.d/autoscaler.conf",
    "/etc/tmpfiles.d/autoscaler.conf",
    "/etc/polkit-1/rules.d/50-autoscaler.rules",
)
DATA = ("/etc/autoscaler", "/var/lib/autoscaler")
ABSENT_ENGINE = (
    "AUTOSCALER_PROJECT=shop\nAUTOSCALER_NGINX__CONTAINER=proxy\n"
    "AUTOSCALER_DOCKER__URL=unix:///run/no-engine.sock\n"
)


@pytest.fixture(scope="module")
def fresh() -> Iterator[Machine]:
    """Boot a machine on which nothing of ours is installed yet."""
    with Machine() as booted:
        yield booted


@pytest.fixture
def installed(fresh: Machine) -> Machine:
    """Return it with the program installed."""
    if not fresh.exists(PROGRAM[0]):
        fresh.make("install")
    return fresh


def test_install_puts_everything_in_its_place_and_starts_nothing(installed: Machine) -> None:
    """The settings are for root and the daemon's group alone, the directory of the generated file
    is the daemon's; the checkout stays as it was.
    """
    assert [path for path in (*PROGRAM, *DATA) if not installed.exists(path)] == []
    assert installed.show("ActiveState", "UnitFileState") == ["inactive", "disabled"]
    owner = installed.run(f"stat -c '%U %G %a' {ENV_FILE}").output
    assert owner == "root autoscaler 640"
    generated = installed.run("stat -c '%U %G %a' /var/lib/autoscaler/nginx").output
    assert generated == "autoscaler autoscaler 755"  # before any container mounts it
    assert installed.run("autoscaler --version").output
    assert installed.run(f"ls {CHECKOUT}").output.split() == [
        *("LICENSE", "Makefile", "README.md", "autoscaler", "config", "pyproject.toml", "systemd")
    ]


def test_a_second_install_brings_the_program_up_to_date_and_keeps_the_settings(
    installed: Machine,
) -> None:
    """What was changed in the checkout is installed; the running daemon is left to be restarted."""
    installed.write(ENV_FILE, ABSENT_ENGINE)
    installed.run("systemctl start --no-block autoscaler")
    installed.until(
        lambda: "Docker does not answer" in installed.show("StatusText")[0], "the daemon runs"
    )
    pid = installed.show("MainPID")
    installed.run(f"echo '# changed' >>{CHECKOUT}/autoscaler/clock.py")
    installed.run("rm /etc/systemd/system/autoscaler.service")

    installed.make("install")

    assert installed.run(f"cat {ENV_FILE}").output == ABSENT_ENGINE.strip()
    changed = "grep -q '# changed' /opt/autoscaler/lib/python3*/site-packages/autoscaler/clock.py"
    installed.run(changed)
    assert installed.exists("/etc/systemd/system/autoscaler.service")
    assert installed.show("MainPID") == pid


def test_uninstall_keeps_settings_and_history(installed: Machine) -> None:
    """The daemon ends, the program goes, what people wrote and the daemon learnt stays."""
    installed.write(ENV_FILE, ABSENT_ENGINE)
    installed.write("/var/lib/autoscaler/history.db", "learnt")
    installed.run("systemctl enable autoscaler && systemctl start --no-block autoscaler")

    installed.make("uninstall")

    assert [path for path in PROGRAM if installed.exists(path)] == []
    assert installed.run("systemctl show autoscaler -p LoadState").output == "LoadState=not-found"
    assert installed.run(f"cat {ENV_FILE}").output == ABSENT_ENGINE.strip()
    assert installed.exists("/var/lib/autoscaler/history.db")
    assert installed.run("pgrep -u autoscaler", ok=False).code == 1
    installed.make("uninstall")  # once more does no harm


def test_purge_leaves_nothing(installed: Machine) -> None:
    """Settings, history and the user go too."""
    installed.make("uninstall PURGE=1")
    assert [path for path in (*PROGRAM, *DATA) if installed.exists(path)] == []
    assert installed.run("getent passwd autoscaler", ok=False).code != 0
