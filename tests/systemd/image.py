"""An image with a whole Debian in it: systemd, Docker, NGINX and Python as a host has them.

Made once with debootstrap from the archive this machine itself uses, and kept under build/.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import tomllib
from pathlib import Path

import docker

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build" / "systemd"
LABELS = {"autoscaler.test": "systemd"}
SUITE = "bookworm"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "polkitd", "procps", "curl"),
    *("python3", "python3-venv", "make", "nginx-light", "docker.io", "iptables", "busybox-static"),
)
NOT_NEEDED = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt")


def build_image(client: docker.DockerClient) -> str:
    """Return the image's tag, importing it if the engine does not have it yet."""
    key = _digest(SUITE, *PACKAGES, *NOT_NEEDED)
    tag = f"autoscaler-test-systemd:{key}"
    if client.images.list(name=tag):
        return tag
    archive = CACHE / f"debian-{key}.tar"
    if not archive.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        _make_archive(archive)
    changes = [f'LABEL "{name}"="{value}"' for name, value in LABELS.items()]
    answer = client.api.import_image_from_file(
        str(archive), repository=tag.partition(":")[0], tag=key, changes=changes
    )
    assert "sha256:" in str(answer), answer
    return tag


def wheels() -> Path:
    """Return a directory with all that `make install` needs: the machine has no network."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["build-system"]["requires"], *project["project"]["dependencies"]]
    constraints = ROOT / "config" / "dev" / "constraints.txt"
    target = CACHE / f"wheels-{_digest(*wanted, constraints.read_text(encoding='utf-8'))}"
    if not target.exists():
        half = Path(tempfile.mkdtemp(dir=_made(CACHE)))
        for_debian = ["--only-binary", ":all:", "--python-version", "3.11"]
        _run(
            *[str(ROOT / ".venv" / "bin" / "python"), "-m", "pip", "download", "--quiet"],
            *["-d", str(half), "-c", str(constraints), *for_debian, *wanted],
        )
        half.chmod(0o755)
        half.rename(target)
    return target


def _make_archive(archive: Path) -> None:
    """Make the root file system and pack it."""
    with tempfile.TemporaryDirectory(dir=CACHE) as directory:
        root = Path(directory, "root")
        included = ",".join(PACKAGES)
        _run(
            *["debootstrap", "--variant=minbase", f"--include={included}"],
            *[SUITE, str(root), _mirror()],
        )
        for name in NOT_NEEDED:
            shutil.rmtree(root / name, ignore_errors=True)
        half = Path(directory, "half.tar")
        _run("tar", "-C", str(root), "-cf", str(half), ".")
        half.rename(archive)


def _mirror() -> str:
    """Return the address of the Debian archive that this machine's apt uses for the suite."""
    listed = _run("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(COMPONENT)")
    sites = [
        words[0] for words in map(str.split, listed.splitlines()) if words[1:] == [SUITE, "main"]
    ]
    assert sites, f"apt on this machine has no archive of Debian {SUITE}: run apt-get update"
    return sites[0]


def _made(directory: Path) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _run(*words: str) -> str:
    """Run a program to its end; its words are in the error if it fails."""
    done = subprocess.run(words, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, f"{words[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout
