"""A root filesystem without an image config, as a tar archive or a folder."""

import gzip
import hashlib
import io
import json
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from bundler.dry_run import preview
from bundler.errors import ImageError, RequestError
from bundler.images.platform import Platform
from bundler.images.transports.rootfs import write_folder
from bundler.limits import DEFAULTS
from bundler.pipeline import build
from bundler.request import BuildRequest
from tests.support.command import bundler, call_bundler
from tests.support.opened import layer_contents, opened
from tests.support.tarballs import directory, file, hard_link, symlink, tarball
from tests.support.tree import tree

FILES = tarball(
    directory("bin"), file("bin/sh", b"#!", mode=0o755), hard_link("bin/ash", "bin/sh"), symlink("lib", "usr/lib")
)
SHA256 = hashlib.sha256(FILES).hexdigest()


@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
def test_an_archive_is_the_one_layer_however_it_is_compressed(tmp_path: Path, compress: object) -> None:
    (tmp_path / "alpine.tar").write_bytes(compress(FILES))  # type: ignore[operator]
    with opened(f"rootfs-tar:{tmp_path}/alpine.tar", tmp_path / "w", platform="linux/arm64") as image:
        assert layer_contents(image) == [FILES]
        assert (image.transport, image.name, image.file_name) == ("rootfs-tar", "", "alpine.tar")
        assert json.loads(image.image_config.raw) == {
            "architecture": "arm64",
            "config": {},
            "os": "linux",
            "rootfs": {"diff_ids": [f"sha256:{SHA256}"], "type": "layers"},
        }
        assert not image.image_config.platform_assumed


def test_a_platform_that_nobody_asked_for_is_assumed(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(FILES)
    with opened(f"rootfs-tar:{tmp_path}/a.tar", tmp_path / "w") as image:
        assert (str(image.image_config.platform), image.image_config.platform_assumed) == ("linux/amd64", True)


def test_an_archive_may_come_through_a_pipe(tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("command: [/bin/sh]\n")
    printed = bundler("config", "rootfs-tar:-", "--overrides", tmp_path / "o.yaml", stdin=gzip.compress(FILES))
    assert json.loads(printed)["process"]["args"] == ["/bin/sh"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"<html>".ljust(2048), "is a web page, not an image"),
        (bytes(range(256)) * 8, "not a tar archive"),
        (FILES[:700], "ends inside"),
        (gzip.compress(FILES, mtime=0)[:-9], "gzip"),
    ],
)
def test_what_is_no_archive_is_refused_at_once(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.tar").write_bytes(content)
    with pytest.raises(ImageError, match=says), opened(f"rootfs-tar:{tmp_path}/a.tar", tmp_path / "w"):
        pass


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_without_a_transport_there_is_a_hint(tmp_path: Path, form: str) -> None:
    path = tmp_path / "root.tar"
    if form == "archive":
        path.write_bytes(FILES)
    else:
        path.mkdir()
    with pytest.raises(ImageError) as raised, opened(path, tmp_path / "w"):
        pass
    assert f"rootfs{'-tar' if form == 'archive' else ''}:{path}" in (raised.value.hint or "")


def test_a_command_has_to_be_said(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(FILES)
    request = BuildRequest(image=f"rootfs-tar:{tmp_path}/a.tar", machine=Platform.parse("linux/amd64"))
    with pytest.raises((ImageError, RequestError), match="command"):
        preview(request)


def folder_of(path: Path) -> Path:
    """One file of each kind that a folder may hold."""
    path.mkdir()
    (path / "b").mkdir()
    (path / "b/file").write_bytes(b"content")
    (path / "b/file").chmod(0o4755)
    os.link(path / "b/file", path / "a-link")
    (path / "symlink").symlink_to("b")
    os.mkfifo(path / "fifo")
    os.setxattr(path / "b", "user.kept", b"1")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(path / "socket"))
    for name in ("b/file", "b", "fifo", "."):
        os.utime(path / name, ns=(0, 1_700_000_000_123_456_789))
    return path


@pytest.mark.root
def test_a_folder_becomes_the_rootfs_as_it_is(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "root")
    (tmp_path / "o.yaml").write_text("command: [/b/file]\nnetwork_mode: none\n")
    request = BuildRequest(
        image=f"rootfs:{folder}", machine=Platform.parse("linux/amd64"), overrides=[str(tmp_path / "o.yaml")]
    )
    built = build(request, tmp_path / "bundle")
    made, given = tree(tmp_path / "bundle/rootfs"), tree(folder)
    given.pop("socket")
    assert {name: made[name] for name in given} == given
    assert built.runtime_config.document == preview(request).document
    assert call_bundler("verify", tmp_path / "bundle").returncode == 0


def test_a_folder_has_the_same_id_under_another_name(tmp_path: Path) -> None:
    one, other = folder_of(tmp_path / "one"), folder_of(tmp_path / "other")
    ids = []
    for path in (one, other):
        for name in ("symlink", "a-link"):
            os.utime(path / name, ns=(0, 0), follow_symlinks=False)
        with opened(f"rootfs:{path}", tmp_path / "w") as image:
            ids.append(image.id)
    assert ids[0] == ids[1]


def test_a_name_that_hides_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root/.wh.etc").write_bytes(b"")
    with pytest.raises(ImageError, match="hides others"), opened(f"rootfs:{tmp_path}/root", tmp_path / "w"):
        pass


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="does not exist"), opened(f"rootfs:{tmp_path}/gone", tmp_path / "w"):
        pass


@pytest.mark.root
def test_a_lock_pins_a_root_filesystem(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(FILES)
    (tmp_path / "o.yaml").write_text("command: [/bin/sh]\n")
    reference = f"rootfs-tar:{tmp_path}/a.tar"
    overrides: list[str | Path] = ["--overrides", tmp_path / "o.yaml"]
    assert SHA256 in bundler("inspect", "--json", reference)
    bundler("lock", reference, *overrides, cwd=tmp_path)
    bundler("build", reference, *overrides, "--locked", "--output", tmp_path / "bundle", cwd=tmp_path)
    (tmp_path / "a.tar").write_bytes(tarball(file("bin/sh", b"other")))
    changed = call_bundler("build", reference, *overrides, "--locked", "--output", tmp_path / "other", cwd=tmp_path)
    assert changed.returncode == 6


class Swapping(io.BytesIO):
    """Calls `swap` once, as soon as the header of `name` is written."""

    def __init__(self, name: bytes, swap: Callable[[], object]) -> None:
        super().__init__()
        self._name, self._swap, self._swapped = name, swap, False

    def write(self, content: Any, /) -> int:
        if not self._swapped and self._name in bytes(content):
            self._swapped = True
            self._swap()
        return super().write(content)


def written(root: Path, name: bytes, swap: Callable[[], object]) -> bytes:
    """The archive of `root`, in which a container makes another thing of what was just looked at."""
    output, folder = Swapping(name, swap), os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        write_folder(folder, "rootfs:root", output, DEFAULTS)
    finally:
        os.close(folder)
    return output.getvalue()


def test_a_folder_that_becomes_a_link_leads_nowhere_else(tmp_path: Path) -> None:
    for path in ("outside/b", "root/d/a", "root/d/b"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path)
    root = tmp_path / "root"

    def swap() -> None:
        (root / "d").rename(root / "before")
        (root / "d").symlink_to("../outside")

    content = written(root, b"d/a", swap)
    assert (b"root/d/b" in content, b"outside/b" in content) == (True, False)


@pytest.mark.root
def test_a_file_that_becomes_a_device_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    def swap() -> None:
        (tmp_path / "file").unlink()
        os.mknod(tmp_path / "file", stat.S_IFCHR | 0o600, os.makedev(1, 3))

    with pytest.raises(ImageError, match="file changed while it was read"):
        written(tmp_path, b"file", swap)
