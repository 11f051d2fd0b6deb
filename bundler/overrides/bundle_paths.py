"""What of a bundle a container may be given: the one rule for every key, and every document, that can name a path.

The machine runs, as root, what is in `hooks/`; it mounts `rootfs/`, and believes config.json and the other documents. A
container that can write to any of these, or exchange it for a symlink, has the machine. So a mount may take from the
bundle only what bundler makes to be mounted, or a folder that bundler has no use for.
"""

import posixpath
import re
from typing import Final

# Where the volumes of a whole project are, beside its bundles; each is a folder that only containers write to.
SHARED_VOLUMES: Final = "../volumes"
_SHARED: Final = re.compile(r"\.\./volumes/[a-zA-Z0-9][a-zA-Z0-9_.-]{0,199}(/(?!\.\.?(/|$))[^/]+)*")
HINT: Final = "a container may have what is in ./volumes/NAME, which NAME:TARGET mounts"

# Single files that are generated to be mounted; their folder is not.
_FILES: Final = ("etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/docker-init")
# What the names of files begin with that overrides say the content of; who has one cannot write to it.
CONTENTS: Final = "etc/content-"
_FOLDERS: Final = ("volumes", "images", "shm", "etc", "hooks")
# Documents, the rootfs in whatever form, and what tools keep for themselves. A prefix, for those that are to come.
_PREFIXES: Final = ("rootfs", "bundler", "config.json", "umoci", "sha256_", ".")
# /proc/self/cwd is the bundle for a runtime that starts in it; the others are as many ways around.
_OF_A_PROCESS: Final = re.compile(r"/proc/(self|thread-self|[0-9]+)(/task/[0-9]+)?/(cwd|root|exe|fd|map_files)(/|$)")
_DESCRIPTORS: Final = re.compile(r"/dev/(fd|stdin|stdout|stderr)(/|$)")


def refusal(path: str, *, read_only: bool = False) -> str | None:
    """Why a container may not have `path`, the source of a mount as config.json has it; None if it may.

    A relative path is one of the bundle (runtime-spec config.md, mounts). Of an absolute one only the machine can tell
    whether it leads into the bundle. `read_only` says that the container cannot write there.
    """
    if path.startswith("/"):
        clean = posixpath.normpath("/" + path.lstrip("/"))
        if _OF_A_PROCESS.match(clean) or _DESCRIPTORS.match(clean):
            return "is another place for each process, and the bundle for some"
        return None
    if ".." in path.split("/") and not is_shared_volume(path):
        return "leaves the bundle, or could lead to any place in it"
    clean = posixpath.normpath(path)
    first, _, rest = clean.partition("/")
    if is_own_folder(clean) or is_shared_volume(clean) or clean in (*_FILES, "shm") or (first == "volumes" and rest):
        return None
    if (first == "images" and rest) or (clean.startswith(CONTENTS) and "/" not in rest):
        return None if read_only else "belongs to the bundle itself, which mounts it read-only"
    return "is the whole bundle" if clean == "." else "belongs to the bundle itself"


def is_shared_volume(path: str) -> bool:
    """Whether a path of the bundle leads to a volume of the project that it is in, or to a folder of one."""
    return _SHARED.fullmatch(path) is not None


def is_own_folder(clean: str) -> bool:
    """Whether a clean relative path is in a folder that bundler has no use for, in no writing of its name."""
    name = clean.partition("/")[0].casefold()  # there are file systems that do not tell HOOKS from hooks
    return name not in _FOLDERS and not name.startswith(_PREFIXES)
