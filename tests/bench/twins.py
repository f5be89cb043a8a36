"""A container like a member that the daemon knows nothing of, started by hand for comparison."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from autoscaler.demo.containers import ContainerMaker
from autoscaler.demo.owner import OWNER_LABEL, own_identity
from autoscaler.demo.spec import HEALTH_PATH, RoleSpec
from autoscaler.labels import PROJECT_LABEL
from tests.bench.asking import first_answer
from tests.e2e.harness import Host

HOST_NUMBER = 200


@contextlib.contextmanager
def twin(stand: Host, spec: RoleSpec) -> Iterator[Callable[[], float]]:
    """Create a member of another project on the same network, by the same specification.

    Gives a function that starts it, returns the seconds until it first answered, and kills it.
    """
    stack = stand.stack
    name = f"{stack.project}-twin"
    labels = {OWNER_LABEL: own_identity(), PROJECT_LABEL: name}
    image = f"autoscaler-demo:{stack.project}"
    address = stack.nginx_address.rpartition(".")[0] + f".{HOST_NUMBER}"
    maker = ContainerMaker(stack.client, image, stack.network_name, labels)

    def start() -> float:
        container = stack.container(name)
        began = time.time()
        container.start()
        answered = first_answer((address, spec.port), HEALTH_PATH, name)
        container.kill()
        container.wait()
        return answered - began

    maker.create_member(spec, 1, name, address)
    try:
        yield start
    finally:
        stack.container(name).remove(force=True)
