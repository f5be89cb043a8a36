"""What `check` says of spares that are not what their primary is, without an engine."""

from __future__ import annotations

from typing import Any

import pytest

from autoscaler.cli.findings import Level
from autoscaler.cli.sparecheck import compare, spare_findings
from autoscaler.model import ContainerState, Health, Member


def _inspected(number: int, **changes: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an inspect answer of node `number`, with changes by their place: `Config__Env=...`."""
    name = f"node-{number}"
    answer: dict[str, Any] = {
        "Name": f"/shop-{name}-1",
        "Image": "sha256:" + "a" * 64,
        "Config": {
            "Image": "shop/node:12",
            "Hostname": f"{number:012x}",
            "Env": [f"NODE={name}", "MODE=prod", f"HOSTNAME={number:012x}"],
            "Entrypoint": ["run"],
            "Cmd": ["--name", name],
            "Labels": {
                "com.docker.compose.service": name,
                "com.docker.compose.container-number": str(number),
                "autoscaler.order": str(number),
            },
        },
        "HostConfig": {
            "NanoCpus": 2 * 10**9,
            "Memory": 2**30,
            "PortBindings": {"80/tcp": [{"HostPort": f"900{number}"}]},
        },
        "Mounts": [
            {"Type": "volume", "Name": f"shop_{name}-data", "Destination": "/data", "RW": True},
            {"Type": "volume", "Name": f"{number}" * 64, "Destination": "/tmp/x", "RW": True},  # noqa: S108
        ],
        "NetworkSettings": {
            "Networks": {"back": {"IPAMConfig": {"IPv4Address": f"10.0.0.{number}"}}}
        },
    }
    for place, value in changes.items():
        *path, last = place.split("__")
        inside = answer
        for key in path:
            inside = inside[key]
        inside[last] = value
    return answer


def _member(number: int) -> Member:
    """Return node `number` as a spare of business."""
    return Member(
        "business",
        f"node-{number}",
        number,
        str(number),
        ContainerState.EXITED,
        Health.NONE,
        "",
        80,
    )


def test_what_must_differ_between_members_is_no_difference() -> None:
    """Names, host name, labels, fixed address, published port, own volumes, own name in values."""
    assert compare(_inspected(1), _inspected(2), 4) == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"Image": "sha256:" + "b" * 64},
            "image is bbbbbbbbbbbb (shop/node:12), not aaaaaaaaaaaa (shop/node:12)",
        ),
        (
            {"Config__Env": ["NODE=node-2", "MODE=test", "KEY=s3cret", f"HOSTNAME={2:012x}"]},
            "environment differs in KEY, MODE",
        ),
        ({"Config__Cmd": ["--name", "node-2", "--password=s3cret"]}, "command differs"),
        ({"Config__Entrypoint": None}, "command differs"),
        ({"Config__User": "nobody"}, "user is nobody, not the image's"),
        ({"Mounts": []}, "mounts differ at /data, /tmp/x"),
        ({"HostConfig__NanoCpus": 10**9}, "CPU limit is 1, not 2"),
        ({"HostConfig__Memory": 0}, "memory limit is none, not 1024 MiB"),
        ({"HostConfig__PidsLimit": 50}, "process limit is 50, not none"),
        (
            {"NetworkSettings__Networks": {"back": {}, "front": {}}},
            "networks is back, front, not back",
        ),
    ],
)
def test_each_difference_is_named_without_secrets(changes: dict[str, Any], says: str) -> None:
    """Limits and networks with both values; variables and commands by name only."""
    assert compare(_inspected(1), _inspected(2, **changes), 4) == (says,)


def test_a_read_only_mount_differs_from_a_writable_one() -> None:
    """The member would fail at its first write."""
    changed = _inspected(2)
    changed["Mounts"][0]["RW"] = False
    assert compare(_inspected(1), changed, 4) == ("mounts differ at /data",)


def test_a_spare_with_yesterdays_image_is_a_warning_with_how_to_make_it_anew() -> None:
    """Only the one that differs is named, with the primary it is compared with."""
    inspected = {f"node-{n}": _inspected(n) for n in (1, 2, 3)}
    inspected["node-3"]["Image"] = "sha256:" + "0" * 64
    (found,) = spare_findings([_member(n) for n in (3, 1, 2)], inspected, 4)
    assert (found.level, found.item) == (Level.WARN, "spares business")
    assert found.text.startswith("node-3 differs from the primary node-1: image is 000000000000")
    assert "--force-recreate" in found.remedy


def test_spares_like_their_primary_are_well_and_a_lone_primary_is_not_spoken_of() -> None:
    """One line for the role, none without spares."""
    inspected = {f"node-{n}": _inspected(n) for n in (1, 2)}
    (found,) = spare_findings([_member(1), _member(2)], inspected, 4)
    assert (found.level, found.text) == (Level.OK, "image and configuration are those of node-1")
    assert list(spare_findings([_member(1)], inspected, 4)) == []
