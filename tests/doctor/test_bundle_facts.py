"""A bundle on disk becomes facts, whatever config.json names."""

import json
from pathlib import Path
from typing import Any

import pytest

from bundler.bundles.bundle import Bundle
from bundler.conversion.target import Target
from bundler.doctor.bundle_facts import BundleFacts, look_at
from bundler.doctor.checks import BUNDLE_CHECKS
from bundler.doctor.finding import examine
from bundler.doctor.host_facts import look_around
from bundler.errors import DifferenceError

pytestmark = pytest.mark.timeout(120)


def looked_at(folder: Path, document: dict[str, Any], *, here: bool = True) -> BundleFacts:
    (folder / "rootfs/srv").mkdir(parents=True)
    process = {"args": ["/app"], "cwd": "/srv"}
    (folder / "config.json").write_text(json.dumps({"ociVersion": "1.0.2", "process": process} | document))
    return look_at(Bundle.open(folder), Target(), look_around(None) if here else None)


def test_kinds_of_hooks_that_nobody_knows_are_passed_over(tmp_path: Path) -> None:
    hooks = {"x-mine": 5, "other": [5], "poststop": [{"path": "/nonexistent"}]}
    assert [hook.pointer for hook in looked_at(tmp_path, {"hooks": hooks}).hooks] == ["/hooks/poststop/0"]


def mount(source: str, destination: str) -> dict[str, Any]:
    return {"destination": destination, "source": source, "type": "bind", "options": ["bind"]}


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("/etc", "directory"),
        ("rootfs", "directory"),
        ("config.json", "file"),
        ("/dev/null", "device"),
    ],
)
def test_sources_are_the_machines_or_the_bundles(tmp_path: Path, source: str, kind: str) -> None:
    subject = looked_at(tmp_path, {"mounts": [mount(source, "/srv")]})
    assert [(bind.kind, bind.onto) for bind in subject.binds] == [(kind, "directory")]


def test_a_source_that_leads_back_into_the_bundle_is_exposed(tmp_path: Path) -> None:
    found = looked_at(tmp_path, {"mounts": [mount(f"{tmp_path}/hooks", "/a"), mount("volumes/none", "/b")]})
    assert [fault.pointer for fault in found.exposed] == ["/mounts/0/source"]
    [told] = [finding for finding in examine(BUNDLE_CHECKS, found) if finding.check == "reach"]
    assert (told.severity, "leads to 'hooks'" in told.what) == ("blocks", True)


@pytest.mark.parametrize("link", ["volumes", "volumes/data"])
def test_a_source_behind_a_symlink_is_not_what_was_built(tmp_path: Path, link: str) -> None:
    (tmp_path / link).parent.mkdir(exist_ok=True)
    (tmp_path / link).symlink_to("/var")
    with pytest.raises(DifferenceError, match=f"{link} leads out of the bundle"):
        looked_at(tmp_path, {"mounts": [mount("volumes/data", "/a")]})


def test_of_another_machine_only_the_bundle_is_known(tmp_path: Path) -> None:
    document = {
        "mounts": [mount("/etc", "/a"), mount("rootfs", "/b")],
        "hooks": {"poststop": [{"path": "/nonexistent"}]},
        "linux": {"namespaces": [{"type": "network", "path": "/nonexistent"}]},
    }
    subject = looked_at(tmp_path, document, here=False)
    assert [bind.kind for bind in subject.binds] == ["unknown", "directory"]
    assert (subject.hooks, subject.namespaces, subject.devices) == ((), (), ())


def test_kernel_parameters_are_looked_for(tmp_path: Path) -> None:
    names = ("net.ipv4.ip_forward", "net/ipv4/ip_forward", "net.ipv4.nope", "net.ipv4.conf.eth7.forwarding", "a\0b")
    subject = looked_at(tmp_path, {"linux": {"sysctl": dict.fromkeys(names, "1")}})
    assert [(parameter.pointer, parameter.kind) for parameter in subject.parameters] == [
        ("/linux/sysctl/net.ipv4.ip_forward", "file"),
        ("/linux/sysctl/net~1ipv4~1ip_forward", "file"),
        ("/linux/sysctl/net.ipv4.nope", "missing"),
        ("/linux/sysctl/a\0b", "missing"),
    ]


def test_what_lies_below_an_earlier_mount_is_not_known(tmp_path: Path) -> None:
    subject = looked_at(tmp_path, {"mounts": [mount("rootfs", "/srv"), mount("rootfs", "/srv/inner")]})
    assert [bind.onto for bind in subject.binds] == ["directory", "unknown"]
    assert subject.cwd == "hidden"


@pytest.mark.parametrize("path", ["/nonexistent-rootfs", "config.json", "../" * 50 + "nonexistent-rootfs"])
def test_a_rootfs_that_is_none_is_said(tmp_path: Path, path: str) -> None:
    subject = looked_at(tmp_path, {"root": {"path": path}})
    assert subject.rootfs.isprintable()
    assert subject.rootfs
    assert subject.program is None
