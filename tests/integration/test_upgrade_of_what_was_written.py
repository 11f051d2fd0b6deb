"""`bundler upgrade` of a bundle whose container has written into its root filesystem: it moves along, or it is told."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.memory_disk import memory_disk
from tests.support.tarballs import Member, character_device, directory, file, symlink, tarball
from tests.support.tree import Node, tree
from tests.support.written_over import written_over

pytestmark = [pytest.mark.root, pytest.mark.tool("mount")]
SAME = [
    *(directory(name) for name in ("etc", "doc", "srv", "becomes-file", "owned", "tmp/inner")),
    directory("tmp", mode=0o1777, owner=(7, 8)),
    *(file(name, "built") for name in ("conf", "doc/a", "doc/b", "gone", "becomes-folder", "becomes-file/a")),
    file("touched", "built", mtime=5),
    character_device("null", 1, 3),
]
OLD = [file("both", "built"), file("removed", "built"), directory("moved"), file("moved/a", "built")]
NEW = [file("both", "newer"), file("removed", "newer"), symlink("moved", "/var/outside"), file("only-new", "newer")]
MOVING = {
    "becomes-file", "becomes-folder", "becomes-folder/in", "conf", "doc", "gone", "holes", "link", "null", "owned",
    "srv/app", "srv/app/data", "srv/app/fifo", "srv/app/zz", "tmp/inner/file", "touched",
}  # fmt: skip
CLASHING = {"both", "moved/b", "removed"}
FORMS = ("dir", "erofs")


def archive(folder: Path, word: str, *members: Member) -> None:
    layer = tarball(*SAME, *members)
    write_archive(folder / f"{word}.tar", layout_files({"1": sample(layer, Cmd=["/x"])}))


@contextmanager
def writable(bundle: Path) -> Iterator[Path]:
    """What the bundle's container sees, and can write to."""
    if (bundle / "rootfs.erofs").exists():
        with written_over(bundle) as rootfs:
            yield rootfs
    else:
        yield bundle / "rootfs"


def write(root: Path) -> None:
    """What a container does in its root filesystem."""
    (root / "conf").write_text("mine")
    (root / "both").write_text("mine")
    (root / "moved/b").write_text("mine")
    for name in ("gone", "removed", "becomes-folder", "doc/a", "doc/b", "becomes-file/a", "null"):
        (root / name).unlink()
    for name in ("doc", "becomes-file"):
        (root / name).rmdir()
    (root / "becomes-file").write_text("mine")
    (root / "becomes-folder").mkdir(mode=0o700)
    (root / "becomes-folder/in").write_text("mine")
    os.mknod(root / "null", 0o20600, os.makedev(1, 5))
    os.chown(root / "owned", 33, 44)
    os.utime(root / "touched", (9, 9))
    (root / "link").symlink_to("/etc/shadow")
    fill(root / "srv/app")
    (root / "tmp/inner/file").write_text("mine")
    with (root / "holes").open("wb") as stream:
        stream.seek(4 << 20)
        stream.write(b"end")


def fill(folder: Path) -> None:
    folder.mkdir(mode=0o2750)
    (folder / "data").write_text("mine")
    os.chown(folder / "data", 999, 3_000_000)
    (folder / "data").chmod(0o4640)
    os.setxattr(folder / "data", "user.note", b"a\0b")
    os.link(folder / "data", folder / "zz")
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:  # it belongs to a process
        here = os.open(folder, os.O_PATH)
        listening.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)


def seen(bundle: Path) -> dict[str, Node]:
    with writable(bundle) as root:
        return tree(root)


def without_times(nodes: dict[str, Node], names: set[str]) -> dict[str, object]:
    """A directory is dated by what is made in it."""
    return {name: (node.type, node.mode, node.owner, node.content, node.xattrs, node.same_as,
                   node.type == "directory" or (node.size, node.mtime_ns)) if (node := nodes.get(name)) else None
            for name in names}  # fmt: skip


@pytest.mark.tool("mkfs.erofs")
@pytest.mark.parametrize("new_form", FORMS)
@pytest.mark.parametrize("old_form", FORMS)
def test_it_moves_along_unless_the_new_image_has_changed_it_too(tmp_path: Path, old_form: str, new_form: str) -> None:
    archive(tmp_path, "old", *OLD)
    archive(tmp_path, "new", *NEW)
    bundle, old = tmp_path / "b", tmp_path / "b.old"
    bundler("build", "-q", "old.tar", "--rootfs", old_form, "-o", "b", cwd=tmp_path)
    bundler("build", "-q", "new.tar", "--rootfs", new_form, "-o", "n", cwd=tmp_path)
    newer = seen(tmp_path / "n")
    with writable(bundle) as root:
        write(root)
    before = seen(bundle)
    verified = call_bundler("verify", bundle).returncode
    told = call_bundler("upgrade", "b", "n", "--dry-run", cwd=tmp_path)
    assert (told.returncode, seen(bundle)) == (0, before)
    assert f"{len(MOVING)} changes that the container made in its rootfs move along: /becomes-file" in told.stderr
    assert (
        "3 changes that the container made in its rootfs stay in b.old: /both (the new image has changed it, too)"
        in told.stderr
    )
    done = json.loads(bundler("upgrade", "b", "n", "--json", cwd=tmp_path))
    assert (set(done["moving"]), {each["path"] for each in done["clashing"]}) == (MOVING, CLASHING)
    assert (old / "rootfs.erofs").exists() == (old_form == "erofs")
    after = seen(bundle)
    assert without_times(after, MOVING) == without_times(before, MOVING)
    others = newer.keys() - MOVING - {name for name in newer if name.startswith(("doc/", "becomes-file/"))}
    assert without_times(after, others) == without_times(newer, others)
    assert after.keys() == {*others, *MOVING} - {"doc", "gone"}
    assert (bundle / "rootfs/holes").exists() == (new_form == "dir")
    assert call_bundler("verify", bundle).returncode == (verified if old_form == new_form else 6 - verified)
    assert seen(old) == before
    bundler("rollback", bundle)
    assert seen(bundle) == before
    assert not Path("/var/outside").exists()


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """One of two images that differ in a file, whose container has written two files."""
    archive(tmp_path, "old", *OLD)
    archive(tmp_path, "new", *NEW)
    bundler("build", "-q", "old.tar", "-o", "b", cwd=tmp_path)
    for name in ("srv/mine", "both"):
        (tmp_path / "b/rootfs" / name).write_text("mine")
    return tmp_path / "b"


def test_what_was_written_since_stays_with_the_newer_one_and_is_told(bundle: Path) -> None:
    bundler("upgrade", "b", "new.tar", cwd=bundle.parent)
    unchanged = call_bundler("rollback", bundle)
    assert "container" not in unchanged.stderr
    bundler("rollback", bundle)
    (bundle / "rootfs/srv/since").write_text("since")
    (bundle / "rootfs/srv/mine").write_text("since")
    back = call_bundler("rollback", bundle)
    assert f"2 changes that the container made in its rootfs stay in {bundle}.old" in back.stderr
    assert (bundle / "rootfs/srv/mine").read_text() == (bundle / "rootfs/both").read_text() == "mine"
    assert not (bundle / "rootfs/srv/since").exists()
    bundler("rollback", bundle)
    assert (bundle / "rootfs/srv/since").read_text() == (bundle / "rootfs/srv/mine").read_text() == "since"
    assert (bundle / "rootfs/both").read_text() == "newer"


def test_what_a_mount_of_the_new_one_would_cover_stays_behind(bundle: Path) -> None:
    (bundle.parent / "o.yaml").write_text("volumes: [data:/srv]\n")
    done = call_bundler("upgrade", "b", "old.tar", "--overrides", "o.yaml", "--allow-looser", cwd=bundle.parent)
    assert "/srv/mine (the new bundle mounts something there)" in done.stderr
    assert (bundle / "rootfs/both").read_text() == "mine"
    assert not (bundle / "rootfs/srv/mine").exists()
    assert not (bundle / "volumes/data/mine").exists()
    assert (bundle.with_name("b.old") / "rootfs/srv/mine").read_text() == "mine"


def test_it_stays_where_it_is_if_that_is_said(bundle: Path) -> None:
    done = call_bundler("upgrade", "b", "new.tar", "--leave-changes", cwd=bundle.parent)
    assert "2 changes that the container made in its rootfs stay in b.old" in done.stderr
    assert not (bundle / "rootfs/srv/mine").exists()
    bundler("verify", bundle)
    bundler("rollback", bundle)
    assert (bundle / "rootfs/srv/mine").read_text() == "mine"


def test_a_root_filesystem_as_it_was_built_costs_no_word(bundle: Path) -> None:
    bundler("build", "-q", "old.tar", "-o", "b", "--force", cwd=bundle.parent)
    done = call_bundler("upgrade", "b", "new.tar", cwd=bundle.parent)
    assert "container" not in done.stderr
    bundler("verify", bundle)


@pytest.mark.parametrize("obstacle", ["a manifest of another", "other users", "a read-only image"])
def test_what_cannot_move_along_is_refused_unless_it_is_to_stay(bundle: Path, obstacle: str) -> None:
    words = ["upgrade", "b", "new.tar", "--allow-looser"]
    if obstacle == "other users":
        words += ["--uid-map", "0:100000:65536", "--gid-map", "0:100000:65536"]
    elif obstacle == "a read-only image":
        (bundle.parent / "o.yaml").write_text("rootfs: {format: erofs}\nread_only: true\n")
        words += ["--overrides", "o.yaml"]
    else:
        with (bundle / "rootfs.mtree").open("ab") as lines:
            lines.write(b"./x type=file\n")
    refused = call_bundler(*words, cwd=bundle.parent)
    assert (refused.returncode, (bundle / "rootfs/both").read_text()) == (2, "mine"), refused.stderr
    assert "what the container wrote into its root filesystem cannot move along" in refused.stderr
    assert "--leave-changes: it stays in b.old" in refused.stderr
    bundler(*words, "--leave-changes", cwd=bundle.parent)
    assert (bundle.with_name("b.old") / "rootfs/both").read_text() == "mine"


def test_users_of_a_namespace_stay_who_they_are(bundle: Path) -> None:
    maps = ("--uid-map", "0:100000:65536", "--gid-map", "0:100000:65536")
    bundler("build", "-q", "old.tar", "-o", "b", "--force", *maps, cwd=bundle.parent)
    (bundle / "rootfs/srv/mine").write_text("mine")
    os.chown(bundle / "rootfs/srv/mine", 100033, 100044)
    bundler("upgrade", "b", "new.tar", *maps, cwd=bundle.parent)
    status = (bundle / "rootfs/srv/mine").stat()
    assert (status.st_uid, status.st_gid) == (100033, 100044)


@pytest.mark.tool("mkfs.erofs")
def test_what_both_containers_wrote_is_not_mixed(bundle: Path) -> None:
    bundler("build", "-q", "new.tar", "--rootfs", "erofs", "-o", "n", cwd=bundle.parent)
    with writable(bundle.parent / "n") as root:
        (root / "srv/its-own").touch()
    refused = call_bundler("upgrade", "b", "n", cwd=bundle.parent)
    assert (refused.returncode, "comes with what its own container wrote" in refused.stderr) == (2, True)
    bundler("upgrade", "b", "n", "--leave-changes", cwd=bundle.parent)
    assert (bundle / "upper/rootfs/srv/its-own").exists()


@pytest.mark.tool("mkfs.erofs")
def test_what_says_something_to_an_overlay_says_nothing_there(bundle: Path) -> None:
    folder = bundle / "rootfs/etc"
    (folder / "mine").mkdir()
    os.setxattr(folder / "mine", "trusted.overlay.opaque", b"y")
    os.mknod(folder / "hidden", 0o20000, os.makedev(0, 0))
    (bundle.parent / "o.yaml").write_text("rootfs: {format: erofs}\n")
    done = call_bundler("upgrade", "b", "old.tar", "--overrides", "o.yaml", cwd=bundle.parent)
    assert "/etc/hidden (over an image, such a device says that there is no file)" in done.stderr
    assert not (bundle / "upper/rootfs/etc/hidden").exists()
    assert os.listxattr(bundle / "upper/rootfs/etc/mine") == ["trusted.overlay.overlay.opaque"]
    assert (bundle / "upper/rootfs/srv/mine").read_text() == "mine"


def test_what_does_not_fit_a_second_time_changes_nothing(bundle: Path) -> None:
    with memory_disk(bundle.with_name("disk"), "4m") as disk:
        bundler("build", "-q", bundle.with_name("old.tar"), "-o", disk / "b")
        (disk / "b/rootfs/large").write_bytes(b"x" * (3 << 20))
        done = call_bundler("upgrade", disk / "b", bundle.with_name("new.tar"))
        assert (done.returncode, "no space left" in done.stderr) == (1, True), done.stderr
        assert sorted(path.name for path in disk.iterdir()) == ["b"]
        assert (disk / "b/rootfs/both").read_text() == "built"
        bundler("upgrade", disk / "b", bundle.with_name("new.tar"), "--leave-changes")
