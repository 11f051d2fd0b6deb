# A newer kit's bundle takes the place of an older one, and what the container has written to its volumes moves along.
#
#   $dir             the bundle, $dir.old the one before, without those folders, $dir.new the next one on its way
#   $dir.kit-moving  the command and the digest of the bundler.json that it puts in place, the path of the units without
#                    their ends, and these folders: while it is there, something may be left to do
#   $dir.kit-units   the units of both, in folders that are called by the digests of their bundler.json
#
# Whatever was killed is finished by the next call: each step is one rename, and is done unless its outcome is there.

holds_anything() {
    for entry in "$1"/* "$1"/.[!.]* "$1"/..?*; do
        if [ -e "$entry" ] || [ -h "$entry" ]; then return 0; fi
    done
    return 1
}

# The folders of a bundle that a container writes to, one a line.
data_folders() {
    for folder in "$1"/volumes/* "$1"/volumes/.[!.]* "$1"/*; do
        [ -d "$folder" ] || continue
        [ ! -h "$folder" ] || die "$folder is a symlink" "a bundle has none there"
        folder=${folder#"$1/"}
        case $folder in rootfs | upper | etc | hooks | images | shm | volumes) ;; *) printf '%s\n' "$folder" ;; esac
    done
}

# Whether a bundle mounts the folder, or one in it.
mounts() {
    while IFS= read -r line; do
        case $line in *"\"source\": \"$2\""* | *"\"source\": \"$2/"*) return 0 ;; esac
    done <"$1/config.json"
    return 1
}

# Whether the loop device that a line begins with is of the file $2.
is_backing() {
    IFS= read -r backing 2>/dev/null <"/sys/block/${1%% *}/loop/backing_file" && [ "$backing" = "$2" ]
}

# A container has its rootfs and its volumes mounted, by their path in the file system that has the bundle. What is
# mounted of an image is called after a folder of the bundle, after the image, or after a loop device of it.
check_idle() {
    at='' device='' top=''
    while read -r _ _ found_device found_top found_at _; do
        case $1/ in "${found_at%/}"/*) [ "${#found_at}" -lt "${#at}" ] || { at=$found_at device=$found_device top=$found_top; } ;; esac
    done </proc/self/mountinfo
    inside=$(escape "${top%/}${1#"${at%/}"}") escaped=$(escape "$1") top=''
    for table in /proc/[0-9]*/mountinfo; do
        while read -r _ _ found_device found_top rest; do
            case $found_device:$found_top/ in "$device:$inside"/*) top=found ;; esac
            case $rest in
            *" - overlay $escaped/"* | *" - erofs $escaped/rootfs.erofs "*) top=found ;;
            *" - erofs /dev/loop"*) ! is_backing "${rest##*" - erofs /dev/"}" "$1/rootfs.erofs" || top=found ;;
            esac
        done 2>/dev/null <"$table"
        [ "$top" != found ] || die "a container runs from $1, or something in it is mounted elsewhere" "stop it first: systemctl ${user:+--user }stop $name" 2
    done
}

# What has begun is done, whoever has begun it; `finished` is the command, if that has come to its end.
finish_moving() {
    finished=''
    [ -f "$dir.kit-moving" ] || return 0
    if [ -d "$dir.new" ] && [ -d "$dir" ] && [ ! -e "$dir.old" ]; then
        mv "$dir" "$dir.old" || die "$dir cannot be moved"
    fi
    if [ -d "$dir.new" ] && [ ! -e "$dir" ]; then
        mv "$dir.new" "$dir" || die "$dir.new cannot be moved"
    fi
    {
        read -r finished target
        IFS= read -r prefix
        while IFS= read -r folder; do
            if [ -d "$dir.old/$folder" ] && [ ! -e "$dir/$folder" ]; then
                mv "$dir.old/$folder" "$dir/$folder" || die "$dir.old/$folder cannot be moved"
            fi
        done
    } <"$dir.kit-moving"
    [ "$(digest_of "$dir/bundler.json")" = "$target" ] || finished='' # it had not come to its first step
    [ -z "$prefix" ] || place_units "$prefix"
    sync
    rm "$dir.kit-moving" || die "$dir.kit-moving cannot be removed"
}

# Note what is to be done, the command and the digest; from then on it is done.
begin_moving() {
    printf '%s\n%s\n%s' "$1 $2" "$prefix" "$moving" >"$dir.kit-moving-part" || die "$dir.kit-moving-part cannot be written"
    sync
    mv "$dir.kit-moving-part" "$dir.kit-moving" || die "$dir.kit-moving cannot be made"
    sync
}

# Keep the units in the folder $1 as those of the bundle whose bundler.json has the digest $2.
keep_units() {
    rm -rf "$dir.kit-units/part"
    mkdir -p "$dir.kit-units/part" || die "$dir.kit-units cannot be made"
    for file in "$name.service" "$name-health.service" "$name-health.timer"; do
        [ ! -f "$1/$file" ] || cp "$1/$file" "$dir.kit-units/part/$file" || die "$1/$file cannot be kept"
    done
    rm -rf "$dir.kit-units/$2"
    mv "$dir.kit-units/part" "$dir.kit-units/$2" || die "$dir.kit-units/$2 cannot be made"
}

# The units of the bundle that is in its place now, each in one step; $1 is their path without its end.
place_units() {
    kept=$dir.kit-units/$(digest_of "$dir/bundler.json")/${1##*/}
    for suffix in .service -health.service -health.timer; do
        if [ ! -f "$kept$suffix" ]; then
            rm -f "$1$suffix"
        elif ! cp "$kept$suffix" "$1$suffix.part" || ! chmod 0644 "$1$suffix.part" || ! mv "$1$suffix.part" "$1$suffix"; then
            die "$1$suffix cannot be written"
        fi
    done
}

# What there is to do for the manager of the units.
show_next() {
    printf '%s\n' "$dir"
    [ -z "$prefix" ] || note "to start it: systemctl ${user:+--user }daemon-reload && systemctl ${user:+--user }restart $name"
    [ ! -d "$dir.old" ] || note "$dir.old keeps what its container wrote outside of volumes: commit removes both, rollback lets the two change places"
}
