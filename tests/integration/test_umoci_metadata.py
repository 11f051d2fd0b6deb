"""`bundler build --umoci-metadata`, and plain umoci on what it makes."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.bundles import MEMBERS, S
from tests.support.command import bundler, call_bundler
from tests.support.image_files import layout_files, legacy_files, sample, write_archive, write_folder
from tests.support.layouts import layers_above
from tests.support.tar_reading import names
from tests.support.tarballs import directory, file, symlink, tarball
from tests.support.tree import differences, tree

pytestmark = [pytest.mark.root, pytest.mark.tool("umoci")]
IMAGE = sample(
    tarball(*(member for member in MEMBERS if b".wh." not in bytes(member)[:100])),
    tarball(
        directory("links", mtime=S),
        symlink("links/odd", "a&b'(\\)$ *?[#]\"{}^`|;<>=~\xe4\n", mtime=S),
        file("links/" + "odd &\\ *?[#]={}~", b"x", mtime=S, xattrs={"user.o=d*d": b"\0" * 100, "trusted.t": b"t"}),
        directory("sticky", mode=0o1777, mtime=S),
        file("nothing", mode=0, mtime=S),
    ),
)


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "layout", layout_files({"1": IMAGE}))


def repack(layout: Path, bundle: Path) -> list[str]:
    """The names in the layer that umoci makes of the changes; none if it makes no layer."""
    subprocess.run(["umoci", "repack", "--image", f"{layout}:new", bundle], check=True, capture_output=True)
    added = layers_above(layout, "new", len(IMAGE.layers))
    return [os.fsdecode(name) for layer in added for name in names(layer)]


@pytest.mark.parametrize("ids", [[], ["--uid-map", "0:200000:5000000"], ["--rootless"]], ids=["kept", "shifted", "own"])
def test_umoci_finds_what_was_changed_and_nothing_else(layout: Path, tmp_path: Path, ids: list[str]) -> None:
    bundle = tmp_path / "b"
    bundler("build", f"oci:{layout}:1", "-o", bundle, "--umoci-metadata", *ids)
    assert repack(layout, bundle) == []
    bundler("verify", bundle)

    (bundle / "rootfs/etc/motd").write_text("changed")
    (bundle / "rootfs/nothing").unlink()
    os.setxattr(bundle / "rootfs/sticky", "user.new", b"1")
    os.utime(bundle / "rootfs", (1, 1))
    assert repack(layout, bundle) == ["etc/motd", "etc/other", ".wh.nothing", "sticky/"]
    if not ids:
        bundler("build", f"oci:{layout}:new", "-o", tmp_path / "again")
        different = differences(tree(bundle / "rootfs"), tree(tmp_path / "again/rootfs"))
        assert sorted(different) == ["etc/motd", "etc/other"]  # umoci rounds their times to seconds


def test_what_was_written_is_recorded_and_verified(layout: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "b"
    bundler("build", f"oci:{layout}:1", "-o", bundle, "--umoci-metadata", "--check-reproducible")
    digest = json.loads((layout / "index.json").read_bytes())["manifests"][0]["digest"]
    names = [f"{digest.replace(':', '_')}.mtree", "umoci.json"]
    assert sorted(json.loads((bundle / "bundler.json").read_bytes())["documents"]) == names
    bundler("pack", bundle, "-o", tmp_path / "b.tar.zst")
    bundler("unpack", tmp_path / "b.tar.zst", "-o", tmp_path / "c")
    assert differences(tree(bundle), tree(tmp_path / "c")) == {}

    (bundle / names[0]).unlink()
    (bundle / names[1]).write_text("{}")
    done = call_bundler("verify", bundle)
    assert (done.returncode, done.stdout.splitlines()) == (6, [f"missing: {names[0]}", "changed: umoci.json"])


def test_an_image_that_umoci_could_not_find_again_is_refused(tmp_path: Path) -> None:
    saved = write_archive(tmp_path / "saved.tar", legacy_files({"a/b:1": IMAGE}))
    docker = write_folder(tmp_path / "docker", layout_files({"1": IMAGE}, docker=True))
    for image in (saved, docker):
        done = call_bundler("build", image, "-o", tmp_path / "b", "--umoci-metadata")
        assert done.returncode == 2, done.stderr
        assert "umoci" in done.stderr.splitlines()[0]
        assert "bundler repack" in done.stderr.splitlines()[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["docker", "saved.tar"]
