"""The PromQL that is asked for a role: one query however many members. Pure.

A query of a dialect gives up to three series for each container, told apart by the label `PART`:
cores used, when that was scraped, and the limit in cores. A custom query gives percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from autoscaler.model import Member

PART = "autoscaler_part"
USED, AT, LIMIT = "used", "at", "limit"

PLACEHOLDERS = ("{members}", "{ids}", "{instances}", "{project}", "{role}", "{window}")


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and whether its values are percent (of a custom query) or parts as said above."""

    text: str
    custom: bool = False


def query_for(members: Sequence[Member], dialect: str, template: str, average_over: float) -> Query:
    """Return the query for the running `members` of one role, at least one.

    `template` is the role's own query, "" for that of the `dialect` (cadvisor or process);
    `average_over` is seconds.
    """
    window = f"{round(average_over * 1000)}ms"
    if template:
        return Query(_fill(template, members, window), custom=True)
    if dialect == "process":
        selectors = [f'process_cpu_seconds_total{{instance=~"{_instances(members)}"}}']
        return Query(_parts(selectors, window))
    names, ids = _names(members), f".*(?:{_ids(members)})(?:[.]scope)?"
    matchers = (f'name=~"{names}"', f'id=~"{ids}"')
    used = [f'container_cpu_usage_seconds_total{{cpu=~"|total",{one}}}' for one in matchers]
    limits = [
        f"container_spec_cpu_quota{{{one}}} / container_spec_cpu_period{{{one}}}"
        for one in matchers
    ]
    return Query(f"{_parts(used, window)} or {_marked(_either(limits), LIMIT)}")


def literal(text: str) -> str:
    """Return `text` as part of a regular expression in a PromQL string that matches only it."""
    return "".join(_character(one) for one in text)


def _character(one: str) -> str:
    """Return one character that means itself."""
    if one.isascii() and (one.isalnum() or one in "_-:"):
        return one
    return "[.]" if one == "." else f"\\\\x{{{ord(one):x}}}"


def _parts(selectors: Sequence[str], window: str) -> str:
    """Return cores used, and the time of the newest scrape, of what is selected."""
    used = _either([f"rate({one}[{window}])" for one in selectors])
    scraped = _either([f"timestamp({one})" for one in selectors])
    return f"{_marked(used, USED)} or {_marked(scraped, AT)}"


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
