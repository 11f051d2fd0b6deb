"""Files that give privileges to whoever starts them, as rootfs.mtree knows them: setuid, setgid, capabilities."""

from typing import Final

from bundler.light_dataclasses import dataclass
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
    """An executable: its path as the image has it, and what it gives to the process that it becomes.

    `owner` is its user and group on this machine, None where the manifest tells no owners: then it is the container's
    root. `capabilities` are those that it may have, None where none are stated for it.
    """

    path: bytes
    setuid: bool
    setgid: bool
    owner: tuple[int, int] | None
    capabilities: tuple[str, ...] | None

    @property
    def is_set_id(self) -> bool:
        return self.setuid or self.setgid


def privileged_file(entry: MtreeEntry) -> PrivilegedFile | None:
    """The file of an entry, if it gives privileges (execve(2), capabilities(7)). Raises ValueError."""
    keywords = entry.keywords
    if keywords.get(b"type") != b"file":
        return None
    mode = int(keywords.get(b"mode", b"0"), 8)
    is_executable = bool(mode & _EXECUTE)
    file = PrivilegedFile(
        path=entry.path,
        setuid=is_executable and bool(mode & _SETUID),
        setgid=is_executable and bool(mode & _SETGID),
        owner=(int(keywords[b"uid"]), int(keywords.get(b"gid", b"0"))) if b"uid" in keywords else None,
        capabilities=permitted_capabilities(keywords[_CAPABILITY]) if _CAPABILITY in keywords else None,
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
