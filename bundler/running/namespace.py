"""A mount namespace around the runtime, in which the bundle looks other than it is.

No other process sees what is mounted there, and it is gone with the last process in it, however that ends: a copy of
config.json with changes lies over the one of the bundle, and what is written to the rootfs goes into memory. Since all
of it is at the bundle's own path, relative mounts, hooks and `runc delete` work as ever.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CHANGED_DESCRIPTOR: Final = 9

# The words are arguments, never a part of the script. A tmpfs needs a directory to lie on: until the runtime looks,
# that is the rootfs. The changed config.json comes by descriptor, so that memory alone holds it.
_SCRIPT: Final = f"""\
set -eu
bundle=$1 rootfs=$2 changed=$3 ephemeral=$4 owner=$5 mode=$6 options=$7
shift 7
for path in "$bundle" "$rootfs"; do
    mount --make-slave "$(findmnt --noheadings --output TARGET --target "$path")"
done
if [ "$changed" = yes ]; then
    mount -t tmpfs -o mode=755 bundler "$rootfs"
    cat <&{CHANGED_DESCRIPTOR} >"$rootfs/config.json"
    exec {CHANGED_DESCRIPTOR}<&-
    chmod 644 "$rootfs/config.json"
    mount --bind "$rootfs/config.json" "$bundle/config.json"
    umount "$rootfs"
fi
if [ "$ephemeral" = yes ]; then
    exec 8<"$rootfs"
    mount -t tmpfs -o mode=755 bundler "$rootfs"
    cd "$rootfs"
    mkdir upper work
    chown "$owner" upper
    chmod "$mode" upper
    mount -t overlay -o "lowerdir=/proc/self/fd/8,upperdir=upper,workdir=work$options" bundler "$rootfs"
    exec 8<&-
    cd /
fi
exec "$@"
"""
# Only what is mounted over the bundle is not to reach the machine: a hook's mounts (a network namespace) have to.
_OF_ROOT: Final = ("unshare", "--mount", "--propagation", "unchanged")
# An ordinary user may mount in a user namespace, where he stays who he is. The runtime is to have no more than without.
_OF_A_USER: Final = ("unshare", "--user", "--map-current-user", "--keep-caps", "--mount", "--propagation", "unchanged")
_WITHOUT_CAPABILITIES: Final = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rootfs:
    """The root filesystem's absolute path, owner and mode (permission bits), which its cover has to have, too."""

    path: str
    uid: int
    gid: int
    mode: int


def in_namespace(
    words: Sequence[str], bundle: str, rootfs: Rootfs, *, changed: bool, ephemeral: bool, user: bool
) -> tuple[str, ...]:
    """The command line that runs `words` with the bundle, an absolute path, looking as it is to.

    With `changed`, descriptor CHANGED_DESCRIPTOR has the other config.json; with `ephemeral`, the rootfs stays as it
    is. `user` says that an ordinary user calls.
    """
    return (
        *(_OF_A_USER if user else _OF_ROOT),
        *("sh", "-c", _SCRIPT, "sh", bundle, rootfs.path, _yes(changed), _yes(ephemeral)),
        *(f"{rootfs.uid}:{rootfs.gid}", f"{rootfs.mode:o}", ",userxattr" if user else ""),
        *(_WITHOUT_CAPABILITIES if user else ()),
        *words,
    )


def _yes(wanted: bool) -> str:
    return "yes" if wanted else "no"
