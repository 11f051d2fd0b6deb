"""A bundle with one of everything that `build` writes, and what can be done to a file of it."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.support.command import bundler
from tests.support.image_files import layout_files, sample, write_folder
from tests.support.tarballs import directory, file, symlink, tarball

S = 10**9
IMAGE = sample(
    tarball(
        directory(".", mtime=S),
        directory("bin", mtime=S),
        file("bin/app", b"#!/bin/sh\n", 0o755, mtime=S),
        symlink("app", "bin/app", mtime=S),
        directory("data", mtime=S),
        file("data/seed", b"seed", mtime=S),
    ),
    Cmd=["/bin/app"],
    Volumes={"/data": {}},
)
ASSETS = sample(tarball(directory(".", mtime=S), file("asset", b"asset", mtime=S + 123456789)), Cmd=["/x"])
OVERRIDES = """\
init: {{path: {folder}/init, embed: true}}
hooks: {{poststop: [{{path: {folder}/hook, embed: true}}]}}
ipc: shareable
volumes:
  - {{type: bind, target: /etc/app.conf, content: "x=1\\n", uid: 33, gid: 7, mode: "0440"}}
  - {{type: image, source: "oci:layout:2", target: /assets}}
  - cache:/cache
  - ./own/deep:/own
"""


def build_whole(folder: Path) -> Path:
    """The bundle, in the existing `folder`."""
    layout = write_folder(folder / "layout", layout_files({"1": IMAGE, "2": ASSETS}))
    shutil.copy("/bin/busybox", folder / "init")  # it has to be a static program
    (folder / "hook").write_text("#!/bin/sh\n")
    (folder / "hook").chmod(0o755)
    (folder / "all.yaml").write_text(OVERRIDES.format(folder=folder))
    bundler("build", f"oci:{layout}:1", "--overrides", "all.yaml", "-o", "bundle", cwd=folder)
    return folder / "bundle"


def paths_of(bundle: Path) -> Iterator[str]:
    """Every file and folder."""
    for path in sorted(bundle.rglob("*")):
        yield str(path.relative_to(bundle))


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def tamper(path: Path) -> None:
        remove(path)
        make(path)

    return tamper


def _around(path: Path) -> Path:
    """A new place beside the bundle."""
    top = path
    while top.name != "bundle":
        top = top.parent
    return top.parent / f"outside-{len(list(top.parent.iterdir()))}"


def _link_elsewhere(path: Path) -> None:
    """Moved out of the bundle, and a symlink left behind: all that is read through it is as it was."""
    outside = _around(path)
    path.rename(outside)
    path.symlink_to(outside)


def _append(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"\n")


def _device(path: Path) -> None:
    os.mknod(path, 0o20644, os.makedev(1, 3))


ANY: dict[str, Callable[[Path], object]] = {
    "deleted": remove,
    "a symlink to the machine": _instead(lambda path: path.symlink_to("/etc")),
    "a fifo": _instead(os.mkfifo),
    "a device": _instead(_device),
}
# Of what a volume is: this may be done to what is in it.
OF_OWNERS: dict[str, Callable[[Path], object]] = {
    "of another owner": lambda path: os.lchown(path, 1234, -1),
    "writable by others": lambda path: path.chmod(path.stat().st_mode | 0o022),
}
NOT_OF_LINKS: dict[str, Callable[[Path], object]] = {"a symlink to itself elsewhere": _link_elsewhere}
OF_FILES: dict[str, Callable[[Path], object]] = {
    "changed": _append,
    "of another name": lambda path: os.link(path, _around(path)),
    "of another name in a volume": lambda path: os.link(path, _around(path).parent / "bundle/volumes/data/name"),
}
OF_FOLDERS: dict[str, Callable[[Path], object]] = {
    "with a file more": lambda path: (path / "more").touch(),
    "with a folder more": lambda path: (path / "more").mkdir(),
    "with a symlink more": lambda path: (path / "more").symlink_to("/etc"),
    "a file": _instead(Path.touch),
}
# What no packed bundle has of it: nothing was lost, and nothing came along.
NOT_PACKED = ("of another name",)


def tamperings(path: Path, *, is_data: bool) -> dict[str, Callable[[Path], object]]:
    """What can be done to what is at `path`, by name."""
    if path.is_symlink():
        return ANY | {"of another owner": OF_OWNERS["of another owner"]}
    if is_data:
        return ANY | NOT_OF_LINKS
    if path.name == "volumes":  # where a user may put further ones
        return ANY | OF_OWNERS | NOT_OF_LINKS
    return ANY | OF_OWNERS | NOT_OF_LINKS | (OF_FOLDERS if path.is_dir() else OF_FILES)
