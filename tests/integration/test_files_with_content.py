"""Files that overrides, or a compose file's configs and secrets, say the content of: as a container sees them."""

import json
import os
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bundler.bundles.bundle import Bundle
from bundler.bundles.verification.bundle_verification import Verification
from bundler.errors import DifferenceError
from bundler.images.platform import Platform
from bundler.limits import DEFAULTS
from bundler.packing.packed import open_packed
from bundler.packing.packing import pack
from bundler.packing.verification import PackedVerification
from bundler.pipeline import build
from bundler.request import BuildRequest
from bundler.running.start import RunRequest, prepare
from tests.support.command import bundler, call_bundler
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import call

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc"), pytest.mark.usefixtures("documents_in_memory")]
COMPOSE = """
services:
  web:
    image: IMAGE
    user: "33:7"
    entrypoint: [/bin/sh, -c]
    command: ["stat -c '%u:%g %a %n' /plain /run/secrets/* && cat /run/secrets/own; cat /run/secrets/roots"]
    configs: [plain]
    secrets:
      - {source: own, uid: "33", gid: "7", mode: 0400}
      - {source: own, target: roots, mode: "0400"}
      - {source: own, target: shared, gid: 7, mode: 0640}
configs: {plain: {content: plain}}
secrets: {own: {environment: TOKEN}}
"""
SEEN = [
    "0:0 444 /plain",
    "33:7 400 /run/secrets/own",
    "0:0 400 /run/secrets/roots",
    "0:7 640 /run/secrets/shared",
    "secret",
]
OWN = "etc/content-run-secrets-own"
TAMPERINGS: dict[str, tuple[str, Callable[[Path], object]]] = {
    "another owner": (OWN, lambda path: os.chown(path, 34, -1)),
    "no owner of its own": (OWN, lambda path: os.chown(path, 0, -1)),
    "another group": (OWN, lambda path: os.chown(path, -1, 8)),
    "readable by all": (OWN, lambda path: path.chmod(0o444)),
    "setuid": (OWN, lambda path: path.chmod(0o4400)),
    "an owner where there was root": ("etc/content-run-secrets-roots", lambda path: os.chown(path, 33, -1)),
    "a group where there was root's": ("etc/content-run-secrets-roots", lambda path: os.chown(path, -1, 7)),
    "readable by more": ("etc/content-run-secrets-roots", lambda path: path.chmod(0o444)),
    "another content": (OWN, lambda path: path.write_text("x")),
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the users of a user namespace can get to."""
    with folder_of_a_user() as folder:
        yield folder


def built(folder: Path, golden_archives: dict[str, Path], *words: str) -> Path:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    (folder / "compose.yaml").write_text(COMPOSE)
    given = ("--from-compose", "compose.yaml:web", "--compose-env", "TOKEN=secret\n")
    bundler("build", image, *given, *words, "-o", "b", cwd=folder)
    return folder / "b"


def run(bundle: Path) -> list[str]:
    ended = call(["runc", "run", "--bundle", bundle, f"content-{os.getpid()}"])
    assert "roots: Permission denied" in ended.stderr.replace("'", "")
    return ended.stdout.splitlines()


@pytest.mark.parametrize("shift", [0, 200000])
def test_a_container_sees_owner_and_mode_of_the_compose_file(
    golden_archives: dict[str, Path], folder: Path, shift: int
) -> None:
    bundle = built(folder, golden_archives, *(("--uid-map", f"0:{shift}:65536") if shift else ()))
    status = (bundle / OWN).stat()
    assert (status.st_uid, status.st_gid, status.st_mtime_ns) == (33 + shift, 7 + shift, 0)
    assert run(bundle) == SEEN
    bundler("verify", bundle)


@pytest.mark.parametrize("form", ["tar", "squashfs"])
def test_owner_and_mode_are_packed_and_restored(golden_archives: dict[str, Path], folder: Path, form: str) -> None:
    built(folder, golden_archives)
    bundler("pack", "b", "-o", f"b.{form}", cwd=folder)
    bundler("verify", f"b.{form}", cwd=folder)
    bundler("unpack", f"b.{form}", "-o", "again", cwd=folder)
    assert run(folder / "again") == SEEN


def test_a_change_of_owner_or_mode_is_told(golden_archives: dict[str, Path], folder: Path) -> None:
    whole = built(folder, golden_archives)
    bundle = folder / "changed"
    for name, (path, tamper) in TAMPERINGS.items():
        subprocess.run(["cp", "-a", whole, bundle], check=True)
        tamper(bundle / path)
        told = [change.path for change in Verification(Bundle.open(bundle)).changes()]
        assert told == [path], name
        with pytest.raises(DifferenceError):
            prepare(RunRequest(bundle=bundle, runtime="runc"), terminal_here=False)
        packed = pack(Bundle.open(bundle), folder / "b.tar", as_is=True, replace=True).path
        with open_packed(packed, DEFAULTS) as opened:
            assert [change.path for change in PackedVerification(opened).changes()] == [path], name
        subprocess.run(["rm", "-r", bundle], check=True)


def test_two_builds_are_the_same(golden_archives: dict[str, Path], folder: Path) -> None:
    first = built(folder, golden_archives)
    bundler("pack", first, "-o", folder / "first.tar")
    subprocess.run(["rm", "-r", first], check=True)
    bundler("pack", built(folder, golden_archives), "-o", folder / "second.tar")
    assert (folder / "first.tar").read_bytes() == (folder / "second.tar").read_bytes()


def test_an_owner_that_the_container_has_not_got_is_exit_code_2(folder: Path, golden_archives: dict[str, Path]) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/full:1"
    overrides = folder / "o.yaml"
    overrides.write_text("volumes: [{type: bind, content: x, target: /x, uid: 70000}]\n")
    done = call_bundler(
        "build", image, "--overrides", overrides, "--uid-map", "0:200000:65536", "-o", folder / "b", cwd=folder
    )
    assert done.returncode == 2
    assert "o.yaml:1:11: volumes: the file with content: its user 70000 is in no range of the id map" in done.stderr
    assert not (folder / "b").exists()


def test_an_ordinary_user_owns_all_and_is_told(golden_archives: dict[str, Path], folder: Path) -> None:
    image = folder / "image.tar"
    image.write_bytes(golden_archives["docker28"].read_bytes())
    (folder / "o.yaml").write_text(
        "user: '0:0'\ngroup_add: []\n"
        "volumes: [{type: bind, content: x, target: /x, uid: 33, mode: '0440'}, {type: bind, content: y, target: /y}]\n"
    )

    def work(name: str) -> None:
        request = BuildRequest(
            image=f"docker-archive:{image}:golden/full:1",
            machine=Platform.of("linux", "x86_64"),
            overrides=(str(folder / "o.yaml"),),
            rootless=True,
            caller=(os.geteuid(), os.getegid()),
        )
        made = build(request, folder / name)
        (folder / f"{name}.json").write_text(json.dumps(made.skipped))

    work("imports")
    as_user(lambda: work("b"))
    assert json.loads((folder / "b.json").read_text())["files with content of another owner"] == 1
    for name, mode in (("content-x", 0o440), ("content-y", 0o444)):
        status = (folder / "b/etc" / name).stat()
        assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (USER, USER, mode)
    bundler("verify", folder / "b")
