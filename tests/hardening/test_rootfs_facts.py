"""What is seen of a root filesystem: privileges, words of the start, folders."""

from pathlib import Path
from typing import Any

import pytest

from bundler.hardening.rootfs_facts import Folder
from tests.support.elf import program as elf
from tests.support.evidence import evidence
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import character_device, directory, fifo, file, symlink

# VFS_CAP_REVISION_2 with the effective flag; CAP_NET_BIND_SERVICE is number 10, CAP_BPF 39.
CAPABLE = bytes.fromhex("0100000200040000000000008000000000000000")


def document(*args: str, **more: Any) -> dict[str, Any]:
    return {"process": {"args": list(args), "cwd": "/", "env": ["PATH=/bin"], "user": {"uid": 0}}} | more


def test_files_that_give_privileges_are_listed(tmp_path: Path) -> None:
    seen = evidence(
        tmp_path,
        document("/bin/app"),
        file("bin/su", elf(), mode=0o4755),
        file("bin/wall", elf(), mode=0o2755),
        file("bin/data", b"", mode=0o4644),
        directory("bin/shared", mode=0o2775),
        file("bin/ping", elf(), mode=0o755, xattrs={"security.capability": CAPABLE}),
        file("bin/odd", elf(), mode=0o755, xattrs={"security.capability": b"\1"}),
        character_device("dev/null", 1, 3),
    )
    assert seen.set_id == ("/bin/su", "/bin/wall")
    assert seen.capable == {"/bin/odd": (), "/bin/ping": ("NET_BIND_SERVICE", "BPF")}


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (b'#!/bin/sh\nchown -R redis /data\nexec gosu redis redis-server "$@"\n', {"chown", "gosu", "redis-server"}),
        (b"#!/bin/sh\n# gosu was here\n  # and su\nexec nginx\n", {"nginx"}),
        (b"#!/bin/sh\n" + b"x" * 100_000 + b"\nexec nginx\n", set()),
        (b"not a script: gosu", set()),
        (b"#!/bin/sh\n\xff\xfe exec /usr/sbin/nginx\n", {"nginx"}),
    ],
)
def test_scripts_say_what_they_start(tmp_path: Path, script: bytes, words: set[str]) -> None:
    shell = file("bin/sh", elf(), mode=0o755)
    assert evidence(tmp_path, document("/entry"), file("entry", script, mode=0o755), shell).words == words


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["nginx", "-g", "daemon off;"], {"nginx"}),
        (
            ["sh", "-c", "chown x /data&&exec setpriv --reuid x /usr/bin/redis-server"],
            {"chown", "setpriv", "redis-server"},
        ),
        (["/opt/my-nginx-thing"], set()),
    ],
)
def test_arguments_do_too(tmp_path: Path, args: list[str], words: set[str]) -> None:
    assert evidence(tmp_path, document(*args)).words == words


def test_folders_are_those_a_service_writes_to_and_only_the_topmost(tmp_path: Path) -> None:
    seen = evidence(
        tmp_path,
        document("/app"),
        directory("run/app", mode=0o2775, owner=(5, 6)),
        directory("run/lock", mode=0o1777),
        directory("srv/app", owner=(5, 5)),
        directory("var/lib/app", mode=0o700, owner=(5, 5)),
        directory("var/lib/app/inner", owner=(5, 5)),
        directory("var/lib/apple", owner=(5, 5)),
        directory("var/lib/nginx"),
        directory("var/lib/root"),
    )
    assert seen.folders == (
        Folder("/run/app", 5, 6, 0o2775),
        Folder("/var/lib/app", 5, 5, 0o700),
        Folder("/var/lib/apple", 5, 5, 0o755),
        Folder("/var/lib/nginx", 0, 0, 0o755),
    )


@pytest.mark.timeout(120)
def test_a_fifo_in_the_way_is_not_opened_and_names_are_printable(tmp_path: Path) -> None:
    seen = evidence(
        tmp_path,
        document("/entry"),
        symlink("entry", "/../../../bin/fifo"),
        fifo("bin/fifo", mode=0o755),
        directory("var/lib/x\n- evil", owner=(5, 5)),
    )
    assert (seen.trail, seen.words) == ((), frozenset())
    assert seen.folders[0].path == r"/var/lib/x\n- evil"


@pytest.mark.root
def test_an_ordinary_user_sees_what_root_sees(tmp_path: Path) -> None:
    members = [
        file("bin/app", elf(), mode=0o4711, xattrs={"security.capability": CAPABLE}),
        directory("var/lib/app", mode=0o000, owner=(5, 5)),
        file("var/lib/app/secret", b"x", mode=0o000, owner=(5, 5)),
        character_device("dev/null", 1, 3),
    ]
    with folder_of_a_user() as folder:
        users = as_user(lambda: evidence(folder, document("/bin/app"), *members))
    assert users == evidence(tmp_path, document("/bin/app"), *members)
    assert users.trail == ("/bin/app",)
