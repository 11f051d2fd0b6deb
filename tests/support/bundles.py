"""Bundles out of listings, as `build` makes them but for what config.json says."""

import hashlib
import os
from pathlib import Path

from bundler.bundles.record import FORMAT
from bundler.bundles.write import encode, make_folder, set_epoch_times, write_file
from bundler.rootfs.inventory import Inventory, write_manifest
from bundler.rootfs.owners import Owners
from bundler.rootfs.unpacking.unpack import unpack
from tests.support.layers import layer
from tests.support.tarballs import Member, character_device, directory, fifo, file, hard_link, symlink

S = 10**9
# One of everything that a file can be.
MEMBERS = [
    directory(".", mtime=S),
    directory("dev", mtime=S),
    character_device("dev/null", 1, 3, mode=0o666, mtime=S),
    directory("etc", mtime=S),
    file("etc/motd", b"hello\n", mtime=2 * S + 123456789, xattrs={"user.note": b"a\0b"}),
    hard_link("etc/other", "etc/motd"),
    file("etc/shadow", b"x", mode=0o640, owner=(0, 42), mtime=S),
    file("etc/.wh.motd-", b"not a whiteout", mtime=S),
    fifo("p", mtime=S),
    symlink("l", "etc/motd", mtime=S),
    file(b"latin-\xe9 and *", b"x", mtime=-S // 2),
    file("su", b"x", mode=0o6755, owner=(3_000_000, 3_000_000), mtime=S),
    file("/".join(["long" * 30] * 3), b"far down", mtime=S),
    file("zeros", b"a" + bytes(3 << 20) + b"b", mtime=S),
]


def make_bundle(bundle: Path, *members: Member, owners: Owners | None = None) -> Path:
    """A bundle with a volume and a generated file; its rootfs holds `members`, but no whiteouts."""
    (bundle / "rootfs").mkdir(parents=True)
    bundle.chmod(0o700)
    plain = [member for member in members if b".wh." not in bytes(member)[:100]]
    with Inventory(bundle.parent, owned=owners is None) as inventory:
        unpack([layer(*plain)], bundle / "rootfs", inventory=inventory, owners=owners)
        manifest = write_manifest(inventory, bundle / "rootfs.mtree")
    config = encode({"ociVersion": "1.0.2"})
    write_file(bundle / "config.json", config)
    digest = hashlib.sha256(config).hexdigest()
    hosts = b"127.0.0.1 localhost\n"
    write_file(bundle / "etc/hosts", hosts)
    recorded = {
        "format": FORMAT,
        "config": f"sha256:{digest}",
        "manifest": f"sha256:{manifest}",
        "files": {"etc/hosts": f"sha256:{hashlib.sha256(hosts).hexdigest()}"},
    }
    write_file(bundle / "bundler.json", encode(recorded))
    make_folder(bundle / "volumes/cache")
    write_file(bundle / "volumes/cache/.wh.file", b"a volume may hold anything")
    for path in (bundle / "volumes/cache/.wh.file", bundle / "volumes/cache"):
        os.utime(path, (0, 0))
    set_epoch_times(bundle)
    return bundle
