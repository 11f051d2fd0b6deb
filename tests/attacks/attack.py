"""What an attack is: layers out of listings, what has to become of them, and what has to be on disk."""

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bundler.errors import BundlerError, LayerError
from bundler.images.layer import LocalLayer
from bundler.limits import DEFAULTS, Limits
from tests.support.compressors import Compress
from tests.support.layers import plain, stored_layer
from tests.support.tarballs import Member, encoded, tarball
from tests.support.tree import content_of, paths_below

Listing = Sequence[Member | bytes]
OUTSIDE = "{outside}"  # in a name or a target: the absolute path of the directory with the canaries


@dataclass(frozen=True)
class Attack:
    """Layers, lowest first. `says` is set for what is refused, `on_disk` for what is contained or accepted.

    `on_disk` is what `leaves` gives; `attributes` adds, for some paths, what `attributes_of` gives. `umoci` is why
    umoci makes another tree of it, or nothing if it has to make the same.
    """

    layers: tuple[Listing, ...]
    on_disk: tuple[str, ...] | None = None
    says: str = ""
    error: type[BundlerError] = LayerError
    attributes: Mapping[str, str] = field(default_factory=dict)
    umoci: str = ""
    compress: Compress = plain
    limits: Limits = DEFAULTS

    @property
    def is_applied(self) -> bool:
        return self.on_disk is not None

    def written_out(self, outside: Path) -> list[LocalLayer]:
        """The layers with OUTSIDE filled in."""
        place = str(outside).encode()
        return [
            stored_layer(tarball(*(filled(member, place) for member in listing)), compress=self.compress)
            for listing in self.layers
        ]


Attacks = dict[str, Attack]


def refused(*layers: Listing, says: str, error: type[BundlerError] = LayerError, **more: Any) -> Attack:
    return Attack(layers, says=says, error=error, **more)


def contained(*layers: Listing, on_disk: Sequence[str], **more: Any) -> Attack:
    """It would lead out elsewhere; here it leads to where a container would see it."""
    return Attack(layers, on_disk=tuple(on_disk), **more)


def accepted(*layers: Listing, on_disk: Sequence[str], **more: Any) -> Attack:
    """It is odd, and harmless."""
    return Attack(layers, on_disk=tuple(on_disk), **more)


def filled(member: Member | bytes, place: bytes) -> Member | bytes:
    if isinstance(member, bytes):
        return member
    name, target = (encoded(text).replace(OUTSIDE.encode(), place) for text in (member.name, member.link_name))
    return replace(member, name=name, link_name=target)


def leaves(root: Path) -> list[str]:
    """Every file below `root`, and every directory that holds nothing.

    `f=content`, `d/`, `l -> target`, `p|` for a fifo, `c 1:3` and `b 8:0` for devices, `h == f` for another name of f.
    """
    first: dict[tuple[int, int], str] = {}
    found = []
    for name in sorted(paths_below(root)):
        path = root / name
        status = path.lstat()
        kind = stat.S_IFMT(status.st_mode)
        shown = name.encode("utf-8", "surrogateescape").decode("latin-1")
        if kind == stat.S_IFDIR:
            if name != "." and not any(path.iterdir()):
                found.append(f"{shown}/")
            continue
        same = first.setdefault((status.st_dev, status.st_ino), shown)
        if same != shown:
            found.append(f"{shown} == {same}")
        elif kind == stat.S_IFREG:
            content = path.read_bytes() if status.st_size < 100 else b"%d bytes" % status.st_size
            found.append(f"{shown}={content.decode('latin-1')}")
        else:
            marks = {stat.S_IFLNK: " -> ", stat.S_IFIFO: "|", stat.S_IFCHR: " c ", stat.S_IFBLK: " b "}
            found.append(f"{shown}{marks[kind]}{content_of(path, status)}")
    return sorted(found)


def attributes_of(path: Path) -> str:
    """Mode, owner, mtime in nanoseconds, and the names of the extended attributes."""
    status = path.lstat()
    xattrs = sorted(os.listxattr(path, follow_symlinks=False))
    words = [f"{stat.S_IMODE(status.st_mode):04o}", f"{status.st_uid}:{status.st_gid}", str(status.st_mtime_ns)]
    return " ".join(words + xattrs)
