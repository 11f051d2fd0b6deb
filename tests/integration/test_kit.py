"""`bundler pack --kit`, on a machine that has a kernel, runc and busybox, and no network."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.bare_machine import bare_programs, on_a_bare_machine
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.runtime import Ended, call, command_of
from tests.support.tarballs import character_device, directory, file, hard_link, symlink, tarball
from tests.support.tree import Node, differences, tree
from tests.support.whole_bundle import build_whole, tamperings

pytestmark = [pytest.mark.root, pytest.mark.tool("busybox", "runc", "unshare")]
NAME = "kit-of-a-test"  # also of its container: control groups are shared with other workers
S = 10**9
LONG = "/".join(["long" * 20] * 4)
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
IMAGE = sample(
    tarball(
        directory(".", mtime=S),
        directory("bin", mtime=S),
        file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755, mtime=S),
        file(LONG, b"far down", mtime=S),
        hard_link(LONG + "-too", LONG),
        symlink("link", LONG, mtime=S),
        file("su", b"x", mode=0o6755, owner=(3_000_000, 3_000_000), mtime=S + 123456789, xattrs=CAPABLE),
        file("sparse", b"a" + bytes(3 << 20) + b"b", mtime=S),
        character_device("null", 1, 3, mode=0o666, mtime=S),
    ),
    Cmd=["/bin/busybox", "sh", "-c", "echo ran; echo x >/wrote; ip -o link"],
)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kit")
    layout = write_folder(folder / "layout", layout_files({"1": IMAGE}))
    bundler("build", f"oci:{layout}:1", "-o", NAME, cwd=folder)
    bundler("pack", NAME, "--kit", "-o", "kit", cwd=folder)
    return folder / NAME


@pytest.fixture
def kit(bundle: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "a kit"
    subprocess.run(["cp", "-a", bundle.parent / "kit", copy], check=True)
    return copy


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_programs(tmp_path_factory.mktemp("bin"))


def in_full(nodes: dict[str, Node]) -> dict[str, Node]:
    return {name: node for name, node in nodes.items() if name != "."}  # the folder's time is the unpacker's


def as_busybox_can(nodes: dict[str, Node]) -> dict[str, Node]:
    """Without attributes, the times of directories and links, and fractions of a second."""
    return {
        name: replace(node, xattrs={}, mtime_ns=node.mtime_ns // S if node.type == "file" else 0)
        for name, node in nodes.items()
    }


def test_it_runs_with_runc_and_busybox_alone_and_again(kit: Path, bundle: Path, bare: Path) -> None:
    ended = on_a_bare_machine(bare, kit, "run")
    assert (ended.exit_code, ended.stdout.splitlines()[0]) == (0, "ran")
    assert [line.split()[1] for line in ended.stdout.splitlines()[1:]] == ["lo:"]
    assert "attributes: 1 files" in ended.stderr
    assert (kit / "bundle").stat().st_mode & 0o7777 == 0o700
    (kit / "bundle/rootfs/mine").touch()
    again = on_a_bare_machine(bare, kit, "run")
    assert (again.exit_code, again.stderr, (kit / "bundle/rootfs/mine").exists()) == (0, "", True)
    assert differences(as_busybox_can(tree(bundle)), as_busybox_can(tree(kit / "bundle"))).keys() <= {
        *(f"rootfs/{name}" for name in ("wrote", "mine", "dev", "proc", "sys", "etc")),
        *(f"rootfs/etc/{name}" for name in ("hosts", "hostname", "resolv.conf")),
    }


def test_variables_that_tar_reads_change_nothing(kit: Path, tmp_path: Path) -> None:
    variables = {"TAR_OPTIONS": "--delete", "GZIP": "-l", "POSIXLY_CORRECT": "1", "CDPATH": "/", "ENV": "/missing"}
    done = subprocess.run(
        ["sh", kit / "kit.sh", "-C", tmp_path / "bundle", "unpack"],
        capture_output=True,
        check=False,
        env=os.environ | variables,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "bundle/rootfs").is_dir()


@pytest.mark.tool("crun")
def test_crun_runs_it_too(kit: Path) -> None:
    *before, _ = command_of("crun")
    ended = call([*before, "sh", kit / "kit.sh", "-r", "crun", "-n", f"{NAME}-another", "run"])
    assert (ended.exit_code, ended.stderr, ended.stdout.partition("\n")[0]) == (0, "", "ran")


def test_with_gnu_tar_all_is_restored(kit: Path, bundle: Path, tmp_path: Path) -> None:
    printed = call(["sh", "kit.sh", "-C", tmp_path / "there", "unpack"], cwd=kit)
    assert (printed.exit_code, printed.stdout) == (0, f"{tmp_path / 'there'}\n"), printed.stderr
    bundler("verify", tmp_path / "there")
    assert differences(in_full(tree(bundle)), in_full(tree(tmp_path / "there"))) == {}


def test_bundler_and_busybox_unpack_the_same_bytes(kit: Path, bundle: Path, tmp_path: Path) -> None:
    bundler("unpack", kit / "bundle.tar.gz", "-o", tmp_path / "native")
    assert differences(tree(bundle), tree(tmp_path / "native")) == {}
    (tmp_path / "busybox").mkdir()
    call(["busybox", "tar", "-xzf", kit / "bundle.tar.gz", "-C", tmp_path / "busybox"])
    unpacked = as_busybox_can(tree(tmp_path / "busybox"))
    assert differences(as_busybox_can(tree(bundle)), unpacked) == {}


def test_a_kit_is_the_same_for_the_same_bundle(kit: Path, bundle: Path, tmp_path: Path) -> None:
    subprocess.run(["cp", "-a", bundle, tmp_path / "moved"], check=True)
    env = {"TZ": "Pacific/Kiritimati", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "4242"}
    done = call_bundler("pack", "moved", "--kit", "-o", "other", "--json", cwd=tmp_path, env=env, umask=0o077)
    assert differences(tree(kit), tree(tmp_path / "other")) == {}
    ended = call(["sh", kit / "kit.sh", "verify"])
    assert ended.stdout == f"ok: 4 files, sha256 of SHA256SUMS {json.loads(done.stdout)['sha256']}\n"
    name = f"bundle-{json.loads((bundle / 'bundler.json').read_bytes())['image']['id'][7:19]}"
    assert (kit / "kit.conf").read_text().splitlines()[:3] == [
        "format=3",
        f"name={name}",
        f"directory=/srv/bundles/{name}",
    ]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def instead(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


SPOILING: tuple[Callable[[Path], object], ...] = (
    flip,
    halve,
    Path.unlink,
    lambda path: instead(path, lambda there: there.symlink_to("/etc/passwd")),
    lambda path: instead(path, os.mkfifo),
    lambda path: instead(path, lambda there: os.mknod(there, 0o20644, os.makedev(1, 5))),
    lambda path: instead(path, Path.mkdir),
)


@pytest.mark.parametrize("spoiled", ["bundle.tar.gz", "kit.conf", "SHA256SUMS", "units"])
def test_a_damaged_kit_is_refused_before_anything_is_done(kit: Path, bare: Path, spoiled: str) -> None:
    subprocess.run(["cp", "-a", kit, kit.with_name("whole")], check=True)
    for spoil in SPOILING:
        shutil.rmtree(kit)
        subprocess.run(["cp", "-a", kit.with_name("whole"), kit], check=True)
        (path,) = (kit / "units").iterdir() if spoiled == "units" else [kit / spoiled]
        spoil(path)
        for command in ("verify", "unpack", "run", "install"):
            ended = on_a_bare_machine(bare, kit, command)
            assert ended.exit_code in (3, 6)
            assert ended.stdout == ""
            assert ended.stderr.startswith("kit: error: ")
            damaged = ended.stderr.splitlines()[0].partition("the kit is damaged: ")[2].split()
            assert sorted(set(damaged)) == sorted(damaged)
            if damaged and spoiled != "SHA256SUMS":
                assert damaged == [str(path.relative_to(kit))]
    assert not (kit / "bundle").exists()


def test_what_is_in_the_way_is_left_alone(kit: Path, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "mine")
    for place in ("mine", "link"):
        ended = on_a_bare_machine(bare, kit, "-C", tmp_path / place, "unpack")
        assert (ended.exit_code, "is there already" in ended.stderr) == (2, True)
    for words in ((), ("dance",), ("-x", "run"), ("-n", "$(id)", "run"), ("-r", "none", "run")):
        ended = on_a_bare_machine(bare, kit, *words)
        assert (ended.exit_code != 0, ended.stdout) == (True, "")
    assert list((tmp_path / "mine").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a kit", "link", "mine"]


def test_it_installs_the_bundle_and_its_unit(bundle: Path, tmp_path: Path) -> None:
    place, units = tmp_path / "srv/web", tmp_path / "units"
    bundler("pack", bundle, "--kit", "-o", tmp_path / "kit", "--name", "web", "--directory", str(place))
    for _ in range(2):
        ended = call(["sh", tmp_path / "kit/kit.sh", "install", units])
        assert (ended.exit_code, ended.stdout) == (0, f"{place}\n"), ended.stderr
    assert (units / "web.service").read_text() == (tmp_path / "kit/units/web.service").read_text()
    assert f"{place}" in (units / "web.service").read_text()
    bundler("verify", place)
    (units / "web.service").write_text("another")
    assert call(["sh", tmp_path / "kit/kit.sh", "install", units]).exit_code == 2


@pytest.mark.parametrize("words", [("-C", "/elsewhere"), ("-n", "other"), ("-r", "crun")], ids=lambda words: words[0])
def test_what_the_units_do_not_say_is_not_installed(kit: Path, tmp_path: Path, words: tuple[str, str]) -> None:
    ended = call(["sh", kit / "kit.sh", *words, "install", tmp_path / "units"])
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert f"install: {words[0]} would not reach the units" in ended.stderr
    assert not (tmp_path / "units").exists()


def test_an_init_that_the_machine_lacks_is_told_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("{init: /usr/bin/no-such-init, command: ['true'], entrypoint: []}")
    layout = write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))
    bundler("build", f"oci:{layout}:1", "--overrides", tmp_path / "o.yaml", "-o", tmp_path / "b")
    packed = call_bundler("pack", tmp_path / "b", "--kit", "-o", tmp_path / "kit")
    assert "the machine needs /usr/bin/no-such-init" in packed.stderr
    for command in (["run"], ["install", tmp_path / "units"]):
        ended = call(["sh", tmp_path / "kit/kit.sh", *command])
        assert (ended.exit_code, ended.stdout) == (5, "")
        assert "begins with /usr/bin/no-such-init, which is not here" in ended.stderr
        assert "embed: true" in ended.stderr
    assert not (tmp_path / "kit/bundle").exists()


def test_a_kit_of_another_format_is_refused(kit: Path) -> None:
    constants, sums = kit / "kit.conf", kit / "SHA256SUMS"
    before = hashlib.sha256(constants.read_bytes()).hexdigest()
    constants.write_text(constants.read_text().replace("format=3\n", "format=4\n"))
    sums.write_text(sums.read_text().replace(before, hashlib.sha256(constants.read_bytes()).hexdigest()))
    ended = call(["sh", kit / "kit.sh", "unpack"])
    assert (ended.exit_code, ended.stdout) == (3, "")
    assert "kit.conf has the format 4, and this script reads 3" in ended.stderr


def test_failures_of_packing_are_one_line_and_a_hint(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    for words, code in (
        (("pack", bundle, "--kit", "-o", "there"), 2),
        (("pack", bundle, "--kit", "-o", "there", "--force"), 2),
        (("pack", bundle, "--kit", "-o", bundle / "kit"), 2),
        (("pack", bundle, "--kit", "-o", "kit", "--name", "a b"), 2),
        (("pack", bundle, "--kit", "-o", "kit", "--directory", "here"), 2),
        (("pack", bundle, "-o", "b.tar", "--name", "x"), 2),
        (("pack", tmp_path, "--kit", "-o", "kit"), 2),
    ):
        done = call_bundler(*words, cwd=tmp_path)
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert 1 <= len(done.stderr.splitlines()) <= 2
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.fixture(scope="module")
def whole_kit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    bundler("pack", build_whole(folder), "--kit", "-o", "kit", cwd=folder)
    return folder / "kit"


def unpacked(kit: Path, place: Path, *words: str) -> Ended:
    return call(["sh", kit / "kit.sh", "-C", place, *(words or ("unpack",))])


@pytest.mark.parametrize(
    "path",
    [
        "config.json",
        "etc",
        "etc/docker-init",
        "etc/hosts",
        "hooks",
        "hooks/hook",
        "own",
        "shm",
        "volumes",
        "volumes/data",
    ],
)
def test_what_was_tampered_with_since_it_was_unpacked_does_not_run(whole_kit: Path, tmp_path: Path, path: str) -> None:
    place = tmp_path / "bundle"
    is_data = path in ("own", "shm", "volumes/data")
    assert unpacked(whole_kit, place).exit_code == 0
    assert unpacked(whole_kit, place).exit_code == 0
    subprocess.run(["cp", "-a", place, tmp_path / "copy"], check=True)
    for name, tamper in tamperings(place / path, is_data=is_data).items():
        subprocess.run(["rm", "-rf", place], check=True)
        subprocess.run(["cp", "-a", tmp_path / "copy", place], check=True)
        if path.startswith("etc/") and name == "of another owner":  # the container's root, in a user namespace
            continue
        tamper(place / path)
        ended = unpacked(whole_kit, place, "run", "--help")
        assert (ended.exit_code, "is not what was packed" in ended.stderr) == (6, True), (name, ended)


def test_a_folder_that_another_user_has_made_is_not_taken_for_the_bundle(whole_kit: Path, tmp_path: Path) -> None:
    place = tmp_path / "bundle"
    assert unpacked(whole_kit, place).exit_code == 0
    (place / "config.json").write_text("{}")
    assert unpacked(whole_kit, place).exit_code == 6
    shutil.rmtree(place)
    assert unpacked(whole_kit, place).exit_code == 0
    os.chown(place, 1234, 1234)
    assert unpacked(whole_kit, place).exit_code == 6
    os.chown(place, 0, 0)
    assert unpacked(whole_kit, place).exit_code == 0
    place.chmod(0o777)
    assert unpacked(whole_kit, place).exit_code == 6


@pytest.mark.parametrize(("uid", "mode", "is_safe"), [(0, 0o777, False), (1234, 0o755, False), (0, 0o1777, True)])
def test_a_folder_in_which_others_may_exchange_names_is_no_place(
    whole_kit: Path, tmp_path: Path, uid: int, mode: int, is_safe: bool
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    assert unpacked(whole_kit, shared / "before").exit_code == 0
    os.chown(shared, uid, -1)
    shared.chmod(mode)
    assert (unpacked(whole_kit, shared / "before").exit_code == 0) == is_safe
    assert (unpacked(whole_kit, shared / "new").exit_code == 0) == is_safe
    assert (shared / "new").exists() == is_safe
