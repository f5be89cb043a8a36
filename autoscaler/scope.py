"""Which containers the program may touch at all, and how those of a role are found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RoleScope:
    """How the members of a role are found: by label, or by container name if `members` is set.

    `port` is the role's port, used where a container has no `autoscaler.port` label.
    """

    role: str
    port: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """Which containers the program may touch at all. Without a project only names count.

    `off` are roles switched off in the settings: their containers are left alone without a word.
    """

    project: str | None
    roles: tuple[RoleScope, ...]
    off: frozenset[str] = frozenset()
