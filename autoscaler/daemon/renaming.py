"""Tells a container that got another name from one that is gone, and keeps what is known of it."""

from __future__ import annotations

from collections.abc import Mapping

from autoscaler.daemon.journal import Journal
from autoscaler.daemon.state import RoleState
from autoscaler.model import Member


def follow(role: RoleState, members: Mapping[str, Member], now: float, journal: Journal) -> None:
    """Take over members that `members`, just seen, has under another name than `role` knows.

    One with a step under way is not taken over: the step's outcome will ask for the old name.
    """
    gone = {role.members[n].container_id: n for n in role.members.keys() - members.keys()}
    for name in members.keys() - role.members.keys():
        before = gone.get(members[name].container_id)
        if before is None or role.track(before).busy is not None:
            continue
        track = role.tracks[name] = role.tracks.pop(before)
        track.probing, track.next_probe = False, now  # an answer under way is for the old name
        role.members[name] = role.members.pop(before)
        for runs in (role.owing, role.let_go):
            if before in runs:
                runs[name] = runs.pop(before)
        role.known.discard(before)
        journal.info(
            "member.renamed",
            role=role.name,
            member=name,
            before=before,
            reason="the same container goes by another name now",
        )
