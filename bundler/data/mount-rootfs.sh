# Mounts the image of a bundle's root filesystem for the runtime that is started next, in a mount namespace that its
# caller has made (unshare --mount --propagation unchanged). No other process sees these mounts, and they are gone with
# the last process in the namespace, however that ends. Devices in the image are what they are in a directory: a
# container opens those that its control group allows, so `nodev` would take from it what Docker gives, and add nothing.
# `die WHAT HINT CODE` is the caller's.

# Where the mount is that has the directory which is open as descriptor $1. What its path tells could be another one.
mount_point() {
    while read -r key number && [ "$key" != mnt_id: ]; do :; done <"/proc/self/fdinfo/$1"
    while read -r id _ _ _ place _ && [ "$id" != "$number" ]; do :; done </proc/self/mountinfo
    # The kernel writes a blank as \040, which is \0040 for printf.
    plain=''
    while case $place in *\\*) ;; *) false ;; esac do
        plain=$plain${place%%\\*}\\0 place=${place#*\\}
    done
    printf '%b' "$plain$place"
}

# A path as the kernel's tables have it.
escape() {
    left=$1
    while case $left in *' '*) ;; *) false ;; esac do left="${left%% *}\\040${left#* }"; done
    printf '%s' "$left"
}

# The folder that keeps what is written is one container's at a time, since the kernel does not say what becomes of two
# overlays that write to it. The lock lasts until the runtime ends; the mounts of other processes show a container that
# has outlived its own.
reserve() {
    [ -d "$1" ] || mkdir -m 700 "$1" || die "$1 cannot be made" "the container writes there: is the disk full?" 1
    exec 7<"$1"
    flock -n 7 2>/dev/null
    if [ $? = 1 ] || grep -qsF -- " - overlay $(escape "$1") " /proc/[0-9]*/mountinfo; then
        die "another container writes to $1" "stop it first" 2
    fi
}

# What is written begins with the owner and the mode of the image's own root, and the folder appears with them.
make_upper() {
    [ ! -d "$2/rootfs" ] || return 0
    mkdir -p "$2/work" "$2/new" &&
        chown "$(stat -c %u:%g "$1")" "$2/new" &&
        chmod "$(stat -c %a "$1")" "$2/new" &&
        mv "$2/new" "$2/rootfs"
}

# mount_rootfs BUNDLE UPPER [DIGEST]: what is written goes to BUNDLE/upper where UPPER is `kept`; where it is `none`,
# nothing can be written. With DIGEST, the image has to have this sha256.
mount_rootfs() {
    image=$1/rootfs.erofs rootfs=$1/rootfs upper=$1/upper
    if [ ! -f "$image" ] || [ -h "$image" ] || { [ -n "${3-}" ] && [ "$(sha256sum <"$image")" != "$3  -" ]; }; then
        die "$image is not what was built" "build the bundle again, or copy it here once more" 6
    fi
    [ "$2" = none ] || reserve "$upper"
    # What is mounted here stays here; what a hook mounts elsewhere has to reach the machine.
    exec 8<"$rootfs"
    mount --make-slave "$(mount_point 8)" || die "$rootfs cannot be mounted on" "it takes root" 5
    exec 8<&-
    # Where there are no loop devices, a kernel from 6.12 on can do without.
    mount -t erofs -o loop,ro "$image" "$rootfs" 2>/dev/null || mount -t erofs -o ro "$image" "$rootfs" ||
        die "$image cannot be mounted" "the kernel needs EROFS and loop devices: modprobe erofs loop" 5
    [ "$2" = kept ] || return 0
    exec 8<"$rootfs"
    make_upper "$rootfs" "$upper" || die "$upper cannot be filled" "the container writes there: is the disk full?" 1
    # An overlay is called after where it writes, by which bundler knows that a container runs from the bundle.
    (cd "$upper" && mount -t overlay -o lowerdir=/proc/self/fd/8,upperdir=rootfs,workdir=work "$upper" "$rootfs") ||
        die "$upper cannot be laid over $image" "the kernel needs overlays (modprobe overlay), on a local disk that can be written to" 5
    exec 8<&-
}
