"""A mount namespace around the runtime, in which the bundle has another config.json or another root filesystem.

No other process sees what is mounted there, and it is gone with the last process in it, however that ends. A changed
copy of config.json is mounted over the bundle's own, and what is written to the rootfs, or anywhere in the bundle, goes
into memory. All of it is at the bundle's own path, so that relative mounts, hooks and `runc delete` work as ever.
"""

from collections.abc import Sequence
from typing import Final

from bundler.light_dataclasses import dataclass

CHANGED_DESCRIPTOR: Final = 9
MEMORY: Final = "memory"
NOWHERE: Final = "none"
MOUNTED: Final = "mounted"
# The lowest that the script leaves as it is, and the runtime inherits.
FIRST_FREE_DESCRIPTOR: Final = 10

# The words are arguments, never a part of the script. A tmpfs needs a directory to lie on: until the runtime looks,
# that is the rootfs. The changed config.json comes by descriptor, so that memory alone holds it. An overlay is named
# after what it covers, or after the folder that it writes to, by which `bundles/runtime.py` knows what runs from the
# bundle. What is written over an image and kept has the owner and the mode of the image's own root.
_SCRIPT: Final = f"""\
set -eu
bundle=$1 rootfs=$2 changed=$3 covered=$4 options=$5 image=$6 upper=$7
shift 7
lay() {{
    mount -t overlay -o "lowerdir=/proc/self/fd/8,$1$options" "$2" "$3" || {{
        echo "bundler: error: no overlay can be mounted on $3; for an ordinary user it takes Linux 5.11" >&2
        exit 5
    }}
    exec 8<&-
    cd /
}}
cover() {{
    exec 8<"$1"
    owner=$(stat -c %u:%g "$1") mode=$(stat -c %a "$1")
    mount -t tmpfs -o mode=755 bundler "$1"
    cd "$1"
    mkdir upper work
    chown "$owner" upper
    chmod "$mode" upper
    lay upperdir=upper,workdir=work "$1" "$1"
}}
for path in "$bundle" "$rootfs"; do
    mount --make-slave "$(findmnt --first-only --noheadings --output TARGET --target "$path")"
done
[ "$image" != {MOUNTED} ] || exec 7<"$rootfs"
[ -z "$covered" ] || cover "$covered"
case $image in
"") ;;
{MOUNTED})
    [ -z "$covered" ] || mount --no-canonicalize --bind /proc/self/fd/7 "$rootfs"
    exec 7<&-
    ;;
*)
    mount -t erofs -o loop,ro "$image" "$rootfs" || {{
        echo "bundler: error: $image cannot be mounted by a loop device" >&2
        exit 5
    }}
    ;;
esac
case $upper in
none) ;;
memory) cover "$rootfs" ;;
*)
    exec 8<"$rootfs"
    if [ ! -d "$upper/rootfs" ]; then
        mkdir -p -m 700 "$upper"
        mkdir -p "$upper/work" "$upper/new"
        chown "$(stat -c %u:%g "$rootfs")" "$upper/new"
        chmod "$(stat -c %a "$rootfs")" "$upper/new"
        mv "$upper/new" "$upper/rootfs"
    fi
    cd "$upper"
    lay upperdir=rootfs,workdir=work "$upper" "$rootfs"
    ;;
esac
if [ "$changed" = yes ]; then
    mount -t tmpfs -o mode=755 bundler "$rootfs"
    cat <&{CHANGED_DESCRIPTOR} >"$rootfs/config.json"
    exec {CHANGED_DESCRIPTOR}<&-
    chmod 644 "$rootfs/config.json"
    mount --bind "$rootfs/config.json" "$bundle/config.json"
    umount "$rootfs"
fi
exec "$@"
"""
# Only what is mounted over the bundle is not to reach the machine: a hook's mounts (a network namespace) have to.
_OF_ROOT: Final = ("unshare", "--mount", "--propagation", "unchanged")
# An ordinary user may mount in a user namespace, where he stays who he is. The runtime is to have no more than without.
_OF_A_USER: Final = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--propagation", "unchanged")
_WITHOUT_CAPABILITIES: Final = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How the bundle is to look: absolute paths of it and of its rootfs, and what lies over them.

    With `changed`, descriptor CHANGED_DESCRIPTOR has another config.json; what is `covered`, the rootfs or all of the
    bundle, stays as it is. An `image` is mounted onto the rootfs, or is MOUNTED there already; what is written over it
    goes into the folder `upper`, to MEMORY, or nowhere. `user` says that an ordinary user calls.
    """

    bundle: str
    rootfs: str
    changed: bool
    covered: str | None = None
    image: str | None = None
    upper: str = NOWHERE
    user: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it looks as it lies there."""
        return not self.changed and self.covered is None and self.image is None


def in_namespace(words: Sequence[str], view: View) -> tuple[str, ...]:
    """The command line that runs `words` with the bundle looking as `view` says."""
    inner = (*_WITHOUT_CAPABILITIES, *words) if view.user else words
    return (*(_OF_A_USER if view.user else _OF_ROOT), *covered(inner, view))


def covered(words: Sequence[str], view: View) -> tuple[str, ...]:
    """The same for a process that is in a mount namespace of its own already, where it may mount."""
    return (
        *("sh", "-c", _SCRIPT, "sh", view.bundle, view.rootfs, "yes" if view.changed else "no", view.covered or ""),
        *(",userxattr" if view.user else "", view.image or "", view.upper),
        *words,
    )
