"""Settings of a daemon process whose engine is not there: it waits for it, and lives."""

from __future__ import annotations

from pathlib import Path


def write_env(folder: Path, **settings: object) -> Path:
    """Write an env file whose directories lie in `folder`, with further or other settings."""
    values = {
        "PROJECT": "nobody",
        "NGINX__CONTAINER": "nobody-nginx-1",
        "DOCKER__URL": f"unix://{folder}/no-engine.sock",
        "STATE_DIR": folder / "state",
        "RUN_DIR": folder / "run",
        "NGINX__DIRECTORY": folder / "nginx",
        **settings,
    }
    path = folder / "env"
    lines = (f"AUTOSCALER_{name}={value}\n" for name, value in values.items())
    path.write_text("".join(lines), encoding="utf-8")
    return path
