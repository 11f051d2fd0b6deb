"""What people do with a bundle, one after the other: no step gets in the way of the next, whatever the image."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.ordinary_user import folder_of_a_user
from tests.support.runtime import Name, run
from tests.support.service_images import IMAGES, service_archive

TOOLS = ("debootstrap", "umoci", "apt-get", "runc", "crun", "busybox", "mksquashfs", "mkfs.erofs")
pytestmark = [pytest.mark.root, *(pytest.mark.tool(name) for name in TOOLS)]
RUNTIMES: tuple[Name, ...] = ("runc", "crun")
# Everything of the image but what it starts, which would not end.
ENDING = "entrypoint: [/bin/sh, -c, 'echo alive']\ncommand: []\n"
# What a small image is run with; `target` says what the machine has at a path, as `--target host` finds out.
SETTINGS = {
    "Docker's defaults": "",
    "a writable rootfs": "read_only: false",
    "the machine's network": "network_mode: host",
    "volumes inside each other": "volumes: ['v:/v', 'w:/v/w', 'x:/v/w/x']\ntmpfs: [/v/w/tmp, /v/w/x/tmp]",
    "a volume that is not filled": "volumes: [{type: volume, source: v, target: /v, volume: {nocopy: true}}, 'w:/v/w']",
    "a folder of the bundle": "volumes: ['./own:/a/b/c']",
    "a mount below a tmpfs": "tmpfs: [/run]\nvolumes: ['v:/run/v']",
    "files of the machine": "volumes: ['/etc/hostname:/etc/machine.name:ro', '/etc/passwd:/srv/passwd:ro']",
    "a file that the target has": "volumes: ['/etc/shells:/srv/shells:ro']\ntarget: {sources: {/etc/shells: file}}",
    "its own files in etc": "etc_files: {hosts: image, resolv_conf: image, hostname: image}",
    "mounts in the spec's words": "mounts: [{destination: /scratch/x, type: tmpfs, source: tmpfs}]",
    "no file system but the kernel's": "remove_mounts: [/dev/mqueue, /dev/shm, /sys/fs/cgroup, '/etc/*']",
    "a mount in spec_patch": "spec_patch: [{op: add, path: /mounts/-, value: {destination: /p, type: tmpfs}}]",
    "a directory to work in": "working_dir: /srv/app",
    "shared memory of its own": "ipc: shareable",
    "devices outside of /dev": "devices: ['/dev/fuse:/opt/new/fuse', '/dev/net/tun:/srv/tun']",
    "an id map": "uid_map: ['0:100000:65536']\ngid_map: ['0:100000:65536']",
}  # fmt: skip


@pytest.fixture(scope="module", params=IMAGES)
def service(
    request: pytest.FixtureRequest, debian: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A bundle of a service's image, read-only, with the image's user, volumes and working directory."""
    folder = tmp_path_factory.mktemp(request.param)
    image = f"docker-archive:{service_archive(debian, cache)}:services/{request.param}:1"
    return built(folder, image, "read_only: true\n" + ENDING)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the users of a user namespace can get to."""
    with folder_of_a_user() as folder:
        yield folder


def built(folder: Path, image: str, settings: str) -> Path:
    (folder / "o.yaml").write_text(settings)
    bundler("build", image, "--overrides", folder / "o.yaml", "-o", folder / "b")
    return folder / "b"


def assert_runs(bundle: Path) -> None:
    for runtime in RUNTIMES:
        ended = run(bundle, runtime)
        assert (ended.exit_code, ended.stdout) == (0, "alive\n"), f"{runtime}: {ended.stderr}"


def assert_unchanged(bundle: Path) -> None:
    done = call_bundler("verify", bundle)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@contextmanager
def mounted(source: Path, target: Path, options: str) -> Iterator[Path]:
    target.mkdir()
    subprocess.run(["mount", "-o", options, source, target], check=True)
    if options == "bind":
        subprocess.run(["mount", "-o", "remount,bind,ro", target], check=True)
    try:
        yield target
    finally:
        subprocess.run(["umount", target], check=True)


def test_what_has_run_is_packed_and_carried_and_runs_again(service: Path, tmp_path: Path) -> None:
    assert_runs(service)
    assert_unchanged(service)
    bundler("pack", service, "-o", tmp_path / "b.tar.zst", "--level", "1")
    bundler("unpack", tmp_path / "b.tar.zst", "-o", tmp_path / "again")
    assert_runs(tmp_path / "again")
    assert_unchanged(tmp_path / "again")


def test_a_service_starts_from_what_cannot_be_written_to(service: Path, tmp_path: Path) -> None:
    with mounted(service, tmp_path / "read-only", "bind") as bundle:
        assert_runs(bundle)
    assert_unchanged(service)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_a_fresh_bundle_starts_from_an_image_of_a_disk(
    golden_archives: dict[str, Path], folder: Path, settings: str
) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    read_only = "" if "read_only" in settings else "read_only: true\n"
    bundle = built(folder, image, f"{read_only}{ENDING}{settings}\n")
    for kind in ("squashfs", "erofs") if not settings else ("squashfs",):
        bundler("pack", bundle, "-o", folder / f"b.{kind}")
        with mounted(folder / f"b.{kind}", folder / kind, "loop,ro") as packed:
            assert_runs(packed)
    assert_runs(bundle)
    assert_unchanged(bundle)


def test_what_only_the_machine_knows_is_made_by_the_runtime_and_packed_as_if_it_had_not_run(
    golden_archives: dict[str, Path], tmp_path: Path
) -> None:
    image = f"docker-archive:{golden_archives['docker28']}:golden/plain:1"
    (tmp_path / "file").touch()
    volumes = (
        f"volumes: ['{tmp_path}/file:/srv/deep/file', '{tmp_path}:/mnt/machine', '{tmp_path}/file:/etc/one.conf']\n"
    )
    bundle = built(tmp_path, image, ENDING + volumes)
    assert not (bundle / "rootfs/srv/deep").exists()
    bundler("pack", bundle, "-o", tmp_path / "fresh.tar")
    assert_runs(bundle)
    assert (bundle / "rootfs/srv/deep/file").is_file()
    assert_unchanged(bundle)
    bundler("pack", bundle, "-o", tmp_path / "run.tar")
    assert (tmp_path / "run.tar").read_bytes() == (tmp_path / "fresh.tar").read_bytes()
    (bundle / "rootfs/srv/deep/file").write_text("no mount point any more")
    assert call_bundler("verify", bundle).returncode == 6
    assert call_bundler("pack", bundle, "-o", tmp_path / "changed.tar").returncode == 6

    known = tmp_path / "known"
    known.mkdir()
    sources = f"target: {{sources: {{{tmp_path}/file: file, {tmp_path}: directory}}}}\n"
    assert (built(known, image, ENDING + volumes + sources) / "rootfs/srv/deep/file").is_file()
    bundler("build", image, "--overrides", tmp_path / "o.yaml", "--target", "host", "-o", known / "host")
    assert (known / "host/rootfs/srv/deep/file").is_file()
    assert (known / "host/rootfs/mnt/machine").is_dir()
