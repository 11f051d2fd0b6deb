"""Files that give privileges to whoever starts them, as rootfs.mtree knows them: setuid, setgid, capabilities."""

from dataclasses import dataclass
from typing import Final

from bundler.overrides.keys.process import NAMES
from bundler.rootfs.mtree import MtreeEntry

_CAPABILITY: Final = b"xattr.security.capability"
_SETUID: Final = 0o4000
_SETGID: Final = 0o2000
_EXECUTE: Final = 0o111
# linux/capability.h: the sets of file capabilities begin behind 32 bits of version and flags.
_PERMITTED: Final = ((4, 0), (12, 32))


@dataclass(frozen=True, slots=True)
class PrivilegedFile:
    """An executable: its path as the image has it, the ids that it is started with where these are its own, and the
    capabilities that it may have, None where none are stated for it.
    """

    path: bytes
    setuid: int | None
    setgid: int | None
    capabilities: tuple[str, ...] | None

    @property
    def is_set_id(self) -> bool:
        return self.setuid is not None or self.setgid is not None


def privileged_file(entry: MtreeEntry) -> PrivilegedFile | None:
    """The file of an entry, if it gives privileges (execve(2), capabilities(7))."""
    keywords = entry.keywords
    if keywords.get(b"type") != b"file":
        return None
    mode = int(keywords.get(b"mode", b"0"), 8)
    executable = mode & _EXECUTE
    file = PrivilegedFile(
        entry.path,
        int(keywords.get(b"uid", b"0")) if executable and mode & _SETUID else None,
        int(keywords.get(b"gid", b"0")) if executable and mode & _SETGID else None,
        permitted_capabilities(keywords[_CAPABILITY]) if _CAPABILITY in keywords else None,
    )
    return file if file.is_set_id or file.capabilities is not None else None


def permitted_capabilities(text: bytes) -> tuple[str, ...]:
    """The names of the permitted set; `text` is the attribute in hexadecimal, whatever an image has put there."""
    try:
        value = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        return ()
    bits = sum(int.from_bytes(value[at : at + 4], "little") << shift for at, shift in _PERMITTED)
    return tuple(name for number, name in enumerate(NAMES) if bits >> number & 1)
