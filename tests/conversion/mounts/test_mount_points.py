"""What each mount of config.json needs to be mounted onto."""

from typing import Any

import pytest

from bundler.conversion.convert import convert
from bundler.conversion.mounts.mount_points import Mounted, MountNode, mounted, nodes
from bundler.conversion.target import Target
from bundler.runtime_spec.runtime_config import RuntimeConfig
from bundler.targets import load_target
from tests.support.inputs import inputs, overrides

VOLUMES = {"Cmd": ["/bin/true"], "Volumes": {"/data": {}}}


def points(*texts: str, **more: Any) -> dict[str, tuple[str | None, str]]:
    """Kind and source in the bundle, by destination."""
    given = inputs(*texts, target=load_target(None, overrides(*texts)), **more)
    return {each.destination: (each.kind, each.source) for each in mounted(given, convert(given))}


def test_dockers_own_mounts_are_file_systems_on_directories_and_three_files() -> None:
    found = points()
    files = {f"/etc/{name}": ("file", f"etc/{name}") for name in ("hostname", "hosts", "resolv.conf")}
    assert {path: found[path] for path in files} == files
    assert {found[path] for path in found.keys() - files} == {("directory", "")}


@pytest.mark.parametrize(
    ("settings", "destination", "kind", "source"),
    [
        ("volumes: ['v:/v']", "/v", "directory", "volumes/v"),
        ("volumes: [{type: volume, source: v, target: /v, volume: {subpath: a}}]", "/v", "directory", "volumes/v/a"),
        ("volumes: ['./own:/v']", "/v", "directory", "own"),
        ("volumes: [{type: image, source: app, target: /v, image: {subpath: x}}]", "/v", "directory", "images/app/x"),
        ("tmpfs: /v", "/v", "directory", ""),
        ("init: /sbin/tini", "/sbin/docker-init", "file", ""),
        ("ipc: host", "/dev/shm", "directory", ""),
        ("ipc: shareable", "/dev/shm", "directory", "shm"),
        ("network_mode: host", "/etc/hosts", "file", ""),
        ("etc_files: {hosts: /srv/hosts}", "/etc/hosts", "file", ""),
        ("mounts: [{destination: /v, type: overlay, source: overlay}]", "/v", "directory", ""),
        ("mounts: [{destination: /v, type: none, source: /srv/x, options: [rbind]}]", "/v", None, ""),
        ("volumes: ['/srv/x:/v']", "/v", None, ""),
        ("volumes: ['/etc/localtime:/etc/localtime:ro']", "/etc/localtime", "file", ""),
        ("volumes: ['/run/docker.sock:/run/docker.sock']", "/run/docker.sock", "file", ""),
        ("volumes: ['/var/log:/v']", "/v", "directory", ""),
        ("volumes: ['/srv/x:/v']\ntarget: {sources: {/srv/x: file}}", "/v", "file", ""),
        ("volumes: ['/var/log/:/v']\ntarget: {sources: {/var/log: file}}", "/v", "file", ""),
        ("spec: {mounts: [{destination: /v, type: bind, source: later, options: [bind]}]}", "/v", None, "later"),
    ],
)  # fmt: skip
def test_a_file_is_mounted_on_a_file_and_all_else_on_a_directory(
    settings: str, destination: str, kind: str | None, source: str
) -> None:
    assert points(settings)[destination] == (kind, source)


def test_a_volume_of_the_image_is_mounted_on_a_directory() -> None:
    assert points(config=VOLUMES)["/data"] == ("directory", "volumes/data")


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ("tmpfs: /v", 0o1777),
        ("tmpfs: '/v:size=1m,mode=700'", 0o700),
        ("volumes: [{type: tmpfs, target: /v, tmpfs: {mode: 0o1770}}]", 0o1770),
        ("mounts: [{destination: /v, type: tmpfs, source: x, options: [mode=755, ro, mode=0711]}]", 0o711),
        ("mounts: [{destination: /v, type: tmpfs, source: x, options: [mode=rwx, nr_inodes=1, mode=]}]", 0o1777),
        ("read_only: true\nread_only_tmpfs: true", 0o755),
        ("mounts: [{destination: /v, type: ramfs, source: x, options: [mode=700]}]", 0o755),
        ("volumes: ['v:/v']", 0o755),
        ("volumes: ['/etc/localtime:/v']", 0o755),
    ],
)
def test_a_directory_for_a_tmpfs_has_the_mode_that_the_tmpfs_shall_have(settings: str, mode: int) -> None:
    given = inputs(settings)
    place = "/run" if "read_only_tmpfs" in settings else "/v"
    assert [each.mode for each in mounted(given, convert(given)) if each.destination == place] == [mode]


def test_a_mount_that_was_removed_needs_nothing() -> None:
    assert "/dev/mqueue" not in points("remove_mounts: [/dev/mqueue]")


def test_no_mounts_need_no_mount_points() -> None:
    assert mounted(inputs(), RuntimeConfig({"ociVersion": "1.0.2"})) == []


def test_what_a_target_says_of_sources_is_recorded() -> None:
    target = Target(sources={"/srv/x": "file"})
    assert target.described()["sources"] == {"/srv/x": "file"}
    assert "sources" not in Target().described()
    found = mounted(inputs("volumes: ['/srv/x:/v']", target=target), convert(inputs("volumes: ['/srv/x:/v']")))
    assert Mounted("/v", "file") in found


def test_devices_are_made_but_in_a_user_namespace_mounted() -> None:
    text = "devices: ['/dev/fuse:/opt/fuse']"
    document = convert(inputs(text)).document
    assert nodes(RuntimeConfig(document)) == [MountNode("/opt/fuse", "c", (10, 229), 0o666, 0, 0)]
    assert "/opt/fuse" not in points(text)
    mapped = text + "\nuid_map: ['0:100000:65536']\ngid_map: ['0:100000:65536']"
    assert nodes(convert(inputs(mapped))) == []
    assert points(mapped)["/opt/fuse"] == ("file", "")
    bare = {
        "linux": {"devices": [{"path": "/p", "type": "p"}, {"path": "/u", "type": "u", "fileMode": 0o20600, "uid": 7}]}
    }
    assert nodes(RuntimeConfig(bare)) == [
        MountNode("/p", "p", (0, 0), 0o666, 0, 0),
        MountNode("/u", "u", (0, 0), 0o600, 7, 0),
    ]
