"""Somebody else changes the generated file while NGINX goes on serving what it has read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autoscaler.errors import NginxError

if TYPE_CHECKING:
    from tests.daemon.conftest import World


def test_a_file_changed_by_others_is_written_and_loaded_again(world: World) -> None:
    """At the next look, once, and told; NGINX's next start would have read it."""
    reloads = world.nginx.reloads
    world.nginx.tampered = True
    world.until(lambda: not world.nginx.tampered, 6.0)
    (told,) = world.told("nginx.file_changed")
    assert "by somebody else" in told["reason"]
    assert "env file" in told["hint"]
    assert world.nginx.reloads == reloads + 1
    world.run(30.0)
    assert world.nginx.reloads == reloads + 1


def test_a_file_that_cannot_be_mended_stops_nobody_and_is_told_once(world: World) -> None:
    """It is tried again and again; meanwhile members stay, also surplus ones."""
    world.grow(2)
    world.nginx.tampered = True
    world.nginx.error = NginxError("the file was not written by this program")
    world.load("validator", 1.0)
    world.run(900.0)
    assert world.running() == ["validator-1", "validator-2"]
    assert len(world.told("nginx.file_changed")) == 1
    assert len(world.told("nginx.reload_failed")) == 1
    world.nginx.error = None
    world.until(lambda: world.running() == ["validator-1"], 400.0)
