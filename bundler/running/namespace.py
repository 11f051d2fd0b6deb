"""A mount namespace around the runtime, in which the bundle looks other than it is.

No other process sees what is mounted there, and it is gone with the last process in it, however that ends: a copy of
config.json with changes lies over the one of the bundle, and what is written to the rootfs, or anywhere in the bundle,
goes into memory. Since all of it is at the bundle's own path, relative mounts, hooks and `runc delete` work as ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHANGED_DESCRIPTOR: Final = 9
# The lowest that the script leaves as it is, and the runtime inherits.
FIRST_FREE_DESCRIPTOR: Final = 10

# The words are arguments, never a part of the script. A tmpfs needs a directory to lie on: until the runtime looks,
# that is the rootfs. The changed config.json comes by descriptor, so that memory alone holds it. An overlay is named
# after what it covers, by which `bundles/runtime.py` knows what runs from the bundle.
_SCRIPT: Final = f"""\
set -eu
bundle=$1 rootfs=$2 changed=$3 covered=$4 owner=$5 mode=$6 options=$7
shift 7
for path in "$bundle" "$rootfs"; do
    mount --make-slave "$(findmnt --noheadings --output TARGET --target "$path")"
done
if [ -n "$covered" ]; then
    exec 8<"$covered"
    mount -t tmpfs -o mode=755 bundler "$covered"
    cd "$covered"
    mkdir upper work
    chown "$owner" upper
    chmod "$mode" upper
    mount -t overlay -o "lowerdir=/proc/self/fd/8,upperdir=upper,workdir=work$options" "$covered" "$covered"
    exec 8<&-
    cd /
fi
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
class Folder:
    """A directory's absolute path, owner and mode (permission bits), which its cover has to have, too."""

    path: str
    uid: int
    gid: int
    mode: int


def in_namespace(
    words: Sequence[str], bundle: str, rootfs: str, *, changed: bool, covered: Folder | None, user: bool
) -> tuple[str, ...]:
    """The command line that runs `words` with the bundle, an absolute path as that of its rootfs, looking as it is to.

    With `changed`, descriptor CHANGED_DESCRIPTOR has the other config.json; what is `covered`, the rootfs or all of the
    bundle, stays as it is. `user` says that an ordinary user calls.
    """
    cover = ("", "", "") if covered is None else (covered.path, f"{covered.uid}:{covered.gid}", f"{covered.mode:o}")
    return (
        *(_OF_A_USER if user else _OF_ROOT),
        *("sh", "-c", _SCRIPT, "sh", bundle, rootfs, _yes(changed), *cover, ",userxattr" if user else ""),
        *(_WITHOUT_CAPABILITIES if user else ()),
        *words,
    )


def _yes(wanted: bool) -> str:
    return "yes" if wanted else "no"
