"""Judges whether a role's spares are what its primary is: image and configuration. Pure.

A deploy recreates what runs; a spare that nobody recreated still has yesterday's image and would
serve it under load. What must differ between members does not count: names, host names, labels,
fixed addresses, published ports, and values that differ by the member's own name only. Values of
variables and commands are never told: they may be secrets.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from autoscaler.cli.findings import Finding, ok, warn
from autoscaler.inventory import allowed_cpus
from autoscaler.labels import SERVICE_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from autoscaler.model import Member

_OWN = "<own name>"
_ANONYMOUS = re.compile(r"[0-9a-f]{64}")
_SHORT_ID = 12


def spare_findings(
    members: Sequence[Member], inspected: Mapping[str, Mapping[str, Any]], host_cpus: float
) -> Iterator[Finding]:
    """Yield one finding for each role with several containers, or one for each that differs.

    `inspected` are the engine's inspect answers by member name.
    """
    for role in dict.fromkeys(member.role for member in members):
        own = sorted((m for m in members if m.role == role), key=lambda m: (m.order, m.name))
        primary, *others = (m.name for m in own if m.name in inspected)
        found = [
            _finding(role, name, primary, differences)
            for name in others
            if (differences := compare(inspected[primary], inspected[name], host_cpus))
        ]
        yield from found
        if others and not found:
            yield ok(f"spares {role}", f"image and configuration are those of {primary}")


def _finding(role: str, name: str, primary: str, differences: Sequence[str]) -> Finding:
    """Say how a member differs and how it is made anew."""
    return warn(
        f"spares {role}",
        f"{name} differs from the primary {primary}: {'; '.join(differences)}",
        f"if that is not meant, make {name} anew while it does not run (docker compose up "
        "--no-start --force-recreate with its service); a running one: start another first",
    )


def compare(
    primary: Mapping[str, Any], other: Mapping[str, Any], host_cpus: float
) -> tuple[str, ...]:
    """Return in words what of `other` differs from the primary, nothing that must differ."""
    mine, its = _facts(primary, host_cpus), _facts(other, host_cpus)
    found = []
    if primary.get("Image") != other.get("Image"):
        found.append(f"image is {_image(other)}, not {_image(primary)}")
    changed = _changed(_environment(primary), _environment(other))
    if changed:
        found.append(f"environment differs in {', '.join(changed)}")
    changed = _changed(_mounts(primary), _mounts(other))
    if changed:
        found.append(f"mounts differ at {', '.join(changed)}")
    if _command(primary) != _command(other):
        found.append("command differs")
    return (*found, *(f"{key} is {its[key]}, not {mine[key]}" for key in _changed(mine, its)))


def _changed(mine: Mapping[str, object], its: Mapping[str, object]) -> list[str]:
    """Return the keys that only one of them has or whose values differ."""
    return sorted(key for key in mine.keys() | its.keys() if mine.get(key) != its.get(key))


def _image(one: Mapping[str, Any]) -> str:
    """Return an image's short id with the name it was asked for by."""
    short = str(one.get("Image") or "").removeprefix("sha256:")[:_SHORT_ID]
    return f"{short} ({_config(one).get('Image')})"


def _config(one: Mapping[str, Any]) -> Mapping[str, Any]:
    return one.get("Config") or {}


def _facts(one: Mapping[str, Any], host_cpus: float) -> dict[str, str]:
    """Return what is compared whole, in words."""
    config, host = _config(one), one.get("HostConfig") or {}
    networks = (one.get("NetworkSettings") or {}).get("Networks") or {}
    return {
        "user": str(config.get("User") or "the image's"),
        "CPU limit": f"{allowed_cpus(host, host_cpus):g}",
        "memory limit": _bytes(host.get("Memory")),
        "memory and swap limit": _bytes(host.get("MemorySwap")),
        "process limit": str(host.get("PidsLimit") or "none"),
        "networks": ", ".join(sorted(networks)) or "none",
    }


def _bytes(value: object) -> str:
    """Return a limit in MiB; the engine writes none as 0, -1 or null."""
    number = int(str(value or 0))
    return f"{number / 2**20:g} MiB" if number > 0 else "none"


def _environment(one: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables, with the container's own names made alike."""
    pairs = (str(entry).partition("=") for entry in _config(one).get("Env") or ())
    return {name: _alike(one, value) for name, _, value in pairs}


def _mounts(one: Mapping[str, Any]) -> dict[str, tuple[object, ...]]:
    """Return what is mounted by its place inside; a volume without a name is like any other."""
    found: dict[str, tuple[object, ...]] = {}
    for mount in one.get("Mounts") or ():
        source = str(mount.get("Name") or mount.get("Source") or "")
        source = "" if _ANONYMOUS.fullmatch(source) else _alike(one, source)
        found[str(mount.get("Destination"))] = (mount.get("Type"), source, mount.get("RW"))
    return found


def _command(one: Mapping[str, Any]) -> tuple[str, ...]:
    """Return entrypoint and command, with the container's own names made alike."""
    config = _config(one)
    words = (*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ()))
    return tuple(_alike(one, str(word)) for word in words)


def _alike(one: Mapping[str, Any], text: str) -> str:
    """Put one word in place of the container's own name, service and host name."""
    config = _config(one)
    names = {
        str(one.get("Name") or "").removeprefix("/"),
        str((config.get("Labels") or {}).get(SERVICE_LABEL) or ""),
        str(config.get("Hostname") or ""),
    }
    for name in sorted(names - {""}, key=len, reverse=True):
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", _OWN, text)
    return text
