"""Who may ask a real Prometheus, and what `check` says to whom it refuses or does not reach."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pytest

from autoscaler.cli.findings import Finding, Level
from autoscaler.cli.promcheck import prometheus_findings
from autoscaler.sampling.prometheus import PrometheusSetup, PrometheusSource, prometheus_setup
from autoscaler.settings import load
from tests.prometheus import door
from tests.prometheus.server import Prometheus
from tests.sampling.test_prometheus_answers import member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

QUERY = 'label_replace(vector(42), "name", "v1", "", "")'
READ_ELSEWHERE = "remote_read: [{url: 'http://127.0.0.1:9/', read_recent: true}]\n"


@dataclass
class Doors:
    """A Prometheus with TLS and a password, and one behind a gate that wants a token."""

    locked: Prometheus
    gated: Prometheus
    gate: door.Gate
    certificates: door.Certificates
    files: dict[str, Path] = field(default_factory=dict)

    def by_password(self, **change: Any) -> PrometheusSetup:  # noqa: ANN401 - fields of the setup
        """Return how the first is asked rightly, with changes."""
        right = PrometheusSetup(
            self.locked.url,
            queries={"validator": QUERY},
            username=door.USER,
            password_file=self.files["password"],
            ca_file=self.certificates.ca,
        )
        return replace(right, **change)

    def by_token(self, **change: Any) -> PrometheusSetup:  # noqa: ANN401 - fields of the setup
        """Return how the second is asked rightly, with changes."""
        right = PrometheusSetup(
            self.gate.url, queries={"validator": QUERY}, token_file=self.files["token"]
        )
        return replace(right, **change)


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Start both, and write the secrets to files."""
    certificates = door.certificates(tmp_path_factory.mktemp("certificates"))
    texts = {"password": door.PASSWORD, "token": door.TOKEN, "wrong": "wr0ng", "empty": ""}
    secrets = tmp_path_factory.mktemp("secrets")
    files = {name: secrets / name for name in (*texts, "gone")}
    for name, text in texts.items():
        files[name].write_text(f"{text}\n", encoding="utf-8")
    where = tmp_path_factory.mktemp("locked")
    locked = Prometheus(where, web=certificates.web, more=READ_ELSEWHERE)
    gated = Prometheus(tmp_path_factory.mktemp("gated"))
    gate = door.Gate(tmp_path_factory.mktemp("gate"), gated.url)
    with locked, gated, gate:
        yield Doors(locked, gated, gate, certificates, files)


def checked(setup: PrometheusSetup) -> Finding:
    """Return what `check` says."""
    (finding,) = prometheus_findings(setup, [member("v1")], works=False)
    return finding


@pytest.mark.parametrize("ask", [Doors.by_password, Doors.by_token])
def test_who_has_the_right_secret_and_authority_gets_a_reading(
    doors: Doors, ask: Callable[[Doors], PrometheusSetup]
) -> None:
    """A password and an authority from files, and a token from a file."""
    finding = checked(ask(doors))
    assert (finding.level, finding.text.endswith("gives v1 42 %")) == (Level.OK, True), finding


def test_the_settings_say_all_of_this(doors: Doors) -> None:
    """Each of the variables that a message names."""
    given = {
        "PROJECT": "shop",
        "NGINX__CONTAINER": "proxy",
        "CPU_SOURCE": "prometheus,cgroup",
        "PROMETHEUS__URL": doors.locked.url,
        "PROMETHEUS__USERNAME": door.USER,
        "PROMETHEUS__PASSWORD_FILE": str(doors.files["password"]),
        "PROMETHEUS__CA_FILE": str(doors.certificates.ca),
        "ROLES__VALIDATOR__PROMETHEUS_QUERY": QUERY,
    }
    settings = load(None, {f"AUTOSCALER_{name}": value for name, value in given.items()}).settings
    assert checked(prometheus_setup(settings)).level is Level.OK


def test_a_secret_that_was_changed_is_used_at_the_next_look(doors: Doors, tmp_path: Path) -> None:
    """By the source that goes on, as the daemon's does."""
    file = tmp_path / "token"
    source = PrometheusSource(doors.by_token(token_file=file))

    def look(token: str) -> float | None:
        file.write_text(token, encoding="utf-8")
        return source.sample([member("v1")], time.monotonic)["v1"].cpu_percent

    assert [look("wr0ng"), look(door.TOKEN), look("wr0ng")] == [None, 42.0, None]


REFUSALS: dict[str, tuple[Callable[[Doors], PrometheusSetup], str, str]] = {
    "wrong password": (
        lambda d: d.by_password(password_file=d.files["wrong"]),
        "answered 401: it refuses",
        "PASSWORD_FILE",
    ),
    "wrong user": (lambda d: d.by_password(username="nobody"), "answered 401", "USERNAME"),
    "no user": (
        lambda d: d.by_password(username="", password_file=None),
        "wants to know who asks",
        "USERNAME and",
    ),
    "no password file": (
        lambda d: d.by_password(password_file=d.files["gone"]),
        "No such file",
        "PASSWORD_FILE",
    ),
    "empty password file": (
        lambda d: d.by_password(password_file=d.files["empty"]),
        "one line",
        "PASSWORD_FILE",
    ),
    "unknown authority": (
        lambda d: d.by_password(ca_file=None),
        "not trusted",
        "set AUTOSCALER_PROMETHEUS__CA_FILE",
    ),
    "another authority": (
        lambda d: d.by_password(ca_file=d.certificates.other_ca),
        "not trusted",
        "set AUTOSCALER_PROMETHEUS__CA_FILE",
    ),
    "no authority's file": (
        lambda d: d.by_password(ca_file=d.files["gone"]),
        "No such file",
        "CA_FILE",
    ),
    "an authority's file of something else": (
        lambda d: d.by_password(ca_file=d.files["password"]),
        "holds no certificate",
        "CA_FILE",
    ),
    "a name that its certificate lacks": (
        lambda d: d.by_password(url=d.locked.url.replace("127.0.0.1", "localhost")),
        "not valid for 'localhost'",
        "__URL",
    ),
    "http where https is spoken": (
        lambda d: d.by_password(url=d.locked.url.replace("https", "http")),
        "HTTP request to an HTTPS server",
        "https:// in AUTOSCALER_PROMETHEUS__URL",
    ),
    "https where http is spoken": (
        lambda d: d.by_token(url=d.gate.url.replace("http", "https")),
        "by TLS",
        "http:// in AUTOSCALER_PROMETHEUS__URL",
    ),
    "wrong token": (
        lambda d: d.by_token(token_file=d.files["wrong"]),
        "answered 401: it refuses the token",
        "TOKEN_FILE",
    ),
    "no token": (lambda d: d.by_token(token_file=None), "answered 401", "TOKEN_FILE"),
    "another path": (
        lambda d: d.by_token(url=f"{d.gate.url}/graph"),
        "404 page not found",
        "path in AUTOSCALER_PROMETHEUS__URL",
    ),
    "a redirect": (
        lambda d: d.by_token(url=f"{d.gate.url}/moved"),
        "a redirect to http://127.0.0.1:",
        "set AUTOSCALER_PROMETHEUS__URL",
    ),
    "a proxy that does not reach it": (
        lambda d: d.by_token(url=f"{d.gate.url}/away"),
        "answered 502 with text/html",
        "proxy",
    ),
    "nobody there": (
        lambda d: d.by_token(url="http://127.0.0.1:9"),
        "refused",
        "is AUTOSCALER_PROMETHEUS__URL right",
    ),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_who_is_refused_or_gets_nowhere_is_told_which_setting_to_correct(
    doors: Doors, case: str
) -> None:
    """With the words of the other side, without the secret, and without blaming the query."""
    ask, says, setting = REFUSALS[case]
    finding = checked(ask(doors))
    assert (finding.level, finding.remedy) == (Level.FAIL, "correct what it says, and check again")
    assert "no reading of v1: source_failed: Prometheus " in finding.text
    assert says in finding.text
    assert setting in finding.text
    assert not any(word in finding.text for word in (door.PASSWORD, door.TOKEN, "wr0ng"))


@pytest.mark.parametrize(
    ("query", "says"),
    [("sum(", "unclosed left parenthesis"), ("1", "a scalar"), ("up", "with a warning")],
)
def test_a_query_is_blamed_where_prometheus_itself_complains(
    doors: Doors, query: str, says: str
) -> None:
    """It is shown with the setting that holds it. A warning, here that another store does not
    answer, means that something may be missing.
    """
    finding = checked(doors.by_password(queries={"validator": query}))
    assert says in finding.text
    blamed = f"the query in AUTOSCALER_ROLES__VALIDATOR__PROMETHEUS_QUERY; this was asked: {query}"
    assert finding.remedy.endswith(blamed if query != "up" else "check again")


def test_a_prometheus_that_does_not_scrape_cadvisor_is_told_from_one_without_labels(
    doors: Doors,
) -> None:
    """There are no counters of anybody."""
    finding = checked(doors.by_token(queries={}))
    assert "no reading of v1: empty: the query returned nothing" in finding.text
    assert "There is no series of container_cpu_usage_seconds_total" in finding.text
    assert "or set AUTOSCALER_ROLES__VALIDATOR__PROMETHEUS_QUERY" in finding.remedy
