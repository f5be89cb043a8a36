"""The PromQL that is asked for a role: one query however many members. Pure.

A query of a dialect gives up to four series for each container, told apart by the label `PART`:
the CPU seconds between two scrapes that are about the averaging time apart, the times of both, and
the limit in cores. (`rate` would give a part of the truth until its window is full.) A custom
query gives percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from autoscaler.model import Member

PART = "autoscaler_part"
USED, AT, SINCE, LIMIT, NUMBER = "used", "at", "since", "limit", "number"

PLACEHOLDERS = ("{members}", "{ids}", "{instances}", "{project}", "{role}", "{window}")


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and whether its values are percent (of a custom query) or parts as said above.

    `counters` are all it could read CPU seconds from, "" for a custom one; `short` is what a person
    can try in its place. `hint` asks what a person should look at where it gives nothing.
    """

    text: str
    custom: bool = False
    counters: str = ""
    short: str = ""
    hint: str = ""


_CUSTOM_HINT = "what do its selectors match on Prometheus' own page?"
_PROCESS = "process_cpu_seconds_total"
_PROCESS_HINT = (
    "does Prometheus scrape the members' own metrics, with an instance that is a member's address "
    "or name, or a port that it publishes?"
)
_CADVISOR = 'container_cpu_usage_seconds_total{cpu=~"|total"}'
_CADVISOR_HINT = (
    "does Prometheus scrape cAdvisor, and does a label `name` or `id` tell the container? (On "
    "Docker 29 it may know no names; then `id` must hold the id.)"
)


def query_for(members: Sequence[Member], dialect: str, template: str, average_over: float) -> Query:
    """Return the query for the running `members` of one role, at least one.

    `template` is the role's own query, "" for that of the `dialect` (cadvisor or process);
    `average_over` is seconds.
    """
    window = f"{round(average_over * 1000)}ms"
    if template:
        text = _fill(template, members, window)
        return Query(text, custom=True, short=text, hint=_CUSTOM_HINT)
    if dialect == "process":
        selectors = [f'{_PROCESS}{{instance=~"{_instances(members)}"}}']
        text = _parts(selectors, window)
        return Query(text, counters=_PROCESS, short=selectors[0], hint=_PROCESS_HINT)
    names, ids = _names(members), f".*(?:{_ids(members)})(?:[.]scope)?"
    matchers = (f'name=~"{names}"', f'id=~"{ids}"')
    used = [f'container_cpu_usage_seconds_total{{cpu=~"|total",{one}}}' for one in matchers]
    limits = [
        f"container_spec_cpu_quota{{{one}}} / container_spec_cpu_period{{{one}}}"
        for one in matchers
    ]
    text = f"{_parts(used, window)} or {_marked(_either(limits), LIMIT)}"
    return Query(text, counters=_CADVISOR, short=_either(used), hint=_CADVISOR_HINT)


def counters_query(query: Query) -> Query:
    """Return what tells the counters there are for any container: three, and their number."""
    number = f'label_replace(count({query.counters}), "{PART}", "{NUMBER}", "", "")'
    return Query(f"topk(3, {query.counters}) or {number}", custom=True)


def literal(text: str) -> str:
    """Return `text` as part of a regular expression in a PromQL string that matches only it."""
    return "".join(_character(one) for one in text)


def _character(one: str) -> str:
    """Return one character that means itself."""
    if one.isascii() and (one.isalnum() or one in "_-:"):
        return one
    return "[.]" if one == "." else f"\\\\x{{{ord(one):x}}}"


def _parts(selectors: Sequence[str], window: str) -> str:
    """Return CPU seconds used, and the times of both scrapes, of what is selected."""
    parts = {
        USED: [f"({one} - {one} offset {window})" for one in selectors],
        AT: [f"timestamp({one})" for one in selectors],
        SINCE: [f"timestamp({one} offset {window})" for one in selectors],
    }
    return " or ".join(_marked(_either(found), part) for part, found in parts.items())


def _marked(expression: str, part: str) -> str:
    """Return the expression with a label that says what its values are."""
    return f'label_replace({expression}, "{PART}", "{part}", "", "")'


def _either(expressions: Iterable[str]) -> str:
    """Return what any of the expressions gives, each series once."""
    return " or ".join(expressions)


def _fill(template: str, members: Sequence[Member], window: str) -> str:
    """Put the values in the place of the documented names."""
    values = (
        _names(members),
        _ids(members),
        _instances(members),
        literal(members[0].project or ""),
        literal(members[0].role),
        window,
    )
    for name, value in zip(PLACEHOLDERS, values, strict=True):
        template = template.replace(name, value)
    return template


def _names(members: Sequence[Member]) -> str:
    """Return an expression that matches the members' names."""
    return "|".join(literal(member.name) for member in members)


def _ids(members: Sequence[Member]) -> str:
    """Return an expression that matches the ids of the members' containers."""
    return "|".join(literal(member.container_id) for member in members)


def _instances(members: Sequence[Member]) -> str:
    """Return an expression that matches host:port of the members, at their own or a host's port."""
    hosts = [*(m.name for m in members), *(ip for m in members for _, ip in m.addresses)]
    own = "|".join(literal(one) for one in dict.fromkeys(hosts))
    published = [literal(str(port.host_port)) for m in members for port in m.published]
    here = f"|[^:]+:(?:{'|'.join(published)})" if published else ""
    return f"(?:{own})(?::[0-9]+)?{here}"
