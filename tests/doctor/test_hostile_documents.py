"""A config.json of thousands of mounts, hooks and ids: what is done with it grows as it does, and no faster."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.compare.difference import differences
from bundler.conversion.target import Target
from bundler.doctor.bundle_facts import look_at
from bundler.doctor.checks import BUNDLE_CHECKS
from bundler.doctor.finding import examine
from bundler.runtime_spec.parts import IdMapping, machine_ids
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.runtime_spec.validity import STARTABLE
from tests.support.elf import program
from tests.support.steps import grows_no_faster

Document = dict[str, Any]
SMALL, LARGE = 60, 240


def tmpfs(count: int) -> list[Document]:
    return [{"destination": f"/m{number}", "type": "tmpfs", "source": "tmpfs"} for number in range(count)]


def ranges(count: int) -> list[Document]:
    return [{"containerID": 2 * number, "hostID": 2 * number, "size": 1} for number in range(count)]


def process(**more: object) -> Document:
    return {"args": ["/app"], "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0, "gid": 0}} | more


NAMES = ("effective", "permitted", "bounding", "inheritable", "ambient")
DOCUMENTS: dict[str, Callable[[int], Document]] = {
    "mounts": lambda count: {"mounts": tmpfs(count)},
    "binds": lambda count: {
        "mounts": [mount | {"type": "bind", "options": ["rbind"], "source": "volumes"} for mount in tmpfs(count)]
    },
    "mounts and PATH": lambda count: {
        "mounts": tmpfs(count),
        "process": process(args=["app"], env=["PATH=" + ":".join(f"/{number}" for number in range(count))]),
    },
    "mounts and hooks": lambda count: {"mounts": tmpfs(count), "hooks": {"startContainer": [{"path": "/app"}] * count}},
    "variables": lambda count: {"process": process(env=[f"PATH=/{number}" for number in range(count)])},
    "devices": lambda count: {
        "linux": {"devices": [{"path": f"/dev/x{number}", "type": "p"} for number in range(count)]}
    },
    "ids": lambda count: {
        "process": process(user={"uid": 0, "gid": 0, "additionalGids": list(range(count))}),
        "linux": {"namespaces": [{"type": "user"}], "uidMappings": ranges(count), "gidMappings": ranges(count)},
    },
    "capabilities": lambda count: {"process": process(capabilities=dict.fromkeys(NAMES, ["CAP_CHOWN"] * count))},
}


def document(kind: str, count: int) -> Document:
    return {"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": process()} | DOCUMENTS[kind](count)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    (tmp_path / "rootfs/bin").mkdir(parents=True)
    (tmp_path / "volumes").mkdir()
    (tmp_path / "rootfs/app").write_bytes(program())
    (tmp_path / "rootfs/app").chmod(0o755)
    return tmp_path


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_to_look_at_it(bundle: Path, kind: str) -> None:
    def look(count: int) -> None:
        (bundle / "config.json").write_text(json.dumps(document(kind, count)))
        examine(BUNDLE_CHECKS, look_at(Bundle.open(bundle), Target(), None))

    look(1)  # imports, and what is remembered
    assert grows_no_faster(lambda: look(SMALL), lambda: look(LARGE), LARGE / SMALL)


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_to_compare_and_to_check_it(kind: str) -> None:
    def compare(count: int) -> None:
        differences(document(kind, 1), document(kind, count))
        for rule in STARTABLE:
            list(rule(RuntimeConfig(document(kind, count))))

    compare(1)
    assert grows_no_faster(lambda: compare(SMALL), lambda: compare(LARGE), LARGE / SMALL)


def test_an_id_is_found_in_the_range_that_has_it() -> None:
    mapped = [IdMapping("", 1000, 5, 1), IdMapping("", 0, 100, 10)]
    assert machine_ids(mapped, [0, 9, 10, 999, 1000, 1001]) == [100, 109, None, None, 5, None]
    assert machine_ids([], [0]) == [None]
