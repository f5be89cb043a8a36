"""What the sandboxed daemon, which is not root, sees of members and does with the host's NGINX."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from tests.systemd.conftest import ENV_FILE, settings
from tests.systemd.machine import LOOK_SECONDS, Journal

if TYPE_CHECKING:
    from typing import Any

    from tests.systemd.machine import Machine

pytestmark = pytest.mark.engine

GENERATED = "/var/lib/autoscaler/nginx/autoscaler.conf"


def bounds(service: Machine, minimum: int, maximum: int) -> None:
    """Set the bounds of the role: its count follows at once."""
    changed = {"MIN": str(minimum), "MAX": str(maximum)}
    service.write(ENV_FILE, settings(**{f"ROLES__VALIDATOR__{k}": v for k, v in changed.items()}))
    service.run("systemctl reload autoscaler")


def members(service: Machine) -> list[dict[str, Any]]:
    """Return the members as `autoscaler status` shows them."""
    status = json.loads(service.run("autoscaler status --json").output)
    found: list[dict[str, Any]] = status["roles"]["validator"]["members"]
    return found


def ask_until_one_is_in(service: Machine, member: str) -> int:
    """Send slow requests through NGINX until one is in this member; return how many it took.

    Each of NGINX's workers gives its requests to the members in turn, by its own count.
    """
    service.run("rm -rf /srv/answers && mkdir /srv/answers")
    for number in range(1, 20):
        slow = f"curl -s http://127.0.0.1/cgi-bin/slow >/srv/answers/{number}"
        service.run(f"{slow} 2>&1 </dev/null &")
        time.sleep(LOOK_SECONDS)
        if service.run(f"docker top {member} | grep -q 'sleep 4'", ok=False).code == 0:
            return number
    raise AssertionError(f"no request came to {member}")


def test_cpu_is_read_from_the_kernels_counters(service: Machine) -> None:
    """A member's load shows, read from the cgroups and not by the engine's slow statistics."""
    busy = "timeout 10 sh -c 'while :; do :; done'"
    service.run(f"docker exec -d shop-validator-1 {busy}")

    def loaded() -> bool:
        first = members(service)[0]
        return first["source"] == "cgroup" and (first["cpu_percent"] or 0) > 5

    service.until(loaded, "the cgroup source shows the load")


def test_a_member_is_published_and_drained_by_way_of_the_root_units(service: Machine) -> None:
    """A spare joins NGINX; when it leaves, its request under way is awaited and comes back.

    The looks at the member's connections and at NGINX's old workers work under the sandbox.
    """
    journal = Journal(service)
    bounds(service, 2, 2)
    service.until(lambda: [m["published"] for m in members(service)] == [True, True], "both serve")
    reloads = Journal(service, "autoscaler-nginx-reload")
    address = service.run(
        "docker inspect -f '{{.NetworkSettings.Networks.shop.IPAddress}}' shop-validator-2"
    ).output
    assert f"server {address}:9003" in service.run(f"cat {GENERATED}").output
    answers = ask_until_one_is_in(service, "shop-validator-2")

    bounds(service, 1, 1)
    drained = journal.wait_for("member.drained")
    assert drained["reason"] == "no request is left in it"
    assert drained["awaited_connections"] == 1
    assert drained["awaited_workers"] >= 1
    journal.wait_for("member.stopped")
    answered = f"test $(cat /srv/answers/* | grep -cx whole) = {answers}"
    service.until(answered, "every request has its answer")
    assert "Finished autoscaler-nginx-reload.service" in reloads.text()
    assert address not in service.run(f"cat {GENERATED}").output


def test_nginxs_words_about_a_bad_configuration_come_back_to_the_daemon(service: Machine) -> None:
    """The test fails, its output is logged, nothing is reloaded; mended, the change goes on."""
    broken = "/etc/nginx/conf.d/others.conf"
    service.write(broken, "upstream broken { nonsense; }\n")
    journal, reloads = Journal(service), Journal(service, "autoscaler-nginx-reload")
    try:
        bounds(service, 2, 2)
        told = journal.wait_for("nginx.test_failed")
        assert 'unknown directive "nonsense"' in told["reason"]
        assert broken in told["output"]
        assert reloads.entries() == []
    finally:
        service.run(f"rm {broken}")
    service.until(lambda: all(m["published"] for m in members(service)), "both serve")


def test_the_daemons_user_may_start_the_two_units(service: Machine) -> None:
    """Through the command that the settings name; the words of NGINX come with it."""
    command = "runuser -u autoscaler -- /opt/autoscaler/libexec/host-nginx"
    assert "test is successful" in service.run(f"{command} test").output
    service.run(f"{command} reload")


@pytest.mark.parametrize(
    ("user", "words"),
    [
        ("autoscaler", "start nginx"),
        ("autoscaler", "restart autoscaler-nginx-test"),
        ("autoscaler", "stop autoscaler-nginx-reload"),
        ("autoscaler", "stop autoscaler"),
        ("nobody", "start autoscaler-nginx-test"),
        ("nobody", "start autoscaler-nginx-reload"),
    ],
)
def test_nobody_may_do_more(service: Machine, user: str, words: str) -> None:
    """Other verbs and units are refused to the daemon's user, and the two units to all others."""
    refused = service.run(f"runuser -u {user} -- systemctl --no-ask-password {words}", ok=False)
    assert refused.code != 0
    assert "authentication required" in refused.output


def test_a_refusal_is_not_taken_for_nginxs_words(service: Machine) -> None:
    """What an earlier test printed is still there, but it is not what comes back."""
    service.run("runuser -u autoscaler -- /opt/autoscaler/libexec/host-nginx test")
    refused = service.run("runuser -u nobody -- /opt/autoscaler/libexec/host-nginx test", ok=False)
    assert refused.code != 0
    assert refused.code == 126
    assert "authentication required" in refused.output
    assert "install polkitd" in refused.output
    assert "nginx:" not in refused.output


def test_a_refusal_by_polkit_is_not_logged_as_one_by_nginx(service: Machine) -> None:
    """The daemon says that NGINX could not be tested and what to do; with the rule it goes on."""
    rules, aside = "/etc/polkit-1/rules.d/50-autoscaler.rules", "/srv/50-autoscaler.rules"
    service.run(f"mv {rules} {aside} && systemctl restart polkit")
    try:
        journal = Journal(service)
        bounds(service, 2, 2)
        told = journal.wait_for("nginx.reload_failed")
        assert told["reason"].startswith("NGINX could not be tested: ")
        assert "authentication required" in told["reason"]
        assert "install polkitd" in told["reason"]
        assert journal.events("nginx.test_failed") == []
    finally:
        service.run(f"mv {aside} {rules} && systemctl restart polkit")
    service.until(lambda: all(m["published"] for m in members(service)), "both serve")
