"""Volumes, configs and secrets of a compose project, as what a bundle can mount."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import keys, refused, remarks
from tests.support.messages import tells

SERVICE = "services: {{web: {{image: x, {} }}}}\n{}"


@pytest.mark.parametrize(
    ("service", "project", "mounted"),
    [
        ("volumes: [/data]", "", {"volumes": ["/data"]}),
        ("volumes: ['/a:/x', '/b:/x']", "", {"volumes": ["/b:/x"]}),
        ("volumes: ['a1:/x:ro']", "volumes: {a1: }", {"volumes": ["a1:/x:ro"]}),
        ("volumes: ['a1:/x:ro']", "volumes: {a1: {name: real}}", {"volumes": ["real:/x:ro"]}),
        ("volumes: ['a1:/x']", "volumes: {a1: {external: {name: real}}}", {"volumes": ["real:/x"]}),
        ("volumes: ['a1:/x']", "volumes: {a1: {driver: local, labels: {a: b}}}", {"volumes": ["a1:/x"]}),
        (
            "volumes: [{type: volume, source: a1, target: /x, volume: {nocopy: 'true'}}]",
            "volumes: {a1: {name: real}}",
            {"volumes": [{"type": "volume", "source": "real", "target": "/x", "volume": {"nocopy": True}}]},
        ),
        (
            "volumes: ['a1:/x:ro']",
            "volumes: {a1: {driver_opts: {type: none, o: bind, device: ./d}}}",
            {"volumes": [{"type": "bind", "source": "FOLDER/d", "target": "/x", "read_only": True}]},
        ),
        (
            "volumes: [{type: volume, source: a1, target: /x, volume: {subpath: in/side}}]",
            "volumes: {a1: {driver_opts: {type: none, o: 'rbind,ro', device: /d}}}",
            {"volumes": [{"type": "bind", "source": "/d/in/side", "target": "/x", "read_only": True}]},
        ),
        (
            "volumes: ['a1:/x']",
            "volumes: {a1: {driver_opts: {type: tmpfs, device: tmpfs, o: 'size=1m,uid=7'}}}",
            {"mounts": [{"destination": "/x", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m", "uid=7"]}]},
        ),
        (
            "volumes: ['a1:/x:ro']",
            "volumes: {a1: {driver_opts: {type: ext4, device: /dev/vg/data}}}",
            {"mounts": [{"destination": "/x", "type": "ext4", "source": "/dev/vg/data", "options": ["ro"]}]},
        ),
        (
            "secrets: [token, {source: token, target: other}, {source: token, target: /t}]",
            "secrets: {token: {file: ./t.txt}}",
            {
                "volumes": [
                    {"type": "bind", "source": "FOLDER/t.txt", "target": "/run/secrets/token", "read_only": True},
                    {"type": "bind", "source": "FOLDER/t.txt", "target": "/run/secrets/other", "read_only": True},
                    {"type": "bind", "source": "FOLDER/t.txt", "target": "/t", "read_only": True},
                ],
                "target": {"sources": {"FOLDER/t.txt": "file"}},
            },
        ),
        (
            "configs: [app]",
            "configs: {app: {file: /etc/app.conf}}",
            {
                "volumes": [{"type": "bind", "source": "/etc/app.conf", "target": "/app", "read_only": True}],
                "target": {"sources": {"/etc/app.conf": "file"}},
            },
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_service_mounts(service: str, project: str, mounted: dict[str, Any], tmp_path: Path) -> None:
    assert keys(tmp_path, SERVICE.format(service, project)) == {"image": "x"} | mounted


def test_what_stands_in_the_compose_file_or_in_a_variable_becomes_a_file_of_the_bundle(tmp_path: Path) -> None:
    text = """
services: {web: {image: x, configs: [{source: app, target: /etc/app.conf}, port], secrets: [token]}}
configs: {app: {content: "level = ${LEVEL:-info}$$\\n"}, port: {environment: PORT}}
secrets: {token: {environment: TOKEN}}
"""
    assert keys(tmp_path, text, TOKEN="", PORT="80") == {
        "image": "x",
        "volumes": [
            {"type": "bind", "content": "level = info$\n", "target": "/etc/app.conf", "read_only": True},
            {"type": "bind", "content": "80", "target": "/port", "read_only": True},
            {"type": "bind", "content": "", "target": "/run/secrets/token", "read_only": True},
        ],
    }


@pytest.mark.parametrize(
    ("given", "carried"),
    [
        ("uid: '33', gid: '7', mode: 0400", {"uid": 33, "gid": 7, "mode": "0400"}),
        ("uid: 33, mode: '0440'", {"uid": 33, "mode": "0440"}),
        ("mode: '440'", {"mode": "0440"}),
        ("mode: 256", {"mode": "0400"}),
        ("mode: 0o4755", {"mode": "4755"}),
        ("uid: '${U-}', gid: , mode: ''", {}),
        ("uid: '${U-5}'", {"uid": 5}),
    ],
)
def test_owner_and_mode_of_what_becomes_a_file_of_the_bundle(
    given: str, carried: dict[str, Any], tmp_path: Path
) -> None:
    text = f"""
services: {{web: {{image: x, configs: [{{source: app, {given}}}], secrets: [{{source: token, {given}}}]}}}}
configs: {{app: {{content: a}}}}
secrets: {{token: {{environment: TOKEN}}}}
"""
    bind = {"type": "bind", "read_only": True} | carried
    assert keys(tmp_path, text, TOKEN="t")["volumes"] == [
        bind | {"content": "a", "target": "/app"},
        bind | {"content": "t", "target": "/run/secrets/token"},
    ]
    assert remarks(tmp_path, text, TOKEN="t") == []


def test_who_may_write_to_a_read_only_file_of_the_bundle_is_told(tmp_path: Path) -> None:
    text = SERVICE.format("configs: [{source: app, mode: 0666}]", "configs: {app: {content: a}}")
    assert keys(tmp_path, text)["volumes"][0]["mode"] == "0644"
    (remark,) = remarks(tmp_path, text)
    assert tells(remark, "note: compose.yaml:1:58: ", "others write read-only")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("uid: www-data", "compose.yaml:1:57: uid: 'www-data' is not a whole number"),
        ("gid: '-1'", "gid: -1 is out of range"),
        ("uid: 4294967295", "uid: 4294967295 is out of range"),
        ("mode: '0888'", "mode: '0888' is not an octal number"),
        ("mode: u=r", "mode: 'u=r' is not an octal number"),
        ("mode: 0o10000", "mode: 4096 is out of range"),
        ("mode: true", "mode: 'True' is not a whole number"),
    ],
)
def test_an_owner_or_mode_that_is_no_number_is_refused(given: str, message: str, tmp_path: Path) -> None:
    text = SERVICE.format(f"configs: [{{source: app, {given}}}]", "configs: {app: {content: a}}")
    assert message in refused(tmp_path, text).what


def test_volumes_of_other_services_lie_below_the_services_own(tmp_path: Path) -> None:
    text = """
services:
  web: {image: x, volumes_from: ['db:ro'], volumes: ['/mine:/b']}
  db: {image: y, volumes: ['/a:/a', '/b:/b'], volumes_from: [other]}
  other: {image: z, volumes: [{type: tmpfs, target: /t, tmpfs: {size: 1m}}]}
"""
    assert keys(tmp_path, text)["volumes"] == [
        {"type": "tmpfs", "target": "/t", "options": ["size=1m"], "read_only": True},
        {"type": "bind", "source": "/a", "target": "/a", "read_only": True},
        "/mine:/b",
    ]


@pytest.mark.parametrize(
    ("service", "project", "message"),
    [
        ("volumes: ['d:/x']", "volumes: {dd: }", "compose.yaml:1:38: volumes: 'd' is not defined in the compose file"),
        ("volumes: ['dd:/x']", "volumes: {dd: []}", "volumes.dd: a map is expected here"),
        (
            "volumes: ['dd:/x']",
            "volumes: {dd: {driver_opts: {type: nfs, device: ':/x', o: addr=a}}}",
            "compose.yaml:2:15: volumes: a bundle cannot mount 'nfs' of another machine",
        ),
        ("secrets: [t]", "", "secrets: 't' is not defined"),
        ("secrets: [t]", "secrets: {t: {external: true}}", "secrets: 't' is external: only a daemon has it"),
        ("secrets: [t]", "secrets: {t: {environment: X}}", "secrets: 't' is the variable X, which is not set"),
        ("configs: [t]", "configs: {t: }", "configs: 't' names no file"),
        ("configs: [{target: /x}]", "", "configs: source is missing"),
        ("volumes_from: ['container:x']", "", "volumes_from: another container is not known here"),
        ("volumes_from: [web]", "", "volumes_from: 'web' has its volumes from this service"),
        ("volumes_from: [we]", "", "compose.yaml has no service 'we'"),
    ],
    ids=range(11),
)
def test_what_no_bundle_can_mount_is_refused(service: str, project: str, message: str, tmp_path: Path) -> None:
    assert message in refused(tmp_path, SERVICE.format(service, project)).what


def test_what_is_not_in_the_bundle_is_told(tmp_path: Path) -> None:
    text = """
services:
  web: {image: x, volumes: ['a:/a', 'b:/b', 'c:/c'], secrets: [{source: s, mode: 0400}]}
  job: {image: x, volumes: ['c:/c']}
volumes: {a: {external: true}, b: {driver: rexray}, c: }
secrets: {s: {file: s}}
"""
    assert [remark.partition("; ")[0] for remark in remarks(tmp_path, text)] == [
        "note: compose.yaml:3:64: owner and mode of s are those of its file",
        "note: compose.yaml:5:25: the volume a is external",
        "note: compose.yaml:5:35: the volume b is made by the driver rexray of a daemon",
        "note: the volume c is also of job",
    ]
