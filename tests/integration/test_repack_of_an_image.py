"""`bundler repack` of a bundle whose root filesystem is an image: what was written over it is the layer."""

import os
import shutil
import socket
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from bundler import BuildRequest
from bundler import build as build_bundle
from bundler.errors import BundlerError
from bundler.repack.repacking import repack
from bundler.store.repacked import Destination, History
from tests.integration.test_repack import IMAGE, build, change, in_seconds
from tests.support.command import bundler, call_bundler
from tests.support.erofs_images import seen_by_the_kernel
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.layouts import layers_above
from tests.support.ordinary_user import USER, as_user, folder_of_a_user
from tests.support.runtime import call
from tests.support.tar_reading import names
from tests.support.tarballs import directory, file, hard_link, symlink, tarball
from tests.support.tree import Node, differences, tree
from tests.support.written_over import written_over

pytestmark = [pytest.mark.root, pytest.mark.tool("umoci")]
S = 10**9
# What a container of Docker's capabilities can do to files, with nothing but busybox.
SCRIPT = r"""
set -e
cd /
echo changed >etc/motd; chmod 640 etc/motd
rm -r gone; rm one
rm -r opaque; mkdir opaque; echo new >opaque/b
mkdir -p new/deep; echo x >new/deep/file; ln new/deep/file new/second; ln -s deep/file new/link; mkfifo new/fifo
chown 33:44 owned; chmod 4711 owned
rm -r to-file; echo file >to-file
rm to-folder; mkdir to-folder; echo in >to-folder/x
mv moved elsewhere
chmod 700 same; chmod 755 same
mknod new/null c 1 3
rm link; ln -s etc link
rm back; echo back >back
"""
SERVICE = tarball(
    directory(".", mtime=S),
    *(directory(name, mtime=S) for name in ("bin", "etc", "gone", "opaque", "to-file", "same", "moved", "tmp")),
    file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755, mtime=S),
    *(symlink(f"bin/{name}", "busybox", mtime=S) for name in ("sh", "touch")),
    file("etc/motd", b"hello", mtime=S),
    *(
        file(f"{name}/{each}", each.encode(), mtime=S)
        for name in ("gone", "opaque", "to-file", "moved")
        for each in "ab"
    ),
    *(file(name, b"1", mtime=S) for name in ("one", "owned", "to-folder", "back", "unchanged")),
    hard_link("two", "unchanged"),
    symlink("link", "gone", mtime=S),
)


def undated(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Without the times of what two containers did at two times."""
    return {name: replace(node, mtime_ns=node.mtime_ns if node.mtime_ns <= S else 0) for name, node in nodes.items()}


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))


@pytest.fixture
def bundle(layout: Path, tmp_path: Path) -> Path:
    return build(layout, "1", tmp_path / "b", "--rootfs", "erofs")


@pytest.mark.tool("runc")
def test_the_same_container_makes_the_same_image_of_both_forms(tmp_path: Path) -> None:
    image = sample(SERVICE, Cmd=["/bin/busybox", "sh", "-c", "/bin/busybox --install -s /tmp; PATH=/tmp; " + SCRIPT])
    layout = write_folder(tmp_path / "layout", layout_files({"1": image}))
    trees = {}
    for form in ("dir", "erofs"):
        bundle = build(layout, "1", tmp_path / form, "--rootfs", form)
        name = f"bundler-repack-{os.getpid()}"
        ended = call_bundler("run", "--runtime", "runc", "--id", name, bundle)
        call(["runc", "delete", "--force", name])
        assert (ended.returncode, ended.stdout + ended.stderr) == (0, "")
        bundler("repack", bundle, f"oci:{layout}:{form}")
        trees[form] = undated(tree(build(layout, form, tmp_path / f"{form}-again") / "rootfs"))
        image_of_it = build(layout, form, tmp_path / f"{form}-image", "--rootfs", "erofs")
        assert differences(undated(seen_by_the_kernel(image_of_it / "rootfs.erofs")), trees[form]) == {}
    assert differences(trees["dir"], trees["erofs"]) == {}
    assert not {"gone", "one", "moved", "opaque/a", "to-file/a"} & trees["erofs"].keys()


def test_what_is_built_again_is_what_the_container_saw(layout: Path, bundle: Path, tmp_path: Path) -> None:
    with written_over(bundle) as root:
        change(root)
        seen = in_seconds(tree(root))
    before = tree(bundle)
    bundler("repack", bundle, f"oci:{layout}:new")
    assert tree(bundle) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "layout"]
    again = in_seconds(tree(build(layout, "new", tmp_path / "again") / "rootfs"))
    # An overlay parts the names of a file that is written to by one of them.
    assert (again["etc/motd"].same_as, again["etc/motd2"].same_as) == ("etc/motd", "etc/motd2")
    assert differences(seen, again) == {}


def test_only_what_is_different_is_in_the_layer_and_always_the_same_bytes(layout: Path, bundle: Path) -> None:
    with written_over(bundle) as root:
        (root / "dir/deep/deeper/c").write_text("c")
        (root / "dir/a").unlink()
        os.utime(root / "dir", (1, 1))
        os.utime(root / "dir/b", (2, 2))
        os.utime(root / "dir/b", (1, 1))  # as it was: it is in the upper folder all the same
    assert (bundle / "upper/rootfs/dir/b").exists()
    first = bundler("repack", bundle, f"oci:{layout}:new")
    (layer,) = layers_above(layout, "new", 2)
    assert names(layer) == [b"dir/.wh.a", b"dir/deep/deeper/c"]
    assert bundler("repack", bundle, f"oci:{layout}:new", "--force") == first


def touch_nothing(root: Path) -> None:
    (root / "new").touch()
    (root / "new").unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(root / "dir/deep/s"))
    os.utime(root / "dir/deep", (0, 0))


@pytest.mark.parametrize("change", [None, lambda _root: None, touch_nothing])
def test_an_image_without_changes_is_the_same_image(
    layout: Path, bundle: Path, change: Callable[[Path], object] | None
) -> None:
    if change is not None:
        with written_over(bundle) as root:
            change(root)
    assert "nothing was changed" in call_bundler("repack", bundle, f"oci:{layout}:same").stderr


def remove_folder(upper: Path) -> None:
    os.mknod(upper / "becomes-a-file", 0o20000)


def mark(name: str, value: bytes = b"y") -> Callable[[Path], None]:
    def set_on_folder(upper: Path) -> None:
        (upper / "dir").mkdir()
        os.setxattr(upper / "dir", name, value)

    return set_on_folder


@pytest.mark.parametrize(
    ("change", "owner", "gone"),
    [
        (remove_folder, 0, ["becomes-a-file"]),
        (mark("trusted.overlay.opaque"), 0, ["dir/a", "dir/b", "dir/deep"]),
        (mark("user.overlay.opaque"), 1000, ["dir/a", "dir/b", "dir/deep"]),
    ],
)
def test_what_the_kernel_hides_is_gone(
    layout: Path, tmp_path: Path, change: Callable[[Path], None], owner: int, gone: list[str]
) -> None:
    bundle = build(layout, "1", tmp_path / "b", "--rootfs", "erofs")
    upper = bundle / "upper/rootfs"
    upper.mkdir(parents=True)
    os.chown(upper.parent, owner, owner)
    change(upper)
    bundler("repack", bundle, f"oci:{layout}:new")
    before, after = (tree(build(layout, tag, tmp_path / f"b-{tag}") / "rootfs") for tag in ("1", "new"))
    assert [name for name in before if name not in after] == sorted(
        name for name in before if any(name == each or name.startswith(f"{each}/") for each in gone)
    )


def test_the_kernels_own_attributes_stay_in_the_folder(layout: Path, bundle: Path, tmp_path: Path) -> None:
    upper = bundle / "upper/rootfs"
    (upper / "dir").mkdir(parents=True)
    for name in ("trusted.overlay.origin", "trusted.overlay.impure", "trusted.other"):
        os.setxattr(upper / "dir", name, b"y")
    bundler("repack", bundle, f"oci:{layout}:new")
    again = tree(build(layout, "new", tmp_path / "again") / "rootfs")
    assert again["dir"].xattrs == {"trusted.other": b"y"}


@pytest.mark.tool("runc")
def test_what_running_leaves_behind_is_no_change(tmp_path: Path) -> None:
    busybox = file("bin/busybox", Path("/bin/busybox").read_bytes(), 0o755)
    contents = tarball(busybox, symlink("var", "data"), directory("data"), directory("other"))
    layout = write_folder(tmp_path / "layout", layout_files({"1": sample(contents, Cmd=["/bin/busybox", "true"])}))
    (tmp_path / "folder/file").parent.mkdir()
    (tmp_path / "folder/file").touch()
    volumes = f"'{tmp_path}/folder/file:/var/machine', '{tmp_path}/folder:/far/down'"
    (tmp_path / "o.yaml").write_text(f"volumes: [{volumes}]\n")
    bundle = build(layout, "1", tmp_path / "b", "--rootfs", "erofs", f"--overrides={tmp_path / 'o.yaml'}")
    bundler("run", "--runtime", "runc", "--rm", bundle)
    assert (bundle / "upper/rootfs/far/down").is_dir()
    assert "nothing was changed" in call_bundler("repack", bundle, f"oci:{layout}:2").stderr

    bundler("run", "--runtime", "runc", "--rm", bundle, "--", "/bin/busybox", "touch", "/other/file")
    bundler("repack", bundle, f"oci:{layout}:3")
    (layer,) = layers_above(layout, "3", 1)
    assert names(layer) == [b"other/", b"other/file"]


def test_ids_of_a_user_namespace_are_taken_back(layout: Path, tmp_path: Path) -> None:
    ids = "--uid-map=0:200000:65536"
    bundle = build(layout, "1", tmp_path / "b", "--rootfs", "erofs", ids)
    with written_over(bundle) as root:
        (root / "etc/new").write_text("new")
        os.chown(root / "etc/new", 200005, 200006)
        (root / "etc/su").chmod(0o700)
    bundler("repack", bundle, f"oci:{layout}:new")
    again = tree(build(layout, "new", tmp_path / "plain") / "rootfs")
    assert (again["etc/new"].owner, again["etc/su"].owner, again["etc/su"].mode) == ((5, 6), (0, 50), "0700")


def test_an_ordinary_user_makes_an_image_of_what_his_container_wrote(layout: Path, tmp_path: Path) -> None:
    """His overlay marks directories by attributes that he may set, and of his ids there is one."""
    with folder_of_a_user() as folder:
        images = Path(shutil.copytree(layout, folder / "layout"))
        subprocess.run(["chown", "-R", f"{USER}:{USER}", images], check=True)

        def work(name: str) -> None:
            caller = (os.geteuid(), os.getegid())
            request = BuildRequest(image=f"oci:{images}:1", rootfs="erofs", rootless=True, caller=caller, store=None)
            upper = build_bundle(request, folder / name).path / "upper/rootfs"
            for each in ("etc", "dir"):
                (upper / each).mkdir(parents=True)
            (upper / "dir/new").write_text("new")
            (upper / "etc/motd").write_text("changed")
            if os.geteuid():
                os.setxattr(upper / "dir", "user.overlay.opaque", b"y")
            repack(folder / name, Destination(images, name), History(None, None, None))

        work("first")  # Python's own files may be root's alone, so everything is imported before
        as_user(lambda: work("b"))
        secret = folder / "b/upper/rootfs/etc/secret"
        secret.write_text("of another id of his container")
        secret.chmod(0o600)
        with pytest.raises(BundlerError, match="/etc/secret cannot be read"):
            as_user(lambda: repack(folder / "b", Destination(images, "2"), History(None, None, None)))
        again = tree(build(images, "b", tmp_path / "again") / "rootfs")
    assert sorted(name for name in again if name.startswith("dir")) == ["dir", "dir/new"]
    assert (again["etc/motd"].owner, again["etc/motd"].size) == ((0, 0), len("changed"))
    assert again["etc/su"].owner == (0, 50)


def change_image(bundle: Path) -> None:
    with (bundle / "rootfs.erofs").open("r+b") as image:
        image.seek(-1, os.SEEK_END)
        image.write(b"x")


def over(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def write(bundle: Path) -> None:
        (bundle / "upper/rootfs").mkdir(parents=True)
        change(bundle / "upper/rootfs")

    return write


MISTAKES: list[tuple[Callable[[Path], object], int, str]] = [
    (over(lambda upper: (upper / ".wh.x").touch()), 1, ".wh. mean"),
    (over(mark("trusted.overlay.redirect", b"/etc")), 1, "/dir has the attribute trusted.overlay.redirect"),
    (over(mark("trusted.overlay.overlay.x")), 1, "lose the attribute trusted.overlay.x"),  # the container's own
    (over(mark("user.overlay.opaque")), 1, "lose the attribute user.overlay.opaque"),
    (over(mark("trusted.overlay.metacopy", b"")), 1, "trusted.overlay.metacopy"),
    (over(mark("trusted.overlay.opaque", b"x")), 1, "trusted.overlay.opaque"),
    (change_image, 6, "rootfs.erofs was changed"),
    (lambda bundle: (bundle / "rootfs.mtree").write_text("#mtree\n"), 6, "rootfs.mtree"),
    (lambda bundle: (bundle / "upper").symlink_to("/etc"), 2, "upper is not the folder"),
    (lambda bundle: (bundle / "upper").write_text("x"), 2, "upper is not the folder"),
]


def test_a_mistake_is_said_in_a_line_or_two(layout: Path, bundle: Path, tmp_path: Path) -> None:
    index = (layout / "index.json").read_bytes()
    for spoil, code, says in MISTAKES:
        spoiled = tmp_path / "spoiled"
        subprocess.run(["cp", "-a", bundle, spoiled], check=True)
        spoil(spoiled)
        done = call_bundler("repack", spoiled, f"oci:{layout}:new")
        assert (done.returncode, done.stdout) == (code, ""), done.stderr
        assert says in done.stderr
        assert 1 <= len(done.stderr.splitlines()) <= 2
        shutil.rmtree(spoiled)
    assert (layout / "index.json").read_bytes() == index
