"""How a service mounts the image of its bundle's root filesystem: in a mount namespace of its own, beside the runtime.

Mounts of the machine, made by ExecStartPre or a mount unit, would outlive a crash, and be copied into the namespaces of
whatever starts meanwhile. These belong to the processes of the container, and the kernel unmounts behind the last one.
"""

from typing import Final

from bundler.light_dataclasses import dataclass
from bundler.units.text import command_line, script_text

_OWN_MOUNTS: Final = ("unshare", "--mount", "--propagation", "unchanged")
# The exit code is that of service.sh where there is no container.
_DIE: Final = """\
die() {
printf 'bundler: error: %s\\nbundler: hint: %s\\n' "$1" "$2" >&2
exit 125
}
"""
# The first words are the image's. A stop signal that comes meanwhile is one in order, and leaves no core.
_BEFORE_SERVICE: Final = """\
case $4 in 1 | 2 | 15) ;; *) trap "exit $((128 + $4))" "$4" ;; esac
mount_rootfs "$6" "$1" "$2"
shift 2
"""
_BEFORE_COMMAND: Final = 'mount_rootfs "$3" "$1" "$2"\nshift 3\nexec "$@"\n'


@dataclass(frozen=True, slots=True)
class ImageMount:
    """`sha256` in hexadecimal is the file's; where it is `writable`, what is written over it is kept in the bundle."""

    sha256: str
    writable: bool

    @property
    def words(self) -> tuple[str, str]:
        return "kept" if self.writable else "none", self.sha256


def mounting(image: ImageMount | None) -> tuple[str, str]:
    """What stands before the words of the service's script, and before its text."""
    if image is None:
        return "/bin/sh -s", ""
    words = command_line((*_OWN_MOUNTS, "/bin/sh", "-s", *image.words))
    return words, _DIE + script_text("mount-rootfs.sh") + _BEFORE_SERVICE


def mounted_for(image: ImageMount | None, bundle: str, command: str) -> str:
    """A command line that mounts first and then becomes `command`, which is one, too."""
    if image is None:
        return command
    script = _DIE + script_text("mount-rootfs.sh") + _BEFORE_COMMAND
    words = (*_OWN_MOUNTS, "/bin/sh", "-c", script, "sh", *image.words, bundle)
    return f"{command_line(words)} {command}"
