"""The way from `args[0]` to what the kernel runs, through root filesystems of every kind."""

import os
from pathlib import Path

import pytest

from bundler.doctor.program import AccessRights, ElfChain, Seeker
from bundler.rootfs.tree import Tree
from tests.support.elf import program as elf
from tests.support.layers import layer, unpacked
from tests.support.tarballs import Member, character_device, directory, fifo, file, hard_link, symlink

pytestmark = [pytest.mark.root, pytest.mark.timeout(120)]
PATH = "/usr/bin:/bin"
LOADER = file("lib64/ld.so", elf(), mode=0o755)
SHELL = file("bin/sh", elf(interpreter=b"/lib64/ld.so"), mode=0o755)


def script(name: str, first_line: bytes, mode: int = 0o755) -> Member:
    return file(name, first_line + b"\necho hello\n", mode=mode)


def look(
    tmp_path: Path,
    name: str,
    *members: Member,
    search: str | None = PATH,
    cwd: str = "/",
    covered: tuple[str, ...] = (),
) -> ElfChain:
    with Tree.open(unpacked(tmp_path / "root", layer(*members))) as tree:
        return Seeker(tree, covered, cwd, search).program(name)


@pytest.mark.parametrize(
    ("name", "members", "trail"),
    [
        ("/app", [file("app", elf(), mode=0o755)], ["/app"]),
        ("sh", [SHELL, LOADER], ["/bin/sh", "/lib64/ld.so"]),
        ("sh", [symlink("bin", "usr/bin"), file("usr/bin/sh", elf(), mode=0o755)], ["/usr/bin/sh"]),
        ("app", [file("bin/real", elf(), mode=0o755), symlink("bin/app", "../../../bin/real")], ["/bin/real"]),
        ("app", [file("bin/app", elf(), mode=0o755), hard_link("usr/bin/app", "bin/app")], ["/usr/bin/app"]),
        ("run", [script("bin/run", b"#!/bin/sh -e"), SHELL, LOADER], ["/bin/run", "/bin/sh", "/lib64/ld.so"]),
        (
            "run",
            [script("bin/run", b"#!/usr/bin/env -S sh -e"), file("usr/bin/env", elf(), mode=0o755), SHELL, LOADER],
            ["/bin/run", "/usr/bin/env", "/bin/sh", "/lib64/ld.so"],
        ),
        ("./app", [file("srv/app", elf(), mode=0o755)], ["/srv/app"]),
        ("app", [file("usr/bin/app", elf()), file("bin/app", elf(), mode=0o755)], ["/bin/app"]),
    ],
    ids=[
        "a path",
        "along PATH",
        "a linked directory",
        "a link out of the root",
        "a hard link",
        "a script",
        "env",
        "below cwd",
        "one that is not executable is passed by",
    ],
)
def test_the_way_is_followed_to_its_end(tmp_path: Path, name: str, members: list[Member], trail: list[str]) -> None:
    found = look(tmp_path, name, *members, cwd="/srv" if name.startswith(".") else "/")
    assert (found.fault, found.hidden, list(found.trail), found.architecture) == ("", "", trail, "amd64")


@pytest.mark.parametrize(
    ("name", "members", "fault"),
    [
        ("", [], "the name of the program is empty"),
        ("app", [], "app is in no directory of PATH (/usr/bin:/bin)"),
        ("app", [file("bin/app", elf())], "/bin/app is not executable"),
        ("/app", [], "/app is not there"),
        ("/app", [directory("app")], "/app is a directory"),
        ("/app/", [directory("app")], "/app/ is a directory"),
        ("/app", [fifo("app", mode=0o755)], "/app is a fifo"),
        ("/app", [character_device("app", 1, 5, mode=0o755)], "/app is a device"),
        ("/app", [symlink("app", "/etc/shadow")], "/app is not there"),
        ("/app", [symlink("app", "app")], "/app: too many symlinks lead to each other"),
        ("/x/app", [symlink("x", "x")], "/x/app: too many symlinks lead to each other"),
        ("/app", [file("app", b"", mode=0o755)], "/app is empty: no program"),
        ("/app", [file("app", b"echo", mode=0o755)], "/app begins neither as an ELF file nor with #!: no program"),
        ("/app", [file("app", elf()[:30], mode=0o755)], "/app: its header is cut off"),
        ("/app", [file("app", elf(interpreter=b"/lib/ld"), mode=0o755)], "the loader of /app, /lib/ld, is not there"),
        ("/app", [script("app", b"#!")], "/app: nothing follows its #!"),
        ("/app", [script("app", b"#!/bin/sh")], "the interpreter of /app, /bin/sh, is not there"),
        ("/app", [script("app", b"#!/bin/sh\r"), SHELL, LOADER], "/app: its first line ends as on Windows"),
        ("/app", [script("app", b"#!" + b"/" * 10_000_000)], "/app: its first line is longer than the 256 bytes"),
        ("/app", [script("app", b"#!/app")], "/app: more than 5 scripts interpret each other"),
        (
            "/app",
            [script("app", b"#!/usr/bin/env python3"), file("usr/bin/env", elf(), mode=0o755)],
            "python3 is in no directory of PATH",
        ),
        ("/a\0b", [], r"/a\x00b cannot be the name of a file"),
        ("/a\ud800b", [], r"/a\ud800b cannot be the name of a file"),
        ("/" + "a" * 300, [], "File name too long"),
        ("/a\x1b[2Jb", [], r"/a\x1b[2Jb is not there"),
    ],
)
def test_what_cannot_be_started_is_said(tmp_path: Path, name: str, members: list[Member], fault: str) -> None:
    found = look(tmp_path, name, *members)
    assert fault in found.fault
    assert found.hidden == ""


def test_whose_the_way_to_the_program_is_known(tmp_path: Path) -> None:
    members = [directory("srv", mode=0o750), script("srv/run", b"#!/bin/sh", mode=0o711), symlink("run", "srv/run")]
    found = look(tmp_path, "/run", *members, SHELL, LOADER)
    assert [(folder.path, folder.mode) for folder in found.folders] == [("/", 0o755), ("/srv", 0o750)]
    assert found.first == AccessRights("/srv/run", 0o711, 0, 0)
    assert found.script


def test_what_is_no_script_nobody_has_to_read(tmp_path: Path) -> None:
    assert not look(tmp_path, "sh", SHELL, LOADER).script


def test_without_path_a_bare_name_is_nowhere(tmp_path: Path) -> None:
    assert "has no PATH" in look(tmp_path, "sh", SHELL, LOADER, search=None).fault


def test_what_a_mount_will_cover_is_not_judged(tmp_path: Path) -> None:
    found = look(tmp_path, "app", covered=("/usr/bin",))
    assert (found.fault, found.hidden) == ("", "/usr/bin/app will be below the mount on /usr/bin")


def test_nor_is_what_a_link_leads_to_below_one(tmp_path: Path) -> None:
    found = look(tmp_path, "/app", symlink("app", "/usr/bin/app"), covered=("/usr/bin",))
    assert found.hidden == "/app will be below the mount on /usr/bin"


def test_a_file_in_front_of_the_mount_wins(tmp_path: Path) -> None:
    assert look(tmp_path, "sh", SHELL, LOADER, covered=("/usr/bin",)).hidden == ""


def test_looking_changes_nothing(tmp_path: Path) -> None:
    root = unpacked(tmp_path / "root", layer(SHELL, LOADER, directory("bin", mode=0o711)))
    before = [(path, os.lstat(path).st_mtime_ns, os.lstat(path).st_mode) for path in sorted(root.rglob("*"))]
    with Tree(root) as tree:
        assert Seeker(tree, search=PATH).program("sh").fault == ""
        assert Seeker(tree).kind("/bin") == "directory"
    assert before == [(path, os.lstat(path).st_mtime_ns, os.lstat(path).st_mode) for path in sorted(root.rglob("*"))]
