"""Names in layers: made relative to the root, and whiteouts told from files (image-spec layer.md#whiteouts).

A path is bytes without a leading or trailing slash and without `.`, `..` or empty components; `b""` is the root.
"""

from collections.abc import Iterator
from typing import Final

from bundler.light_dataclasses import dataclass

WHITEOUT: Final = b".wh."
_OPAQUE: Final = b".wh..wh..opq"
# Other names with this prefix are bookkeeping of aufs, which Docker never unpacks either.
_AUFS: Final = b".wh..wh."


class PathError(ValueError):
    """A name that a layer may not hold. The message says why, and does not repeat the name."""


@dataclass(frozen=True, slots=True)
class Whiteout:
    """Hides what the layers below have as `name` in `directory`, or, if it is opaque (`name` None), all they have."""

    directory: bytes
    name: bytes | None


def clean(name: bytes) -> bytes:
    """The path that an entry's name stands for.

    An absolute name starts at the root of the image, and `a/../b` is `b` whatever `a` is, as in every other unpacker.
    A name that climbs above the root raises PathError: some take `../x` for `x`, others refuse it, no image needs it.
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if not parts:
                raise PathError("the name leads out of the root filesystem")
            parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def split(path: bytes) -> tuple[bytes, bytes]:
    """The directory that holds `path`, and its name there."""
    directory, _, name = path.rpartition(b"/")
    return directory, name


def ancestors(path: bytes) -> Iterator[bytes]:
    """The directories above, the nearest first and the root last."""
    while path:
        path = split(path)[0]
        yield path


def join(directory: bytes, name: bytes) -> bytes:
    return directory + b"/" + name if directory else name


def is_bookkeeping(path: bytes) -> bool:
    """Whether `path` is one of aufs's own files, which are no part of the changeset."""
    directory, name = split(path)
    return any(part.startswith(_AUFS) for part in directory.split(b"/")) or (name.startswith(_AUFS) and name != _OPAQUE)


def parse_whiteout(path: bytes) -> Whiteout | None:
    """The whiteout that `path` is, or None. Raises PathError for one that names nothing or `..`."""
    directory, name = split(path)
    if any(part.startswith(WHITEOUT) for part in directory.split(b"/")):
        raise PathError("a whiteout cannot hold files")
    if name == _OPAQUE:
        return Whiteout(directory, None)
    if not name.startswith(WHITEOUT):
        return None
    hidden = name[len(WHITEOUT) :]
    # `.wh...` would hide `..`, the directory above; one unpacker has deleted its root that way.
    if hidden in (b"", b".", b".."):
        raise PathError("the whiteout does not name a file")
    return Whiteout(directory, hidden)
