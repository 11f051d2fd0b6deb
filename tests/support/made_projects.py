"""Projects on disk without images: bundles that are a config.json and a bundler.json, and the project.json of them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bundler.project.dependency import Condition, Dependency
from bundler.project.record import ProjectBundle, ProjectRecord

CONFIG: Mapping[str, Any] = {
    "ociVersion": "1.0.2",
    "root": {"path": "rootfs"},
    "process": {"args": ["/bin/true"], "cwd": "/", "user": {"uid": 0, "gid": 0}},
}
CHECK: Mapping[str, Any] = {"test": ["CMD", "true"], "retries": 5}


def bundle(folder: Path, config: Mapping[str, Any] = CONFIG, **recorded: Any) -> str:
    """A bundle with what `recorded` says in bundler.json, whose digest it gives."""
    (folder / "rootfs").mkdir(parents=True)
    content = json.dumps(config).encode()
    (folder / "config.json").write_bytes(content)
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    document = json.dumps({"format": 2, "config": digest, **recorded}).encode()
    (folder / "bundler.json").write_bytes(document)
    return f"sha256:{hashlib.sha256(document).hexdigest()}"


def depends(*services: str, **conditions: Condition) -> dict[str, Dependency]:
    """What has only to have started, and what has to be further."""
    return {name: Dependency(conditions.get(name, Condition.STARTED)) for name in (*services, *conditions)}


def made_project(
    folder: Path,
    *bundles: ProjectBundle,
    name: str = "shop",
    lifecycles: Mapping[str, Mapping[str, Any]] | None = None,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
    volumes: tuple[str, ...] = (),
) -> Path:
    """A project of bundles in this order, with what is said of their lives and of their config.json by their names."""
    complete = []
    for each in bundles:
        lifecycle = {"container_name": f"{name}-{each.name}", **((lifecycles or {}).get(each.name, {}))}
        config = {**CONFIG, **((configs or {}).get(each.name, {}))}
        complete.append(replace(each, digest=bundle(folder / each.name, config, lifecycle=lifecycle)))
    (folder / "project.json").write_bytes(ProjectRecord(name, tuple(complete), volumes=volumes).content)
    return folder
