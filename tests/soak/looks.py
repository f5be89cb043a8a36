"""What a soak run sees from outside at one moment, and what follows from it. Pure.

Names are container names. Times are monotonic seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_UPSTREAM = re.compile(r"upstream autoscaler_(\S+) \{([^}]*)\}")
_SERVER = re.compile(r"server ([0-9.]+):\d+ [^#]*# (\S+)")

TAKES_PLACE = frozenset({"running", "paused", "restarting"})


@dataclass(frozen=True, slots=True)
class Seen:
    """A member as the engine lists it.

    `up_since` is when its run began, 0 if unknown. `answers`: it runs, has its address, and
    nothing done to it or given to it at creation keeps it from answering. `from_nginx` counts
    NGINX's connections in it, None if they could not be read.
    """

    name: str
    role: str
    state: str
    address: str
    up_since: float
    answers: bool
    from_nginx: int | None = 0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the whole, from `began` to `ended`. `listed` is what the generated file says that
    NGINX serves, addresses by name and role; `proven`: NGINX answered with that file's generation.
    """

    began: float
    members: Mapping[str, Seen]
    listed: Mapping[str, Mapping[str, str]]
    proven: bool
    ended: float

    def of(self, role: str) -> tuple[Seen, ...]:
        """Return the members of a role that exist."""
        return tuple(m for m in self.members.values() if m.role == role)

    def serving(self, role: str) -> frozenset[str]:
        """Name the members that provably get requests and can answer them."""
        if not self.proven:
            return frozenset()
        return frozenset(
            name
            for name, address in self.listed.get(role, {}).items()
            if (m := self.members.get(name)) is not None and m.answers and m.address == address
        )

    def wrongly_listed(self, role: str) -> frozenset[str]:
        """Name the listed members that cannot answer where the list says."""
        return frozenset(self.listed.get(role, {})) - self.serving(role)

    def unlisted(self, role: str) -> frozenset[str]:
        """Name the members that could answer but are not listed."""
        listed = self.listed.get(role, {})
        return frozenset(m.name for m in self.of(role) if m.answers and m.name not in listed)

    def places(self, role: str) -> int:
        """Count the members that take a place."""
        return sum(m.state in TAKES_PLACE for m in self.of(role))

    def whole(self, role: str, minimum: int) -> bool:
        """Whether a role is served as it should be."""
        return self.proven and len(self.serving(role)) >= minimum and not self.wrongly_listed(role)


def listed_in(text: str) -> dict[str, dict[str, str]]:
    """Return the addresses by role and name that a generated file sends requests to."""
    return {
        role: {name: address for address, name in _SERVER.findall(body)}
        for role, body in _UPSTREAM.findall(text)
    }
