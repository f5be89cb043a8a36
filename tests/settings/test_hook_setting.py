"""How lifecycle hooks are written, and what is wrong with those that are not taken."""

from __future__ import annotations

import pytest

from autoscaler.hooks import CommandHook, Hook, UrlHook
from autoscaler.settings.hooks import hook

HOOK = hook()


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("exec: /bin/flush --all", CommandHook(("/bin/flush", "--all"))),
        ("EXEC:flush", CommandHook(("flush",))),
        ("exec: sh -c 'a | b; c'", CommandHook(("sh", "-c", "a | b; c"))),
        ("exec: echo $HOME `id` ; rm", CommandHook(("echo", "$HOME", "`id`", ";", "rm"))),
        ("http://:9004/leave?now=1", UrlHook("/leave?now=1", 9004)),
        ("http:///leave", UrlHook("/leave")),
        ("", None),
    ],
)
def test_a_hook_is_a_command_or_a_url(text: str, meant: Hook | None) -> None:
    """Words as a shell would split them, but nothing is expanded; the path goes as it stands."""
    assert HOOK.validate(text) == meant


@pytest.mark.parametrize(
    "text", ["exec: sh -c 'a \"b\" $c'", "http://:1/", "http:///a?b=%20", "exec: a '' b"]
)
def test_a_hook_is_written_back_so_that_it_means_the_same(text: str) -> None:
    """What `check` and the log show may be put into the env file."""
    meant = HOOK.validate(text)
    assert HOOK.validate(HOOK.show(meant)) == meant


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("flush --all", "is neither a command nor a URL"),
        ("ftp://:9004/x", "is neither a command nor a URL"),
        ("https://:9004/x", "is not http"),
        ("exec:", "names no program"),
        ("exec: ''", "names no program"),
        ("exec: sh -c 'open", "has an opening quote without a closing one"),
        ("http://example.org/x", "names 'example.org', but a hook speaks only to its own member"),
        ("http://127.0.0.1:9004/x", "names '127.0.0.1:9004', but a hook speaks only to its own"),
        ("http://[::1]:9004/x", "but a hook speaks only to its own member"),
        ("http://:9004:80/x", "but a hook speaks only to its own member"),
        ("http://u:p@:9004/x", "holds a user name"),
        ("http://:0/x", "has a port outside 1 to 65535"),
        ("http://:65536/x", "has a port outside 1 to 65535"),
        ("http://:9004", "has no path"),
        ("http://:9004?x", "has no path"),
        ("http://:9004/a b", "holds neither blanks nor #"),
        ("http://:9004/a#b", "holds neither blanks nor #"),
        ("http://:9004/a\tHost:x", "holds neither blanks nor #"),
        ("http://:9004/\u00fc", "holds neither blanks nor #"),
    ],
)
def test_what_is_no_hook_is_refused_with_what_is_wrong(text: str, wrong: str) -> None:
    """And with both forms that are allowed: there is no way to speak to another host."""
    with pytest.raises(ValueError, match="allowed: exec: COMMAND, run in") as told:
        HOOK.validate(text)
    assert wrong in str(told.value)
