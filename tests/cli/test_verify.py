"""What `bundler verify` says beside the differences: what a copy has lost, and how far it is."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, sample, write_archive
from tests.support.tarballs import directory, file, tarball

COPIED = "bundler: note: no content differs: a copy by cp -r looks like this"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    layer = tarball(directory("etc"), file("etc/motd", b"hello\n"), file("etc/other", b"there\n", mode=0o600))
    write_archive(tmp_path / "image.tar", layout_files({"1": sample(layer)}))
    bundler("build", "image.tar", "--rootless", "-q", "-o", "web", cwd=tmp_path)
    return tmp_path / "web"


def copied(bundle: Path) -> Path:
    copy = bundle.with_name("copy")
    subprocess.run(["cp", "-r", bundle, copy], check=True)
    return copy


def test_what_a_copy_loses_is_told_to_be_that(bundle: Path) -> None:
    done = call_bundler("verify", str(copied(bundle)))
    assert done.returncode == 6
    assert COPIED in done.stderr, done.stdout
    assert "cp -a" in done.stderr


@pytest.mark.parametrize(
    "change", [lambda path: path.chmod(0o4644), lambda path: path.write_text("bye\n"), Path.unlink]
)
def test_what_no_copy_does_is_not(bundle: Path, change: Callable[[Path], object]) -> None:
    copy = copied(bundle)
    change(copy / "rootfs/etc/motd")
    done = call_bundler("verify", str(copy))
    assert (done.returncode, done.stderr) == (6, "")


@pytest.mark.root
@pytest.mark.parametrize("form", ["dir", "erofs"])
def test_it_tells_how_many_bytes_it_reads(bundle: Path, form: str) -> None:
    bundler("build", "image.tar", "-q", "--rootfs", form, "-o", "new", cwd=bundle.parent)
    size = "12 bytes" if form == "dir" else "KiB"
    done = call_bundler("verify", "new", "--progress", "plain", cwd=bundle.parent)
    begun, ended = done.stderr.splitlines()
    assert begun.startswith("bundler: verifying new: ")
    assert begun.endswith(size)
    assert ended.startswith("bundler: verifying new: done, ")
