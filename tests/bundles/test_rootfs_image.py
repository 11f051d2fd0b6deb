"""A bundle whose root filesystem is one file: as a directory would be, the same for any user, and proven by digests."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bundler import BuildRequest
from bundler import build as build_bundle
from tests.support.command import call_bundler
from tests.support.erofs_images import complaints, mounted, seen_by_bundler, seen_by_the_kernel
from tests.support.image_files import archive_of, docker_files, sample
from tests.support.ordinary_user import as_user, folder_of_a_user
from tests.support.tarballs import character_device, directory, file, hard_link, sparse, symlink, tarball, whiteout
from tests.support.tree import differences, tree

pytestmark = pytest.mark.root
CAPABLE = {"security.capability": bytes.fromhex("0100000200040000000000000000000000000000")}
LAYERS = (
    tarball(
        directory("etc"),
        file("etc/passwd", b"root:x:0:0::/root:/bin/sh\nweb:x:33:44::/:/bin/sh\n"),
        file("bin/su", b"su" * 5000, 0o4755, owner=(1, 2)),
        file("bin/ping", b"p", xattrs=CAPABLE),
        character_device("dev/odd", 1, 3, owner=(5, 6)),
        directory("data", owner=(0, 0)),
        file("data/f", b"seed"),
        file("gone", b"GONE" * 4000),
        symlink("lib", "usr/lib"),
        file("usr/lib/x", b"x"),
    ),
    tarball(whiteout("gone"), file("lib/y", b"y"), hard_link("lib/z", "usr/lib/x")),
)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    image = sample(*LAYERS, User="web", Volumes={"/data": {}}, WorkingDir="/srv/app")
    path = tmp_path_factory.mktemp("image") / "image.tar"
    path.write_bytes(archive_of(docker_files({"t:1": image})))
    return path


def build(archive: Path, bundle: Path, *options: str, **circumstances: Any) -> Path:
    done = call_bundler("build", f"docker-archive:{archive}", "-o", bundle, *options, **circumstances)
    assert done.returncode == 0, done.stderr
    return bundle


@pytest.fixture(scope="module")
def bundle(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(archive, tmp_path_factory.mktemp("erofs") / "bundle", "--rootfs", "erofs")


@pytest.fixture(scope="module")
def with_directory(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(archive, tmp_path_factory.mktemp("dir") / "bundle")


def recorded(bundle: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((bundle / "bundler.json").read_bytes())
    return document


def test_the_image_is_the_directory_mount_points_included(bundle: Path, with_directory: Path) -> None:
    on_disk = tree(with_directory / "rootfs")
    assert differences(on_disk, seen_by_bundler(bundle / "rootfs.erofs")) == {}
    assert differences(on_disk, seen_by_the_kernel(bundle / "rootfs.erofs")) == {}
    assert complaints(bundle / "rootfs.erofs") == ""
    assert list((bundle / "rootfs").iterdir()) == []
    for document in ("rootfs.mtree", "config.json", "volumes/data/f", "etc/hosts"):
        assert (bundle / document).read_bytes() == (with_directory / document).read_bytes()
    assert recorded(bundle) | {"rootfs": None} == recorded(with_directory) | {"rootfs": None}


def test_the_overrides_say_so_too(archive: Path, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text("rootfs: {format: erofs}\n")
    other = build(archive, tmp_path / "bundle", "--overrides", "o.yaml", cwd=tmp_path)
    assert (other / "rootfs.erofs").read_bytes() == (bundle / "rootfs.erofs").read_bytes()
    back = build(archive, tmp_path / "back", "--overrides", "o.yaml", "--rootfs", "dir", cwd=tmp_path)
    assert not (back / "rootfs.erofs").exists()


def test_an_ordinary_user_builds_the_same(tmp_path: Path) -> None:
    content = archive_of(docker_files({"t:1": sample(*LAYERS, User="web", WorkingDir="/srv/app")}))
    (tmp_path / "image.tar").write_bytes(content)
    bundle = build(tmp_path / "image.tar", tmp_path / "bundle", "--rootfs", "erofs")
    with folder_of_a_user() as folder:
        (folder / "image.tar").write_bytes(content)
        request = BuildRequest(image=f"docker-archive:{folder}/image.tar", rootfs="erofs", store=None)
        built = as_user(lambda: build_bundle(request, folder / "users").path)
        for document in ("rootfs.erofs", "rootfs.mtree", "bundler.json", "config.json"):
            assert (built / document).read_bytes() == (bundle / document).read_bytes()


def test_the_record_has_the_digests_of_others_programs(archive: Path, tmp_path: Path) -> None:
    bundle = build(archive, tmp_path / "bundle", "--rootfs", "erofs", "--verity")
    image, stated = bundle / "rootfs.erofs", recorded(bundle)["rootfs"]
    assert stated["size"] == image.stat().st_size
    by_sha256sum = subprocess.run(["sha256sum", image], capture_output=True, text=True, check=True).stdout.split()[0]
    assert stated["sha256"] == f"sha256:{by_sha256sum}"
    by_fsverity = subprocess.run(["fsverity", "digest", "--compact", image], capture_output=True, text=True, check=True)
    assert stated["fsverity"] == f"sha256:{by_fsverity.stdout.strip()}"
    offset = f"--hash-offset={stated['verity']['hash_offset']}"
    subprocess.run(["veritysetup", "verify", image, image, stated["verity"]["root_hash"], offset], check=True)
    assert complaints(image) == ""
    with mounted(image) as where:
        assert (where / "bin/ping").read_bytes() == b"p"


def test_verity_is_what_veritysetup_makes(archive: Path, bundle: Path, tmp_path: Path) -> None:
    with_tree = build(archive, tmp_path / "bundle", "--rootfs", "erofs", "--verity") / "rootfs.erofs"
    copy = tmp_path / "image"
    copy.write_bytes((bundle / "rootfs.erofs").read_bytes())
    size = copy.stat().st_size
    uuid = subprocess.run(
        ["blkid", "-p", "-o", "value", "-s", "UUID", copy], capture_output=True, text=True, check=True
    )
    options = ["--salt=-", f"--hash-offset={size}", f"--data-blocks={size // 4096}", f"--uuid={uuid.stdout.strip()}"]
    subprocess.run(["veritysetup", "format", *options, copy, copy], check=True, capture_output=True)
    assert copy.read_bytes() == with_tree.read_bytes()


def test_a_second_build_is_the_same(archive: Path, tmp_path: Path) -> None:
    build(archive, tmp_path / "bundle", "--rootfs", "erofs", "--verity", "--check-reproducible")


def test_a_lock_holds(archive: Path, tmp_path: Path) -> None:
    build(archive, tmp_path / "a", "--rootfs", "erofs", "--lock", "l", cwd=tmp_path)
    build(archive, tmp_path / "b", "--rootfs", "erofs", "--lock", "l", "--locked", cwd=tmp_path)
    assert (tmp_path / "a/rootfs.erofs").read_bytes() == (tmp_path / "b/rootfs.erofs").read_bytes()


def test_owners_are_shifted_in_the_image(archive: Path, tmp_path: Path) -> None:
    options = ["--uid-map", "0:100000:65536"]
    shifted = build(archive, tmp_path / "erofs", "--rootfs", "erofs", *options)
    on_disk = tree(build(archive, tmp_path / "dir", *options) / "rootfs")
    assert differences(on_disk, seen_by_bundler(shifted / "rootfs.erofs")) == {}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--rootfs", "erofs", "--unpacker", "umoci"], "umoci unpacks into a directory"),
        (["--rootfs", "erofs", "--umoci-metadata"], "umoci repacks a directory"),
        (["--verity"], "--verity is about an image"),
    ],
)
def test_what_an_image_cannot_be_is_refused(archive: Path, tmp_path: Path, options: list[str], says: str) -> None:
    done = call_bundler("build", f"docker-archive:{archive}", "-o", tmp_path / "bundle", *options)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "bundle").exists()


# --- verify ---


@pytest.fixture
def copied(bundle: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", bundle, tmp_path / "copy"], check=True)
    return tmp_path / "copy"


def verify(bundle: Path, *options: str) -> tuple[int, str]:
    done = call_bundler("verify", *options, bundle)
    return done.returncode, done.stdout + done.stderr


def test_it_is_what_was_built(bundle: Path) -> None:
    assert verify(bundle) == (0, "")
    assert verify(bundle, "--deep") == (0, "")
    subprocess.run(["mount", "-o", "loop,ro", bundle / "rootfs.erofs", bundle / "rootfs"], check=True)
    try:
        assert verify(bundle) == (0, "")
    finally:
        subprocess.run(["umount", bundle / "rootfs"], check=True)


def test_what_was_written_over_it_is_told_and_is_no_change(copied: Path) -> None:
    (copied / "upper/rootfs").mkdir(parents=True)
    assert verify(copied) == (0, "")
    (copied / "upper/rootfs/sh").write_text("another")
    code, said = verify(copied)
    assert (code, "note: what was written over rootfs.erofs is in upper/rootfs" in said) == (0, True)
    assert verify(copied, "--quiet") == (0, "")


def test_a_changed_image_is_found(copied: Path) -> None:
    image = copied / "rootfs.erofs"
    content = image.read_bytes()
    place = content.index(b"susu")
    image.write_bytes(content[:place] + b"SU" + content[place + 2 :])
    assert verify(copied) == (6, "changed: rootfs.erofs\n")
    code, said = verify(copied, "--deep")
    assert code == 6
    assert said.startswith("changed: rootfs.erofs\nchanged: ./bin/su\n    sha256digest: expected ")


def test_holes_without_end_are_not_hashed(tmp_path: Path) -> None:
    """A kilobyte says that it has a terabyte, and its manifest that it has a digest."""
    (tmp_path / "image.tar").write_bytes(
        archive_of(docker_files({"t:1": sample(tarball(sparse([(5, b"x")], 1 << 40)))}))
    )
    bundle = build(tmp_path / "image.tar", tmp_path / "b", "--rootfs", "erofs")
    assert verify(bundle, "--deep") == (0, "")
    manifest = bundle / "rootfs.mtree"
    before = manifest.read_bytes()
    after = before.replace(b" size=1099511627776 ", b" size=1099511627776 sha256digest=%s " % (b"0" * 64))
    assert after != before
    manifest.write_bytes(after)
    replace_in(bundle / "bundler.json", sha256_of(before), sha256_of(after))
    code, said = verify(bundle, "--deep")
    assert (code, "changed: ./sparse" in said) == (6, True)


def replace_in(document: Path, old: str, new: str) -> None:
    document.write_text(document.read_text().replace(old, new))


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_a_truncated_image_is_found(copied: Path) -> None:
    os.truncate(copied / "rootfs.erofs", 8192)
    assert verify(copied) == (6, "changed: rootfs.erofs\n")


def test_what_lies_where_the_image_is_mounted_is_found(copied: Path) -> None:
    (copied / "rootfs/extra").touch()
    assert verify(copied) == (6, "extra: ./extra\n")


def test_a_missing_image_is_found(copied: Path) -> None:
    (copied / "rootfs.erofs").unlink()
    assert verify(copied) == (6, "missing: rootfs.erofs\n")


# --- what others do with it ---


def test_it_is_replaced_as_any_bundle(archive: Path, copied: Path) -> None:
    (copied / "upper").mkdir()
    shutil.rmtree(copied / "volumes/data")
    build(archive, copied, "--force", "--discard-volumes")
    assert (copied / "rootfs/bin/ping").exists()
    build(archive, copied, "--force", "--rootfs", "erofs")
    assert not any((copied / "rootfs").iterdir())


@pytest.mark.parametrize("suffix", ["tar.gz", "erofs"])
def test_it_is_packed_and_unpacked(bundle: Path, tmp_path: Path, suffix: str) -> None:
    packed = tmp_path / f"b.{suffix}"
    assert call_bundler("pack", bundle, "-o", packed).returncode == 0
    assert verify(packed) == (0, "")
    assert call_bundler("unpack", packed, "-o", tmp_path / "b").returncode == 0
    assert verify(tmp_path / "b", "--deep") == (0, "")
    assert (tmp_path / "b/rootfs.erofs").read_bytes() == (bundle / "rootfs.erofs").read_bytes()


def test_a_packed_one_that_was_changed_is_found(copied: Path, tmp_path: Path) -> None:
    with (copied / "rootfs.erofs").open("r+b") as image:
        image.seek(5000)
        image.write(b"changed")
    assert call_bundler("pack", copied, "-o", tmp_path / "b.tar").returncode == 6
    assert call_bundler("pack", copied, "-o", tmp_path / "b.tar", "--as-is").returncode == 0
    assert verify(tmp_path / "b.tar") == (6, "changed: rootfs.erofs\n")


@pytest.mark.parametrize("words", [["doctor"], ["harden"], ["explain"]])
def test_what_looks_at_the_files_sees_them_in_the_image(bundle: Path, with_directory: Path, words: list[str]) -> None:
    alike = [call_bundler(*words, "./bundle", cwd=place.parent) for place in (bundle, with_directory)]
    subprocess.run(["mount", "-o", "loop,ro", bundle / "rootfs.erofs", bundle / "rootfs"], check=True)
    try:
        alike.append(call_bundler(*words, "./bundle", cwd=bundle.parent))
    finally:
        subprocess.run(["umount", bundle / "rootfs"], check=True)
    first, *others = ((done.returncode, done.stdout, done.stderr) for done in alike)
    assert others == [first, first]
    assert first[1]


def test_review_has_its_digest(bundle: Path) -> None:
    said = call_bundler("review", bundle).stdout
    assert recorded(bundle)["rootfs"]["sha256"] in said.split()
    assert "rootfs.erofs" in said


@pytest.mark.parametrize("words", [["doctor"], ["harden"]])
def test_a_damaged_image_is_refused_by_what_looks_into_it(copied: Path, words: list[str]) -> None:
    with (copied / "rootfs.erofs").open("r+b") as image:
        image.truncate(3000)
    done = call_bundler(*words, copied)
    assert done.returncode == 3
    assert "rootfs.erofs: the file system ends too early" in done.stderr


def test_what_a_read_only_one_lacks_to_mount_onto_is_told(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "o.yaml").write_text(f"read_only: true\nvolumes: ['{archive}:/not/there']\n")
    said = {}
    for form in ("dir", "erofs"):
        made = build(archive, tmp_path / form, "--rootfs", form, f"--overrides={tmp_path / 'o.yaml'}")
        said[form] = call_bundler("doctor", made).stdout
    assert "/not/there is not there to mount onto, and the rootfs is read-only" in said["erofs"]
    assert "to mount onto" not in said["dir"]
