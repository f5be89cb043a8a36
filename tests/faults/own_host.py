"""A host under test on an engine of its own; see `own_engine`."""

from __future__ import annotations

from docker.models.containers import Container

from autoscaler.demo.load import Load, Mix
from tests.e2e.harness import LIMITS, Host, path


class OwnHost(Host):
    """A host whose load goes to NGINX's own address.

    The port that the engine publishes is served by a process of the engine, which ends with it.
    """

    def load(self, rate: float, *roles: str, mix: Mix | None = None) -> Load:
        """Start load on these roles; it ends with the host."""
        mix = mix or Mix(dict.fromkeys(map(path, roles), 1.0))
        load = Load((self.stack.nginx_address, 80), mix, LIMITS)
        load.start()
        self.loads.append(load)
        load.rate = rate
        return load

    def remember_addresses(self) -> None:
        """Note in `had` which address each running member has now."""
        names = [n for role in self.stack.roles for n in self.stack.members(role)]
        self.had = {name: address(self.stack.container(name)) for name in names}

    def nginx_outlives_the_engine(self) -> None:
        """Let the engine start NGINX again after its own restart, as administrators do."""
        self.stack.container(self.stack.nginx_name).update(restart_policy={"Name": "always"})

    def free_address(self, name: str) -> None:
        """Take a member's fixed address away: it gets one at each start, as compose gives them."""
        network = self.stack.client.networks.get(self.stack.network_name)
        network.disconnect(name)
        network.connect(name)


def address(container: Container) -> str:
    """Return the address that a container has now, empty while it does not run."""
    container.reload()
    networks = container.attrs["NetworkSettings"]["Networks"].values()
    return str(next(iter(networks))["IPAddress"])
