unpack() {
    check_user
    dir=$1
    case $dir in /*) ;; *) dir=$PWD/$dir ;; esac
    check_ground
    finish_moving
    if [ -e "$dir" ] || [ -h "$dir" ]; then
        if is_named "$dir"; then
            check_ours "$dir"
            return
        fi
        die "$dir is there already and is not this $kind" "upgrade puts it in its place, -C names another" 2
    fi
    part=$dir.part-$$
    mkdir "$part" || die "$part cannot be made" "name another place with -C"
    trap 'rm -rf "$part"' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    # GNU's tar restores extended attributes when it is told to, that of BSD when it is not, that of busybox never.
    if tar --xattrs '--xattrs-include=*' --version >/dev/null 2>&1; then
        tar --numeric-owner --xattrs '--xattrs-include=*' -xpzf "$here/bundle.tar.gz" -C "$part"
    else
        case $(tar --version 2>/dev/null) in
        bsdtar*) tar --numeric-owner -xpzf "$here/bundle.tar.gz" -C "$part" ;;
        *)
            [ "$attributes" = 0 ] || note "this tar restores no file capabilities, ACLs and other attributes: $attributes files lack theirs"
            tar -xzf "$here/bundle.tar.gz" -C "$part"
            ;;
        esac
    fi || die "the $kind cannot be unpacked into $part"
    is_ours "$part" || die "what was unpacked is not the $kind of this kit" "copy the whole folder again" 6
    sync # a power cut leaves no name whose files are not whole
    mv "$part" "$dir" || die "$dir cannot be made"
    check_ours "$dir" # somebody may have been there first
    trap - EXIT INT TERM HUP
}
