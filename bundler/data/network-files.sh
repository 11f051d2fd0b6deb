#!/bin/sh
# Gives a container files of its own, in place of those that are its bundle's and that the runtime has mounted already:
#
#   network-files RECORD BUNDLE
#
# hooks/network starts it in the container's mount namespace, so nothing of it is left when the container ends. The root
# filesystem may be that of another container, which runs and puts symlinks into the way: what is mounted onto is looked
# at when it is open.
set -eu
export LC_ALL=C
# mount(2) follows the symlink of /proc to an open file. move_mount(2), which util-linux would take since 2.39, does not.
export LIBMOUNT_FORCE_MOUNT2=always
record=$1 bundle=$2

identity() {
    stat -L -c %d:%i "$1"
}

mounts=$(grep -E '^([^ ]+ ){3}[^ ]*/etc/(hosts|resolv\.conf) ' /proc/self/mountinfo) || exit 0
while read -r _ _ _ source shown options _; do
    name=${source##*/}
    point=$(printf '%b' "$(printf '%s' "$shown" | sed 's/\\134/\\0134/g')")
    { [ -f "$record/$name" ] && [ "$point" != "$bundle/etc/$name" ]; } || continue
    [ "$(identity "$point")" = "$(identity "$bundle/etc/$name")" ] || continue
    case ,$options, in
    *,ro,*) read_only=yes ;;
    *) read_only=no ;;
    esac
    umount "$point" 2>/dev/null || read_only=yes # crun holds what it will make read-only later: it stays, below
    [ ! -f "$point" ] || exec 3<"$point"
    [ "$(readlink /proc/self/fd/3)" = "$point" ] || {
        printf 'bundler: network: %s has become something else\n' "$point" >&2
        exit 1
    }
    mount --no-canonicalize --bind "$record/$name" /proc/self/fd/3
    exec 3<&-
    if [ $read_only = yes ]; then
        options=$(grep -F " $shown " /proc/self/mountinfo | tail -n 1 | cut -d ' ' -f 6)
        mount -o "remount,bind,ro,${options#r[wo],}" "$point"
    fi
done <<MOUNTS
$mounts
MOUNTS
