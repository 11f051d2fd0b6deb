# A root filesystem that is one file, an image: what it needs of this machine, and how it is mounted. `image` of kit.conf is
# empty where it is a directory, `kept` where what is written over the image is kept in upper/, `none` where nothing can be.

# Whether the kernel has the file system $1, also after it was asked to load it.
has_filesystem() {
    for try in 1 2; do
        while read -r first second; do
            case $1 in "$first" | "$second") return 0 ;; esac
        done </proc/filesystems
        [ "$try" = 2 ] || modprobe "$1" 2>/dev/null
    done
    return 1
}

# Whether a file can be mounted: by a loop device, or by the kernel itself, from 6.12 on.
has_loop() {
    [ ! -c /dev/loop-control ] || return 0
    ! modprobe loop 2>/dev/null || return 0
    IFS=.- read -r major minor _ </proc/sys/kernel/osrelease
    [ "$major" -gt 6 ] || { [ "$major" = 6 ] && [ "$minor" -ge 12 ]; }
}

instead='load the module, or build the bundle with --rootfs dir'

# Before anything is unpacked.
check_machine() {
    [ -n "$image" ] || return 0
    for tool in chown mount stat unshare; do
        have "$tool" || have busybox || die "$tool is needed to mount $image, and is not on PATH" "busybox would do, too" 5
    done
    has_filesystem erofs || die "this kernel has no EROFS, and the root filesystem is an image of it" "$instead" 5
    has_loop || die "this kernel has no loop devices, by which the root filesystem is mounted" "$instead" 5
    [ "$image" = none ] || has_filesystem overlay || die "this kernel has no overlays, by which the container writes to its root filesystem" "build the bundle with read_only: true, or with --rootfs dir" 5
}
# Become the command, with the image mounted for it: in a mount namespace of its own, which ends with the container.
with_image() {
    shell=sh unsharing='unshare --mount --propagation'
    have sh || shell='busybox sh'
    have unshare || unsharing="busybox $unsharing"
    # What a hook mounts is to reach the machine. busybox has no word for that; with it, such mounts end with these.
    entering="$unsharing unchanged $shell"
    $entering -c : 2>/dev/null || entering="$unsharing slave $shell"
    exec $entering "$here/kit.sh" mounted "$dir" "$image" "$@"
}

# What that command begins with; its digest was compared when it was unpacked.
mounted() {
    mount_rootfs "$1" "$2"
    shift 2
    exec "$@"
}
