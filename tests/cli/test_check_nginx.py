"""What `check` reads from `nginx -T`, and NGINX on the host."""

from __future__ import annotations

import codecs
import os
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

from autoscaler.cli.hostcommands import accepted
from autoscaler.cli.nginxcheck import check_nginx, includes
from autoscaler.settings import load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from autoscaler.settings import Settings

_PATH = PurePosixPath("/var/lib/autoscaler/nginx/autoscaler.conf")
_MAIN = "# configuration file /etc/nginx/nginx.conf:\n"
_NGINX = "/usr/sbin/nginx"
_NOBODY = 65534


@pytest.mark.parametrize(
    "dump",
    [
        f"{_MAIN}http {{ }}\n# configuration file {_PATH}:\n# managed by autoscaler\n",
        f"{_MAIN}http {{ include /var/lib/autoscaler/nginx/*.conf; }}\n",
        f"{_MAIN}http {{include '/var/lib/autoscaler/nginx/*.conf';}}\n",
        f'{_MAIN}http {{\n\tinclude "{_PATH}" ;\n}}\n',
        f"{_MAIN}http {{ include ../../var/lib/autoscaler/nginx/*.conf; }}\n",
    ],
)
def test_the_generated_file_is_included(dump: str) -> None:
    """By its name among the files read, or by a pattern that will match once it exists."""
    assert includes(dump, _PATH)


@pytest.mark.parametrize(
    "dump",
    [
        "",
        f"{_MAIN}http {{ include mime.types; }}\n",
        f"{_MAIN}http {{ # include /var/lib/autoscaler/nginx/*.conf;\n }}\n",
        f"{_MAIN}http {{ include /var/lib/autoscaler/*.conf; }}\n",
        f"{_MAIN}http {{ include /var/lib/*/*.conf; }}\n",
        f"{_MAIN}http {{ include /var/lib/autoscaler/nginx/*.cfg; }}\n",
        f"{_MAIN}http {{ include nginx/*.conf; }}\n",
    ],
)
def test_the_generated_file_is_not_included(dump: str) -> None:
    """Comments, other directories and other endings do not count."""
    assert not includes(dump, _PATH)


def _host_findings(tmp_path: Path, include: str) -> dict[str, str]:
    """Check a host NGINX that does not run, with this line in its http block."""
    directory = tmp_path / "upstreams"
    directory.mkdir()
    config = tmp_path / "nginx.conf"
    temporary = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ access_log off; "
        f"{temporary} {include} }}\n"
    )
    settings = load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__REACH": "host",
            "AUTOSCALER_NGINX__PID_FILE": str(tmp_path / "pid"),
            "AUTOSCALER_NGINX__TEST_COMMAND": f"{_NGINX} -t -c {config}",
            "AUTOSCALER_NGINX__DIRECTORY": str(directory),
        },
    ).settings
    found = check_nginx(settings, None).findings
    return {one.item: f"{one.level} {one.text} -> {one.remedy}" for one in found}


def test_a_host_nginx_that_does_not_run_fails_with_how_to_start_it(tmp_path: Path) -> None:
    """The pid file is named; the include is looked up all the same."""
    found = _host_findings(tmp_path, f"include {tmp_path}/upstreams/*.conf;")
    assert found["nginx"].startswith(f"fail NGINX does not run: {tmp_path}/pid")
    assert "systemctl start nginx" in found["nginx"]
    assert found["nginx include"].startswith("ok ")
    assert found["nginx directory"].startswith("ok ")


def test_a_host_nginx_without_the_include_fails_with_the_line_to_add(tmp_path: Path) -> None:
    """The remedy can be pasted."""
    found = _host_findings(tmp_path, "")
    assert found["nginx include"].startswith("fail ")
    assert (
        f"put `include {tmp_path}/upstreams/*.conf;` into its http block" in found["nginx include"]
    )


def test_a_foreign_file_in_our_place_fails(tmp_path: Path) -> None:
    """It would never be overwritten, so nothing could be published."""
    directory = tmp_path / "d"
    directory.mkdir()
    (directory / "autoscaler.conf").write_text("server {}\n")
    settings = load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__REACH": "host",
            "AUTOSCALER_NGINX__PID_FILE": str(tmp_path / "pid"),
            "AUTOSCALER_NGINX__TEST_COMMAND": "/nowhere/nginx -t",
            "AUTOSCALER_NGINX__DIRECTORY": str(directory),
        },
    ).settings
    found = {one.item: one for one in check_nginx(settings, None).findings}
    assert "was not written by this program" in found["nginx directory"].text
    assert found["nginx include"].level == "warn"
    assert "/nowhere/nginx" in found["nginx include"].text


@pytest.fixture
def read_only() -> Iterator[Path]:
    """Yield a directory that this process may read and not write, even if it began as root."""
    directory = Path(tempfile.mkdtemp(prefix="autoscaler-"))
    directory.chmod(0o555)
    user = os.geteuid()
    codecs.lookup("ascii")  # loaded while Python's own files can surely be read
    if user == 0:
        os.seteuid(_NOBODY)
    try:
        yield directory
    finally:
        os.seteuid(user)
        directory.rmdir()


def test_a_directory_that_cannot_be_written_fails(read_only: Path) -> None:
    """Nothing could ever be published; found before the daemon is started."""
    settings = load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__REACH": "host",
            "AUTOSCALER_NGINX__TEST_COMMAND": "/nowhere/nginx -t",
            "AUTOSCALER_NGINX__DIRECTORY": str(read_only),
        },
    ).settings
    found = {one.item: one for one in check_nginx(settings, None).findings}
    assert found["nginx directory"].level == "fail"
    assert f"cannot write to {read_only}" in found["nginx directory"].text


def _commands(**commands: str) -> Settings:
    """Return the settings of an NGINX on the host with these commands."""
    return load(
        None,
        {
            "AUTOSCALER_PROJECT": "v11",
            "AUTOSCALER_NGINX__REACH": "host",
            **{f"AUTOSCALER_NGINX__{name}": command for name, command in commands.items()},
        },
    ).settings


def test_a_reload_command_that_does_not_exist_is_found_before_it_is_needed() -> None:
    """With its variable and what is allowed, though NGINX does not even run."""
    settings = _commands(TEST_COMMAND="true", RELOAD_COMMAND="/nowhere/nginx -s reload")
    found = {one.item: one for one in check_nginx(settings, None).findings}
    assert found["nginx test program"].level == "ok"
    program = found["nginx reload program"]
    assert program.level == "fail"
    assert program.text.startswith(
        "AUTOSCALER_NGINX__RELOAD_COMMAND=/nowhere/nginx -s reload: there is no program "
        "'/nowhere/nginx'"
    )
    assert "one that PATH finds" in program.remedy


@pytest.mark.parametrize(("command", "output"), [("true", ""), ("echo nginx -t", "nginx -t")])
def test_a_test_command_that_does_not_test_is_pointed_out(command: str, output: str) -> None:
    """It accepts every file, so only the proof of a reload would be left to find a bad one."""
    finding = accepted(_commands(TEST_COMMAND=command), output)
    assert finding.level == "warn"
    assert f"AUTOSCALER_NGINX__TEST_COMMAND={command} ended with 0" in finding.text
    assert "nginx -t" in finding.remedy


@pytest.mark.parametrize(
    ("command", "output"),
    [("nginx -t", "nginx: configuration file x test is successful"), ("nginx -t -q", "")],
)
def test_what_nginx_itself_says_or_keeps_quiet_of_is_a_test(command: str, output: str) -> None:
    """Also where it was told to say nothing."""
    assert accepted(_commands(TEST_COMMAND=command), output).level == "ok"
