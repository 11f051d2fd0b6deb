"""A kit whose root filesystem is an image: carried as one file, mounted for the container alone, with busybox alone."""

import json
import os
import subprocess
from pathlib import Path
from subprocess import DEVNULL

import pytest

from tests.integration.test_kit import IMAGE
from tests.integration.test_run_rootfs_image import left
from tests.support.bare_machine import bare_programs, on_a_bare_machine
from tests.support.command import bundler, call_bundler, installed
from tests.support.image_files import layout_files, write_folder
from tests.support.runtime import Ended, call
from tests.support.whole_bundle import tamperings

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "unshare")]
NAME = "kit-of-an-image"  # also of its container: control groups are shared with other workers
COUNTING = ["/bin/busybox", "sh", "-c", "echo x >>/counted; echo x >>/data/counted; /bin/busybox cat /counted"]
SLEEPING = ["/bin/busybox", "sleep", "1000"]
SHELLS = {"sh": ["sh"], "dash": ["dash"], "busybox": ["busybox", "sh"]}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the bundles `NAME`, `read-only`, `newer`, `dir` and `asleep`, and the kit `kit` of the first."""
    folder = tmp_path_factory.mktemp("images")
    write_folder(folder / "layout", layout_files({"1": IMAGE}))
    for name, options, more in (
        (NAME, ("--rootfs", "erofs"), {}),
        ("read-only", ("--rootfs", "erofs"), {"read_only": True}),
        ("newer", ("--rootfs", "erofs"), {"hostname": "newer"}),
        ("dir", (), {}),
        ("asleep", ("--rootfs", "erofs"), {"command": SLEEPING, "read_only": True}),
    ):
        plain = {"entrypoint": [], "command": COUNTING, "volumes": ["data:/data"]}
        (folder / "o.yaml").write_text(json.dumps(plain | more))
        bundler("build", "oci:layout:1", "--overrides", "o.yaml", *options, "-o", name, cwd=folder)
    bundler("pack", NAME, "--kit", "-o", "kit", "--name", NAME, cwd=folder)
    return folder


@pytest.fixture
def kit(made: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", made / "kit", tmp_path / "a kit"], check=True)
    return tmp_path / "a kit"


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_programs(tmp_path_factory.mktemp("bin"))


def run(kit: Path, *words: str, shell: str = "sh") -> Ended:
    return call([*SHELLS[shell], kit / "kit.sh", *words])


@pytest.mark.parametrize("shell", SHELLS)
def test_it_runs_and_what_was_written_is_there_the_next_time(kit: Path, shell: str) -> None:
    for times in (1, 2, 3):
        ended = run(kit, "run", shell=shell)
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "x\n" * times, "")
    assert sorted(path.name for path in (kit / "bundle").iterdir() if path.name.startswith("rootfs")) == [
        *("rootfs", "rootfs.erofs", "rootfs.mtree")
    ]
    assert list((kit / "bundle/rootfs").iterdir()) == []
    assert left(kit / "bundle") == []
    bundler("verify", "--deep", kit / "bundle")


def test_busybox_and_runc_are_enough_and_attributes_are_in_the_image(kit: Path, bare: Path) -> None:
    for times in (1, 2):
        ended = on_a_bare_machine(bare, kit, "run")
        assert (ended.exit_code, ended.stdout, ended.stderr) == (0, "x\n" * times, "")
    assert left(kit / "bundle") == []


def test_a_read_only_one_keeps_nothing(made: Path, tmp_path: Path) -> None:
    bundler("pack", made / "read-only", "--kit", "-o", tmp_path / "kit", "--name", NAME)
    ended = run(tmp_path / "kit", "run")
    assert "can't create /counted: Read-only file system" in ended.stderr
    assert not (tmp_path / "kit/bundle/upper").exists()
    assert left(tmp_path / "kit/bundle") == []


# $0 is a folder with the files that lie over those of the kernel, and a program that loads no module.
OLDER = """
mount --bind "$0/filesystems" /proc/filesystems
mount --bind "$0/osrelease" /proc/sys/kernel/osrelease
[ ! -e "$0/loop-control" ] || mount --bind "$0/loop-control" /dev/loop-control
PATH=$0:$PATH
exec sh "$@"
"""


@pytest.mark.parametrize(
    ("lacking", "says"),
    [
        ("erofs", "this kernel has no EROFS"),
        ("overlay", "this kernel has no overlays"),
        ("loop-control", "this kernel has no loop devices"),
    ],
)
def test_what_the_kernel_lacks_is_said_before_anything_is_unpacked(
    kit: Path, tmp_path: Path, lacking: str, says: str
) -> None:
    known = Path("/proc/filesystems").read_text().splitlines(keepends=True)
    (tmp_path / "filesystems").write_text("".join(line for line in known if line.split()[-1] != lacking))
    (tmp_path / "osrelease").write_text("6.1.0-21-amd64\n")
    (tmp_path / "modprobe").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "modprobe").chmod(0o755)
    if lacking == "loop-control":
        (tmp_path / lacking).touch()
    for command in (["run"], ["install", str(tmp_path / "units")], ["upgrade", str(tmp_path / "units")]):
        ended = call(["unshare", "--mount", "sh", "-ec", OLDER, tmp_path, kit / "kit.sh", *command])
        assert (ended.exit_code, ended.stdout, says in ended.stderr) == (5, "", True), ended.stderr
    assert not (kit / "bundle").exists()
    assert not (tmp_path / "units").exists()


# What is under the mount is hidden, and an upper folder may be there or not; there is no volume.
HARMLESS = {
    "rootfs": {"with a file more", "with a folder more", "with a symlink more"},
    "rootfs.erofs": {"of another name in a volume"},
}


@pytest.mark.parametrize("path", ["rootfs.erofs", "rootfs", "upper", "upper/rootfs", "upper/work"])
def test_what_was_tampered_with_does_not_run(kit: Path, tmp_path: Path, path: str) -> None:
    place = kit / "bundle"
    assert run(kit, "run").exit_code == 0
    subprocess.run(["cp", "-a", place, tmp_path / "copy"], check=True)
    is_data = path.startswith("upper")
    harmless = HARMLESS.get(path, {"deleted"})
    for name, tamper in tamperings(place / path, is_data=is_data).items():
        subprocess.run(["rm", "-rf", place], check=True)
        subprocess.run(["cp", "-a", tmp_path / "copy", place], check=True)
        if name in harmless:
            continue
        tamper(place / path)
        ended = run(kit, "run", "--help")
        assert (ended.exit_code, "is not what was packed" in ended.stderr) == (6, True), (name, ended)
        assert left(place) == []


def test_what_a_container_has_written_is_no_part_of_a_kit(made: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", made / NAME, tmp_path / "b"], check=True)
    assert call_bundler("run", "--id", NAME, tmp_path / "b").returncode == 0
    refused = call_bundler("pack", tmp_path / "b", "--kit", "-o", tmp_path / "kit")
    assert (refused.returncode, "upper/rootfs holds what a container wrote" in refused.stderr) == (2, True)
    subprocess.run(["rm", "-r", tmp_path / "b/upper"], check=True)
    bundler("pack", tmp_path / "b", "--kit", "-o", tmp_path / "kit")


def kits_for(made: Path, place: Path, *names: str) -> list[Path]:
    """Kits of these bundles, for one place."""
    kits = [place.parents[1] / name for name in names]
    for kit, name in zip(kits, names, strict=True):
        bundler("pack", made / name, "--kit", "-o", kit, "--name", NAME, "--directory", str(place))
    return kits


def counted(kit: Path, place: Path, shell: str) -> tuple[str, str]:
    """What one more run finds in its root filesystem and in its volume."""
    ended = run(kit, "-C", str(place), "run", shell=shell)
    assert ended.exit_code == 0, ended.stderr
    return ended.stdout, (place / "volumes/data/counted").read_text()


@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_what_was_written_over_the_same_image_moves_with_the_volumes(made: Path, tmp_path: Path, shell: str) -> None:
    place, units = tmp_path / "srv/web", tmp_path / "units"
    old, new = kits_for(made, place, NAME, "newer")
    assert run(old, "install", str(units), shell=shell).exit_code == 0
    assert counted(old, place, shell) == ("x\n", "x\n")
    upgraded = run(new, "upgrade", str(units), shell=shell)
    assert (upgraded.exit_code, "outside of its volumes" in upgraded.stderr) == (0, False), upgraded.stderr
    assert 'kit: new: /hostname: "newer"' in upgraded.stderr
    assert counted(new, place, shell) == ("x\n" * 2, "x\n" * 2)
    assert run(new, "rollback", str(units), shell=shell).exit_code == 0
    assert counted(old, place, shell) == ("x\n" * 3, "x\n" * 3)
    assert left(place) == []


# Stands before mv on PATH, and looks at the bundle's place after each move.
LOOKING = """#!/bin/sh
/bin/mv "$@" || exit
! grep -qs '"newer"' "$PLACE/config.json" || ls -d "$PLACE/upper/rootfs/counted" >>"$PLACE.seen" 2>&1
"""


def test_the_newer_one_is_never_in_place_without_what_was_written(made: Path, tmp_path: Path) -> None:
    place, units = tmp_path / "srv/web", tmp_path / "units"
    old, new = kits_for(made, place, NAME, "newer")
    assert run(old, "install", str(units)).exit_code == 0
    assert counted(old, place, "sh") == ("x\n", "x\n")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/mv").write_text(LOOKING)
    (tmp_path / "bin/mv").chmod(0o755)
    looking = ["env", f"PATH={tmp_path}/bin:{os.environ['PATH']}", f"PLACE={place}"]
    assert call([*looking, "sh", new / "kit.sh", "upgrade", str(units)]).exit_code == 0
    seen = place.with_name("web.seen").read_text().splitlines()
    assert set(seen) == {str(place / "upper/rootfs/counted")}


@pytest.mark.parametrize("forms", [("dir", NAME), (NAME, "dir")], ids=" to ".join)
@pytest.mark.parametrize("shell", ["sh", "busybox"])
def test_an_upgrade_moves_volumes_and_leaves_the_rest_with_the_older_one(
    made: Path, tmp_path: Path, forms: tuple[str, str], shell: str
) -> None:
    place, units = tmp_path / "srv/web", tmp_path / "units"
    old, new = kits_for(made, place, *forms)

    def written(kit: Path) -> tuple[str, str]:
        return counted(kit, place, shell)

    assert run(old, "install", str(units), shell=shell).exit_code == 0
    assert written(old) == ("x\n", "x\n")
    upgraded = run(new, "upgrade", str(units), shell=shell)
    assert upgraded.exit_code == 0, upgraded.stderr
    assert f"files that the container of {place} wrote outside of its volumes: 1. They stay in" in upgraded.stderr
    assert "bundler upgrade would take them along" in upgraded.stderr
    assert "keeps what its container wrote outside of volumes" in upgraded.stderr
    assert written(new) == ("x\n", "x\n" * 2)
    assert run(new, "rollback", str(units), shell=shell).exit_code == 0
    assert written(old) == ("x\n" * 2, "x\n" * 3)
    assert run(old, "rollback", str(units), shell=shell).exit_code == 0
    assert written(new) == ("x\n" * 2, "x\n" * 4)
    assert run(new, "commit", shell=shell).exit_code == 0
    assert [path.name for path in place.parent.iterdir()] == ["web"]
    assert left(place) == []


def test_a_bundle_whose_image_is_mounted_is_left_alone(made: Path, tmp_path: Path) -> None:
    place, where = tmp_path / "srv/my web", ("--directory", str(tmp_path / "srv/my web"), "--name", "web")
    place.parent.mkdir()
    subprocess.run(["cp", "-a", made / "asleep", place], check=True)
    bundler("pack", made / NAME, "--kit", "-o", tmp_path / "kit", *where)

    def refused() -> bool:
        ended = run(tmp_path / "kit", "upgrade", str(tmp_path / "units"))
        return (ended.exit_code, "systemctl stop web" in ended.stderr) == (2, True)

    command: list[str | Path] = [
        installed(),
        "run",
        "--detach",
        "--id",
        NAME,
        place,
    ]  # the container would hold our pipes
    subprocess.run(command, check=True, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, timeout=60)
    try:
        assert refused()
    finally:
        call(["runc", "delete", "--force", NAME])
    assert left(place) == []
    subprocess.run(["mount", "-t", "erofs", "-o", "loop,ro", place / "rootfs.erofs", place / "rootfs"], check=True)
    assert refused()
    subprocess.run(["umount", place / "rootfs"], check=True)
    assert run(tmp_path / "kit", "upgrade", str(tmp_path / "units")).exit_code == 0
