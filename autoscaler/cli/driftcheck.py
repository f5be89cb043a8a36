"""Lays side by side, for each member, what the rules want, what Docker shows and what NGINX serves.

Where they differ it says what the daemon will do about it, in the daemon's own words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autoscaler.actuation.proof import ask
from autoscaler.actuation.upstream_file import UpstreamFile
from autoscaler.actuation.upstreams import generation_of, listed_members
from autoscaler.cli.findings import Finding, ok, warn
from autoscaler.errors import AutoscalerError
from autoscaler.model import Health
from autoscaler.surface.control import call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from autoscaler.model import Member

_VERBS = {
    "start": "starts it",
    "wait_healthy": "waits until it is healthy",
    "after_healthy": "runs its hook after healthy",
    "publish": "publishes it in NGINX",
    "unpublish": "takes it out of NGINX",
    "drain": "drains it",
    "before_stop": "runs its hook before stop",
    "stop": "stops it",
}

_HOOKS = {"after_healthy": "after healthy", "before_stop": "before stop"}


@dataclass(frozen=True, slots=True)
class Served:
    """What the generated file lists as (role, member), and whether NGINX proves to serve it.

    `listed` is None if there is no file that could be read, `proven` None if NGINX was not asked;
    `detail` says what it answered.
    """

    listed: frozenset[tuple[str, str]] | None = None
    proven: bool | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What the running daemon says of itself; None with `trouble` and `remedy` if none answers."""

    status: Mapping[str, Any] | None
    trouble: str = ""
    remedy: str = ""


def ask_status(run_dir: Path) -> Told:
    """Ask the daemon of this run directory."""
    try:
        return Told(call(run_dir, "GET", "/v1/status"))
    except AutoscalerError as error:
        text, _, remedy = str(error).partition("; ")
        return Told(None, text, remedy)


def look_at_file(directory: Path, probe: tuple[str, int] | None, seconds: float) -> Served:
    """Read the generated file and ask NGINX at `probe` whether it serves just that one."""
    try:
        text = UpstreamFile(directory).read()
    except AutoscalerError as error:
        return Served(detail=str(error))
    generation = generation_of(text) if text else None
    if text is None or generation is None:
        return Served(detail="there is no generated file yet")
    listed = listed_members(text)
    if probe is None:
        return Served(listed, None, "it could not be asked")
    answer = ask(probe, generation, seconds)
    return Served(listed, answer.proven, answer.detail)


def drift_findings(members: Sequence[Member], served: Served, told: Told) -> Iterator[Finding]:
    """Yield a line for the daemon if none answers, one for each role, and one for each member."""
    if told.status is None:
        yield warn(
            "drift",
            f"{told.trouble}: what the rules want is not known; while no daemon runs nobody "
            "starts, stops or publishes members",
            told.remedy or "see whether it runs: systemctl status autoscaler",
        )
    status = told.status or {"roles": {}, "overrides": ()}
    roles = status["roles"]
    frozen = next((o["reason"] for o in status["overrides"] if o["kind"] == "freeze"), None)
    for name in dict.fromkeys(member.role for member in members):
        own = [member for member in members if member.role == name]
        role = roles.get(name)
        yield from _role_findings(name, own, served, role, up=told.status is not None)
        for member in own:
            if told.status is None:
                yield _without_daemon(member, served)
            elif role is not None:
                yield _member_finding(member, served, role, frozen)


def _role_findings(
    name: str,
    own: Sequence[Member],
    served: Served,
    role: Mapping[str, Any] | None,
    *,
    up: bool,
) -> Iterator[Finding]:
    """Say how many are wanted, run and are served, and what the file lists besides."""
    item = f"drift {name}"
    if role is not None:
        running = sum(member.running for member in own)
        proven = "proven" if served.proven else f"not proven: {served.detail}"
        counts = (
            f"rules want {role['desired']}, Docker runs {running}, NGINX's file lists "
            f"{sum(_is_listed(member, served) for member in own)} ({proven})"
        )
        yield (
            ok(item, counts)
            if served.proven
            else warn(
                item, counts, "the daemon writes, reloads and asks again by itself; see nginx above"
            )
        )
    elif up:
        yield warn(
            item,
            "the running daemon does not know this role",
            "let it read the settings: autoscaler reload",
        )
    known = {(member.role, member.name) for member in own}
    gone = sorted(m for r, m in (served.listed or ()) if r == name and (r, m) not in known)
    if gone:
        yield warn(
            item,
            f"NGINX's file lists {', '.join(gone)}, but there is no such container",
            "the daemon takes it out" if up else "start the daemon: it takes it out",
        )


def _is_listed(member: Member, served: Served) -> bool:
    return (member.role, member.name) in (served.listed or ())


def _docker(member: Member) -> str:
    """Return what Docker says of a member."""
    health = "" if member.health is Health.NONE else f" ({member.health})"
    return f"Docker: {member.state}{health}"


def _nginx(member: Member, served: Served) -> str:
    """Return what the file says of a member, and what NGINX proves."""
    if served.listed is None:
        return f"NGINX's file: {served.detail}"
    listed = _is_listed(member, served)
    if served.proven:
        return f"NGINX's file: {'listed, and served' if listed else 'not listed'}"
    return f"NGINX's file: {'' if listed else 'not '}listed, not proven"


def _without_daemon(member: Member, served: Served) -> Finding:
    """Judge a member by Docker and NGINX alone."""
    item = f"drift {member.name}"
    text = f"rules: unknown; {_docker(member)}; {_nginx(member, served)}"
    if served.listed is None or member.running is _is_listed(member, served):
        return ok(item, text)
    return warn(item, text, "start the daemon: it puts that right")


def _member_finding(
    member: Member, served: Served, role: Mapping[str, Any], frozen: str | None
) -> Finding:
    """Lay the three side by side; they agree if all or none of them have the member at work.

    That NGINX proves nothing is told of the role, and of a member only if it may be served.
    """
    item = f"drift {member.name}"
    wanted = member.name in role["chosen"]
    listed = _is_listed(member, served)
    rules = "wanted" if wanted else "spare"
    text = f"rules: {rules}; {_docker(member)}; {_nginx(member, served)}"
    if wanted is member.running is listed and (served.proven or not listed):
        return ok(item, text)
    seen = next((one for one in role["members"] if one["name"] == member.name), None)
    return warn(item, text, _what_comes(seen, frozen))


def _what_comes(seen: Mapping[str, Any] | None, frozen: str | None) -> str:
    """Say what the daemon will do with a member, from what it says of it.

    `frozen` is why nothing is started or stopped, None if that is not so.
    """
    if seen is None:
        return "the daemon has not seen it yet; look again"
    step = seen["next_step"]
    if step is not None:
        verb = _VERBS.get(step["step"], step["step"])
        when = f", in {step['in_seconds']:.0f} s" if step["in_seconds"] else ""
        return f"the daemon {verb}{when}: {step['reason']}{_blocked(seen)}"
    if frozen is not None:
        return f"the daemon neither starts nor stops it while frozen: {frozen}"
    if seen["quarantine_seconds"]:
        return (
            f"the daemon leaves it alone for {seen['quarantine_seconds']:.0f} s more, because it "
            f"failed; at the last look: {seen['detail'] or 'not asked yet'}"
        )
    if seen.get("blocked"):
        return f"the daemon leaves it as it is for now{_blocked(seen)}"
    return f"the daemon does nothing with it now ({seen['detail'] or seen['phase']}); see status"


def _blocked(seen: Mapping[str, Any]) -> str:
    """Say which hook has failed."""
    blocked = seen.get("blocked")
    return f"; its hook {_HOOKS[blocked['hook']]} failed: {blocked['reason']}" if blocked else ""
